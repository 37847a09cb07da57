"""Feature blocks and quarantine tables as every room builds them."""

from __future__ import annotations

import numpy as np
import pytest
from consilium.core import blocks, refused
from consilium.core.contract import check_block
from consilium.core.errors import Problem
from consilium.core.register import TABLES
from consilium.core.store import read_table

PATIENTS, REASONS = ["P1", "P2"], ["", "not supplied"]


@pytest.mark.parametrize(
    "block",
    [
        blocks.table("omics", "t", PATIENTS, np.ones((2, 3)), ["a", "b", "c"], ["1"] * 3, REASONS),
        blocks.series("ehr", "t", PATIENTS, np.ones((2, 4, 1)), ["a"], ["g/L"], REASONS, np.arange(4)),
        blocks.volume("imaging", "t", PATIENTS, np.ones((2, 2, 2, 2)), REASONS),
    ],
    ids=["table", "series", "volume"],
)
def test_blocks_have_the_one_shape_and_nothing_of_who_lacks_them(block):
    check_block("made", block)
    assert np.isfinite(block["values"].values[0]).all()
    assert np.isnan(block["values"].values[1]).all()


def test_nobody_and_no_feature_is_a_block_too():
    check_block("made", blocks.table("text", "t", [], np.zeros((0, 0)), [], [], []))


def written(path, problems):
    refused.write_quarantine(path, "omics", problems)
    return read_table(path, "quarantine")


def test_quarantine_lists_each_problem_once_in_one_order(tmp_path):
    whole = Problem("b.tsv", "x", "y", "z", line=2)
    own = Problem("a.vcf", "x", "y", "z", patient="P1")
    table = written(tmp_path / "q.tsv", [own, whole, own])
    assert table["patient"].tolist() == ["P1", "*"] and table["room"].eq("omics").all()
    TABLES["quarantine"].check(table)
    assert refused.joined([table, table, written(tmp_path / "none.tsv", [])]).equals(TABLES["quarantine"].check(table))


def test_nothing_refused_is_an_empty_table(tmp_path):
    assert refused.joined([]).empty and written(tmp_path / "q.tsv", []).empty
