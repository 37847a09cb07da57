"""The expectations of PharmCAT's own tests (facts read from them) and the cases of PGxPOP, for the genes called here.

What is asked, what is not and why, and today's names: benchmarks/star_bench/cases.py and pgxpop.py.
"""

from __future__ import annotations

import pytest
from star_bench.cases import Row, expectations, judged, not_asked
from star_bench.pgxpop import DIFFERENT, pgxpop
from star_fixtures import DATA, needs_data

pytestmark = [pytest.mark.data, needs_data]
ASKED = [(name, row) for name, row in expectations(DATA) if not not_asked(row)] if DATA.exists() else []


@pytest.mark.parametrize("row", [row for _, row in ASKED], ids=[name for name, _ in ASKED])
def test_expectation(row: Row) -> None:
    right, found = judged(DATA, row)
    assert right, f"expected {row['expected']}, found {found}"


def test_enough_is_asked() -> None:
    assert len(ASKED) >= 332


@pytest.mark.slow
def test_pgxpop_cases_agree_after_todays_names_or_are_explained() -> None:
    cases = pgxpop(DATA)
    assert len(cases) == 72
    assert {case.file for case in cases if not case.agrees} == set(DIFFERENT)
