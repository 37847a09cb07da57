"""What was left out, counted by rule for the cohort page, and the figure of sites, from tables read in parts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.core import store
from consilium.core.sheets import Sheets
from consilium.report.facts_association import dropped_counts
from consilium.report.figures.sites import site_quality
from consilium.report.tables import Cohort


def row(what: str, step: str, action: str, rule: str) -> dict:
    return {"what": what, "patient": "P1" if what == "patient" else "", "chrom": "", "pos": pd.NA, "ref": "", "alt": "",
            "step": step, "action": action, "rule": rule}  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 100])
def test_rules_are_counted_without_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    rows = [
        row("patient", "samples_qc", "excluded", "missing rate 0.6: of 100 calls"),
        row("site", "variants_qc", "flagged", "missing rate 0.7"),
        row("site", "variants_qc", "flagged", "missing rate 0.25"),
        row("site", "association a", "not tested", "fewer than 20 carriers"),
        row("patient", "association a", "not tested", "outcome: none on 2020-01-01"),
        row("patient", "variants_qc", "flagged", "missing rate 1"),
    ]
    store.write_table(tmp_path / "cohort/genomics/dropped.tsv", "dropped", pd.DataFrame(rows).astype({"pos": "Int64"}))
    monkeypatch.setattr(store, "_PART_ROWS", size)
    cohort = Cohort("c", "train", tmp_path / "cohort", tmp_path, ("genomics",), (), Sheets([], []), {})
    assert [tuple(found.values()) for found in dropped_counts(cohort)] == [
        ("association a", "not tested", "fewer than 20 carriers", 0, 1),
        ("association a", "not tested", "outcome", 1, 0),
        ("samples_qc", "excluded", "missing rate …", 1, 0),
        ("variants_qc", "flagged", "missing rate …", 1, 2),
    ]
    without = Cohort("c", "train", tmp_path / "other" / "cohort", tmp_path, ("genomics",), (), Sheets([], []), {})
    assert dropped_counts(without) == []


def test_parts_of_sites_give_the_figure_of_all() -> None:
    sites = pd.DataFrame({"alt": ["A", "", "C", "G"], "alt_freq": [0.1, np.nan, 0.4, np.nan],
                          "missing_rate": [0, 0.5, 1, 0.2]})  # fmt: skip
    samples = pd.DataFrame({"titv": [2.0], "n_singletons": [3], "verdict": ["keep"]})

    def bars(parts: list[pd.DataFrame]) -> list[list[float]]:
        return [[bar.get_height() for bar in ax.patches] for ax in site_quality(parts, samples).axes]

    assert bars([sites]) == bars([sites[:1], sites[1:1], sites[1:]])
    assert [sum(heights) for heights in bars([sites])[:2]] == [2, 4]
    assert not any(bars([]))
