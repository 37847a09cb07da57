"""Report texts of the demo cohort: the truth says what the text says."""

from pathlib import Path

import numpy as np
import pandas as pd
from consilium.simulate import texts


def cohort(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "patient": [f"P{i:03d}" for i in range(n)],
            "index_date": "2023-05-10",
            "stage": rng.choice(["I", "II", "III", "IV"], n),
            "grade": rng.integers(1, 4, n),
            "has_text": [i % 5 != 0 for i in range(n)],
        }
    )


def test_stage_and_grade_of_the_sheet_are_in_text_and_truth(tmp_path: Path) -> None:
    people = cohort()
    rows, truth = texts.write(people, tmp_path, 1)
    claims = truth["texts"]
    assert len(rows) == 2 * people["has_text"].sum()
    for person in people[people["has_text"]].to_dict("records"):
        mine = claims[claims["patient"] == person["patient"]].set_index("concept")["value"]
        assert mine["stage"] == person["stage"]
        assert mine["grade"] == str(person["grade"])
    assert (claims["negated"] & (claims["value"] == "absent")).sum() == claims["negated"].sum() > 0
    assert claims["uncertain"].any()
    assert set(claims["context"]) == {"current", "history", "family"}


def test_reports_are_dated_before_the_index_date(tmp_path: Path) -> None:
    rows, _ = texts.write(cohort(), tmp_path, 1)
    assert all(r["taken_on"] < "2023-05-10" for r in rows)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        texts.write(cohort(), tmp_path / name, 3)
    a, b = (sorted((tmp_path / n / "raw/text").iterdir()) for n in "ab")
    assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]


def test_some_reports_carry_a_typing_error() -> None:
    text = "no evidence of consolidation or cardiomegaly"
    seen = {texts._typed(text, np.random.default_rng(i)) for i in range(40)}
    assert text in seen
    assert len(seen) > 5


def test_faults(tmp_path: Path) -> None:
    rows, truth = texts.faults(cohort(), tmp_path, 1)
    assert len(rows) == len(truth["faults"]) == 3
