"""Numbers as people read them."""

from __future__ import annotations

import pytest
from consilium.report import svg, words
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.5, "0.5"), (1234.0, "1234"), (12345.0, "12\u2009345"), (138.4, "138"), (0.00012345, "1.23e−04"),
     (-8.939, "−8.94"), (None, ""), (float("nan"), ""), (2.0, "2")],
)  # fmt: skip
def test_number(value, said):
    assert words.number(value) == said


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False))
def test_a_number_is_read_back_within_its_digits(value):
    text = words.number(value).replace("−", "-").replace("\u2009", "")
    assert float(text) == pytest.approx(value, rel=0.006, abs=1e-9)


def test_percent_never_claims_certainty():
    assert words.percent(0.9991) == ">99 %" and words.percent(0.0004) == "<1 %"
    assert words.percent(1.0) == "100 %" and words.percent(0.0) == "0 %" and words.percent(None) == ""


def test_rank_says_lowest_and_highest():
    assert "lowest" in words.rank({"lower_share": 0.0, "n": 10}) and "highest" in words.rank(
        {"lower_share": 0.9, "n": 10}
    )
    assert "50 %" in words.rank({"lower_share": 0.5, "n": 10})
    assert words.rank(None) == "nobody to compare with"


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=30), st.booleans(), st.booleans())
def test_a_curve_stays_in_its_frame(values, has_low, has_high):
    points = [[float(i), v, "2024-01-01"] for i, v in enumerate(values)]
    analyte = {"points": points, "ref_low": 1.0 if has_low else None, "ref_high": 50.0 if has_high else None}
    made = svg.curve(analyte)
    for point in made["points"]:
        assert svg.LEFT - 0.1 <= point["x"] <= svg.WIDTH - svg.RIGHT + 0.1
        assert svg.TOP - 0.1 <= point["y"] <= svg.HEIGHT - svg.BOTTOM + 0.1
        assert point["out"] == ((has_low and point["value"] < 1) or (has_high and point["value"] > 50))
    assert len(made["y_ticks"]) >= 2 and (made["band"] is not None) == (has_low or has_high)


def test_a_model_that_may_be_chance_is_called_so():
    record = {"why": "", "model": "late_mean", "metric": "auc", "value": 0.6, "lower": 0.48, "upper": 0.7, "n": 40}
    assert words.performance(record).startswith("shipped model (late mean): AUC 0.60 (0.48 to 0.70)")
    assert "not shown to be better than chance" in words.performance(record)
    assert "chance" not in words.performance(record | {"lower": 0.51})
    assert "chance" not in words.performance(record | {"metric": "mae"})
    assert "not shown to be better" in words.performance(record | {"metric": "mae", "signal": "none"})
    none = float("nan")
    assert words.performance(record | {"value": none, "lower": none}).endswith("AUC could not be computed")
    assert "AUC 0.60 (no interval) in" in words.performance(record | {"lower": none, "upper": none})
    applied = words.performance(record | {"lower": 0.51, "applied": True})
    assert applied.startswith("at training AUC 0.60 (0.51 to 0.70)") and applied.endswith("not judged in this cohort")


def test_checks_are_worded_for_people():
    said = words.named("no: c_index 0.62 against 0.69 of elastic_net; auc_within_folds 0.5, ece 0.1 of imaging/t1")
    assert (
        said
        == "no: C-index 0.62 against 0.69 of elastic net; AUC within folds 0.5, calibration error 0.1 of imaging/t1"
    )


def test_an_amount_says_a_fraction_as_per_cent():
    assert words.amount(0.352, "fraction of ICV") == "35 % of ICV"
    assert words.amount(3.0, "count") == "3" and words.amount(41.2, "HU") == "41.2 HU"
    assert words.amount(None, "HU") == ""
