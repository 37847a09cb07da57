"""Which data a patient supplied, and the refusals."""

from __future__ import annotations

from dataclasses import replace

import made_names
import pandas as pd
import pytest
from consilium.core.errors import InputError
from consilium.core.sheets import KINDS
from consilium.core.store import read_table
from consilium.report import stages
from consilium.report.quarantine import merged, readable
from consilium.report.run_summary import run_summary
from consilium.report.supplied import supplied


def _status(cohort, patient: str) -> dict[str, tuple[str, str]]:
    return {k["kind"]: (k["status"], k["why"]) for k in supplied(cohort, patient)["kinds"]}


def test_every_kind_of_every_room_has_a_status_and_a_cause(cohort):
    for patient in made_names.IDS:
        kinds = supplied(cohort, patient)["kinds"]
        assert [(k["room"], k["kind"]) for k in kinds] == [(r, k) for r, names in KINDS.items() for k in names]
        assert all(k["why"] for k in kinds if k["status"] not in ("supplied",))


def test_statuses(cohort):
    assert _status(cohort, "P002")["labs"][0] == "supplied"
    assert _status(cohort, "P011")["CT"] == ("quarantined", "DICOM series with slice 17 of 60 missing")
    assert _status(cohort, "P003")["T1"] == ("excluded", "T1: signal-to-noise ratio 4.0 below 6")
    assert _status(cohort, "P030")["vcf"] == ("not supplied", "no row of this patient in the cohort's table")
    assert _status(cohort, "P001")["T2"] == ("not supplied", "no row in the sample sheet")
    flagged = cohort.table("samples_qc").query("verdict == 'flag'")["patient"].iloc[0]
    assert _status(cohort, flagged)["vcf"][0] == "flagged"


def test_a_refused_row_does_not_refuse_the_table(cohort):
    labs = next(k for k in supplied(cohort, "P003")["kinds"] if k["kind"] == "labs")
    assert labs["status"] == "supplied" and labs["note"] == "1 row refused: unit 'bushel' of sodium"
    other = next(k for k in supplied(cohort, "P002")["kinds"] if k["kind"] == "labs")
    assert other["note"] == ""


def _refusing(cohort, kind: str, line: int, patient: str = "*"):
    """The cohort with one refusal more, of its shared file of a kind."""
    room = next(r for r, kinds in KINDS.items() if kind in kinds)
    (sample,) = cohort.samples(room, kind, "*")
    row = {"patient": patient, "room": room, "file": sample.path, "line": line, "cause": "odd; allowed: even; mend: it"}
    tables = cohort.tables | {"quarantine": pd.concat([cohort.table("quarantine"), pd.DataFrame([row])])}
    return replace(cohort, tables=tables, _seen={})


@pytest.mark.parametrize("kind", ["labs", "expression"])
def test_what_is_refused_of_a_shared_table_does_not_refuse_who_was_read_from_it(cohort, kind):
    before = {p: _status(cohort, p)[kind] for p in made_names.IDS}
    assert {"supplied", "not supplied"} <= {status for status, _ in before.values()}
    after = _refusing(cohort, kind, 0)  # a remark on the whole file: 18 more patients who are not in the sheet, say
    assert {p: _status(after, p)[kind] for p in made_names.IDS} == before
    there = next(p for p, (status, _) in before.items() if status == "supplied")
    gone = next(p for p, (status, _) in before.items() if status == "not supplied")
    assert _status(_refusing(cohort, kind, 0, there), there)[kind] == ("supplied", "")
    assert _status(_refusing(cohort, kind, 7, gone), gone)[kind] == ("quarantined", "odd")


@pytest.mark.parametrize("kind", ["labs", "expression"])
def test_a_shared_table_that_gave_nothing_to_anybody_is_quarantined_with_its_cause(cohort, kind):
    bare = replace(cohort, blocks=(), tables=cohort.tables | {"observations": cohort.table("observations").iloc[:0]})
    assert _status(replace(bare, _seen={}), "P002")[kind][0] == "not supplied"
    assert _status(_refusing(bare, kind, 0), "P002")[kind] == ("quarantined", "odd")
    assert _status(_refusing(bare, kind, 9), "P002")[kind][0] == "not supplied"  # a stray row concerns nobody here


def test_kinds_lacking_for_one_reason_share_a_row(cohort):
    rows = supplied(cohort, made_names.EMPTY)["rows"]
    images = [r for r in rows if r["room"] == "imaging"]
    assert len(images) == 1 and images[0]["title"].count(",") == len(KINDS["imaging"]) - 1


def test_rooms_say_why_they_have_nothing(cohort):
    rooms = supplied(cohort, made_names.EMPTY)["rooms"]
    assert rooms["genomics"] == "genome not supplied" and all(rooms.values())
    assert supplied(cohort, "P002")["rooms"]["genomics"] == ""


def test_refusals_are_merged_sorted_and_readable(base):
    cohort = base / "results/made/cohort"
    paths = [cohort / room / "quarantine.tsv" for room in ("imaging", "ehr", "genomics")]
    table = merged([*paths, paths[0]])
    assert len(table) == 3 and table["room"].tolist() == ["ehr", "ehr", "imaging"]
    said = readable(table)
    assert "raw/labs.tsv:214" in said and "[P011]" in said and "whole cohort" in said
    assert readable(table.iloc[:0]) == "No input file was refused."


def test_stop_names_every_problem_and_writes_nothing(base, tmp_path):
    cohort = base / "results/made/cohort"
    out = tmp_path / "input_checked.txt"
    with pytest.raises(InputError) as error:
        stages.gate([cohort / "imaging/quarantine.tsv", cohort / "ehr/quarantine.tsv"], out)
    assert len(error.value.problems) == 3 and not out.exists()
    assert "raw/labs.tsv:214 [P003]: unit 'bushel' of sodium; allowed: mmol/L; mend: correct the unit" in str(
        error.value
    )
    stages.gate([cohort / "genomics/quarantine.tsv"], out)
    assert out.exists()
    stages.quarantine([cohort / "ehr/quarantine.tsv"], tmp_path / "q.tsv")
    with pytest.raises(InputError):
        stages.accept(tmp_path / "q.tsv", tmp_path / "accepted.txt")
    assert len(read_table(tmp_path / "q.tsv", "quarantine")) == 2


def test_run_summary_counts(cohort):
    table = run_summary(cohort, "abc").set_index("item")
    assert table.loc["patients", "value"] == "30" and table.loc["files refused", "value"] == "2"
    assert table.loc["Images: CT", "note"] == "not supplied 24, quarantined 1, supplied 5"
    assert table.loc["diagnosis: shipped model", "value"] == "stack"
    assert table.loc["diagnosis: checks with verdict warn", "note"] == "missingness is not informative"
    assert table.loc["diagnosis: outer folds", "value"] == "5" and table.loc["configuration", "value"] == "abc"
