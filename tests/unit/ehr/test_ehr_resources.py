"""The resource tables hold together."""

from pathlib import Path

import pandas as pd
from consilium.ehr.reference import load_ranges, load_units, plain_name, plain_unit

ROOT = Path(__file__).resolve().parents[3] / "resources"


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / name, sep="\t", dtype=str, keep_default_na=False)


def test_every_analyte_has_its_canonical_unit_with_factor_one() -> None:
    units = load_units(ROOT / "analytes.tsv", ROOT / "units.tsv")
    for name, analyte in units.analytes.items():
        assert units.factors[(name, plain_unit(analyte.unit))] == (1.0, 0.0)


def test_no_spelling_means_two_analytes() -> None:
    seen: dict[str, str] = {}
    for row in table("analytes.tsv").to_dict("records"):
        for spelling in {
            plain_name(s) for s in (row["analyte"], row["title"], row["loinc"], *row["synonyms"].split(";"))
        }:
            assert not spelling or seen.setdefault(spelling, row["analyte"]) == row["analyte"]


def test_no_unit_means_two_factors() -> None:
    rows = table("units.tsv")
    plain = rows.assign(plain=rows["unit"].map(plain_unit))
    assert plain.groupby(["analyte", "plain"])["factor"].nunique().max() == 1


def test_ranges_lie_inside_plausible_and_critical_limits_and_name_their_source() -> None:
    ranges = load_ranges(ROOT / "reference_ranges.tsv")
    limits = table("analytes.tsv").set_index("analyte")[["plausible_low", "plausible_high"]].astype(float)
    for row in ranges.to_dict("records"):
        low, high = limits.loc[row["analyte"]]
        known = [v for v in (row["critical_low"], row["low"], row["high"], row["critical_high"]) if v == v]
        assert known == sorted(known), row
        assert all(low <= v <= high for v in known), row
    supplied = table("reference_ranges.tsv")
    assert ((supplied["source"] != "") == ((supplied["low"] + supplied["high"]) != "")).all()
    assert not ranges.duplicated(["analyte", "sex"]).any()


def test_unknown_sex_gets_no_range_that_needs_one() -> None:
    ranges = load_ranges(ROOT / "reference_ranges.tsv").set_index(["analyte", "sex"])
    assert ranges.loc[("hemoglobin", "unknown"), ["low", "high"]].isna().all()
    assert ranges.loc[("hemoglobin", "unknown"), "critical_low"] == 6.6
    assert ranges.loc[("sodium", "unknown"), "low"] == 136


def test_drug_names_are_lower_case_and_generic_names_name_themselves() -> None:
    drugs = table("drug_names.tsv")
    assert drugs["name"].is_unique
    assert (drugs["name"] == drugs["name"].str.lower()).all()
    own = drugs.set_index("name")["generic"]
    assert all(own[g] == g for g in own)


def test_every_drug_of_the_guidelines_has_a_name_that_the_drug_list_is_mapped_to() -> None:
    generics = set(table("drug_names.tsv")["generic"])
    advised = set(table("guidelines.tsv")["drugs"].str.split("|").explode())
    assert advised <= generics
