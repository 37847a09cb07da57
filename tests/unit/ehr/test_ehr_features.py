"""Time grid, summaries, clinical columns, alerts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.core.contract import check_block
from consilium.core.sheets import Patient, Sample
from consilium.ehr import alerts, intake, series
from consilium.ehr.clinical import read_clinical
from consilium.ehr.reference import load_ranges

ROOT = Path(__file__).resolve().parents[3]


def observed(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    """(patient, analyte, days, value); index date 2023-01-10."""
    day = pd.Timestamp("2023-01-10")
    return pd.DataFrame(
        [
            {
                "patient": p,
                "analyte": a,
                "days": d,
                "value": v,
                "unit": "mg/dL",
                "taken_on": (day + pd.Timedelta(days=d)).isoformat(),
            }
            for p, a, d, v in rows
        ]
    )


def test_grid_takes_means_and_leaves_gaps_missing() -> None:
    rows = series.in_window(
        observed(("A", "x", -99, 1), ("A", "x", -98, 3), ("A", "x", 0.4, 5), ("A", "x", -101, 9)), 100
    )
    values, analytes = series.grid(rows, ["A", "B"], 100, 10)
    assert analytes == ["x"]
    assert values[0, 0, 0] == 2
    assert values[0, 9, 0] == 5
    assert np.isnan(values[0, 1:9, 0]).all()
    assert np.isnan(values[1]).all()
    assert series.bin_centres(100, 10).tolist() == [-95, -85, -75, -65, -55, -45, -35, -25, -15, -5]


def test_summaries_against_numpy() -> None:
    rng = np.random.default_rng(0)
    days = np.sort(rng.uniform(-360, 0, 12))
    values = rng.normal(10, 2, 12)
    rows = series.in_window(observed(*(("A", "x", d, v) for d, v in zip(days, values, strict=True))), 365)
    out = series.summaries(rows, 365).loc[("A", "x")]
    slope = np.polyfit(days / 365.25, values, 1)[0]
    expected = [values[-1], values.mean(), values.min(), values.max(), slope, 12, -days[-1]]
    assert out[list(series.STATS)].tolist() == pytest.approx(expected, rel=1e-6)


def test_no_slope_from_two_values_or_a_short_span() -> None:
    two = series.in_window(observed(("A", "x", -300, 1), ("A", "x", -1, 2)), 365)
    near = series.in_window(observed(*(("A", "x", -3 + i, 1.0) for i in range(3))), 365)
    assert np.isnan(series.summaries(two, 365)["slope"]).all()
    assert np.isnan(series.summaries(near, 365)["slope"]).all()


def test_without_index_date_the_window_ends_with_the_last_measurement() -> None:
    rows = observed(("A", "x", -500, 1), ("A", "x", -400, 2)).assign(days=np.nan)
    assert series.in_window(rows, 365)["t"].tolist() == [-100, 0]


def test_measured_blocks_say_why_somebody_is_absent() -> None:
    people = [Patient(p, index_date="2023-01-10") for p in "DCBAE"]
    rows = observed(("A", "x", -10, 1), ("B", "x", -999, 1))
    notes = {"after_index_date": {"C": 2}, "refused": {"E": 1}}
    blocks = intake.measured_blocks(people, rows, notes, 365, 4)
    for name, block in blocks.items():
        check_block(name, block)
        assert block["patient"].values.tolist() == list("DCBAE")
        assert block["present"].values.tolist() == [False, False, False, True, False]
        assert block["reason"].values.tolist() == [
            "not supplied", "only measurements after the index date",
            "no measurement in the 365 days before the index date", "",
            "every row refused, see cohort/ehr/quarantine.tsv",
        ]  # fmt: skip
    summary = blocks["summary"]
    assert summary.sel(patient="A", feature="x.count")["values"] == 1
    assert summary.sel(feature="x.slope")["unit"] == "mg/dL/year"


def test_clinical_columns(tmp_path: Path) -> None:
    path = tmp_path / "clinical.csv"
    rows = ["A,1.5,yes,60,n1", "B,NA,no,x,n2", "C,3,unknown,61,n3", "Z,1,no,3,n4"] + [
        f"P{i},1,no,50,t{i}" for i in range(30)
    ]
    path.write_text("patient,score,smoker,age,note\n" + "\n".join(rows) + "\n")
    table, problems = read_clinical(path, {"A", "B", "C", *(f"P{i}" for i in range(30))})
    assert list(table.columns) == ["score", "smoker=no", "smoker=yes", "age"]
    assert table.loc["A"].tolist() == [1.5, 0, 1, 60]
    assert np.isnan(table.loc["B", "score"])
    assert np.isnan(table.loc["B", "age"])
    assert table.loc["C", ["smoker=no", "smoker=yes"]].isna().all()
    words = " ".join(p.cause for p in problems)
    assert "age 'x'" in words
    assert "column 'note' has 33 different values" in words
    assert "patient 'Z'" in words


def test_clinical_block_of_two_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("patient,x\nA,1\n")
    (tmp_path / "b.csv").write_text("patient,y\nB,2\n")
    samples = [Sample("*", "ehr", "clinical", str(tmp_path / f), "", f, 2) for f in ("a.csv", "b.csv")]
    block = intake.clinical_block([Patient(p) for p in "CBA"], samples)["clinical"]
    check_block("clinical", block)
    assert block["present"].values.tolist() == [False, True, True]
    assert block["feature"].values.tolist() == ["x", "y"]


def ranged(sex: str, born: int | None, *values: tuple[str, str, float]) -> pd.DataFrame:
    rows = pd.DataFrame(
        [{"patient": "A", "analyte": a, "taken_on": d, "value": v, "unit": "u", "censored": ""} for a, d, v in values]
    )
    rows["moment"] = pd.to_datetime(rows["taken_on"])
    ranges = load_ranges(ROOT / "resources/reference_ranges.tsv")
    return alerts.with_ranges(rows, ranges, {"A": Patient("A", sex, born)})


def test_alerts_latest_outside_and_critical_at_any_time() -> None:
    rows = ranged(
        "female",
        1960,
        ("potassium", "2020-01-01", 7.0),
        ("potassium", "2021-01-01", 4.0),
        ("sodium", "2020-01-01", 130),
        ("sodium", "2021-01-01", 140),
        ("hemoglobin", "2021-01-01", 11.0),
        ("calcium", "2021-01-01", 10.2),
    )
    out = alerts.alerts(rows)
    assert out[["analyte", "alert"]].to_numpy().tolist() == [["hemoglobin", "low"], ["potassium", "critically high"]]


def test_no_adult_range_for_a_child_and_no_sexed_range_for_unknown_sex() -> None:
    assert alerts.alerts(ranged("female", 2015, ("hemoglobin", "2021-01-01", 5.0))).empty
    assert alerts.alerts(ranged("unknown", 1960, ("hemoglobin", "2021-01-01", 11.0))).empty
    assert len(alerts.alerts(ranged("unknown", 1960, ("hemoglobin", "2021-01-01", 6.0)))) == 1


def test_a_censored_low_value_raises_no_alert() -> None:
    rows = ranged("male", 1960, ("sodium", "2021-01-01", 60.0)).assign(censored="<")
    assert alerts.alerts(rows).empty
