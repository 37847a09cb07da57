"""Each defect planted into an fMRI series is caught with its own reason, and nothing is said of a clean one.

One draw of each of the benchmark's; those of files are in test_imaging_planted.py.
"""

from imaging_defects import jobs, row


def test_planted_defects_of_series_are_caught_for_their_own_reason() -> None:
    drawn = [row(job, 0, 1, [*job[:3], "0", "0", ""]) for job in jobs(None, "series") if job[0] == "series"]
    assert len(drawn) > 7
    wrong = [one for one in drawn if int(one[4]) != (1 if one[2] else 0)]
    assert wrong == []
