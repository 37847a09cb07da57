"""Names and groups of what was measured in an image."""

from __future__ import annotations

import made_names
import made_records
from consilium.report.image_values import grouped, region_title
from consilium.report.tables import read_titles


def _groups():
    return grouped(made_records.MEASURED, {"icv_ml": "Intracranial volume", "gm_permille": "Grey matter"})


def test_values_of_the_whole_image_keep_their_gaps():
    assert _groups()["whole"] == [
        {"name": "Intracranial volume", "value": 1480.2, "unit": "ml"},
        {"name": "Gm share", "value": None, "unit": "fraction of ICV"},
    ]


def test_units_are_short_where_the_name_says_the_rest():
    measured = {"centre_x_mm": "mm from the brain's centre", "ratio_mean": "tissue = 1", "surface_cm2": "cm2"}
    found = grouped({name: {"value": 1.0, "unit": unit} for name, unit in measured.items()}, {})
    assert [v["unit"] for v in found["whole"]] == ["mm", "", "cm²"]


def test_structures_and_parcels_are_two_tables():
    groups = _groups()
    assert groups["structures"] == {
        "columns": [{"title": "Grey matter", "unit": "permille of ICV"}],
        "rows": [
            {"region": "Hippocampus, left", "values": [3.1]},
            {"region": "Hippocampus, right", "values": [3.3]},
        ],
    }
    assert [r["region"] for r in groups["parcels"]["rows"]] == ["Default mode, left (−42, −69, 31)"]


def test_network_pairs_are_a_triangle():
    pairs = _groups()["pairs"]
    assert pairs["names"] == ["Default", "Occipital"] and pairs["unit"] == "Fisher z"
    assert [r["values"] for r in pairs["rows"]] == [[0.41], [-0.05, 0.62]]


def test_nothing_measured_gives_no_group():
    assert grouped({}, {}) == {"whole": [], "structures": None, "parcels": None, "pairs": None}


def test_a_measure_with_a_point_in_its_own_name_is_no_region():
    found = grouped({"fd_share_above_0.5mm": {"value": 0.1, "unit": "fraction"}}, {"fd_share_above_0.5mm": "Displaced"})
    assert found["whole"][0]["name"] == "Displaced"


def test_region_titles():
    assert region_title("basal_ganglia_R") == "Basal ganglia, right"
    assert region_title("other_L_-53_-32_-25") == "Other, left (−53, −32, −25)"


def test_titles_of_analytes_and_measures_do_not_clash(root):
    analytes, measures = root / "resources/analytes.tsv", made_names.MEASURES
    both = read_titles(analytes, measures)
    assert len(both) == sum(len(p.read_text().splitlines()) - 1 for p in (analytes, measures))
