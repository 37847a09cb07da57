"""Each planted defect of files and series is caught with its own reason; nothing is said of clean ones.

One draw of each of the benchmark's; heads, copies and relations take minutes and are drawn by the benchmark alone.
"""

import pytest
from imaging_defects import jobs, row


@pytest.mark.parametrize("group", ["file", "series"])
def test_planted_defects_are_caught_for_their_own_reason(group: str) -> None:
    drawn = [row(job, 0, 1, [*job[:3], "0", "0", ""]) for job in jobs(None, group) if job[0] == group]
    assert len(drawn) > 7
    wrong = [one for one in drawn if int(one[4]) != (1 if one[2] else 0)]
    assert wrong == []
