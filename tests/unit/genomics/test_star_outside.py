"""Calls of laboratories: what counts, what contradicts, what is refused; and CYP2D6's phenotype from its diplotype."""

from __future__ import annotations

import gzip
import json
import math
import tarfile
from pathlib import Path

import pytest
from consilium.core.sheets import Sample
from consilium.genomics.stars.meant import Meant, meant
from consilium.genomics.stars.outside import OutsideCall, outside_finding, read_calls
from consilium.genomics.stars.pharmacogenes import CALLED, QUALIFIED, call, not_called
from consilium.genomics.stars.phenotypes import NOT_ASSIGNED
from hypothesis import given
from hypothesis import strategies as st
from star_fixtures import DATA, GENES, needs_data, person, unphased

D6 = GENES["CYP2D6"]


def sample(path: Path, patient: str = "P1") -> Sample:
    return Sample(patient, "genomics", "pgx_calls", str(path), "", "pgx_calls", 2)


def outside(gene: str, diplotype: str = "", phenotype: str = "", score: float = math.nan) -> OutsideCall:
    return OutsideCall("P1", gene, diplotype, phenotype, score, "lab.tsv", 1)


@pytest.mark.data
@needs_data
def test_every_cyp2d6_diplotype_of_the_source_has_its_phenotype_and_score() -> None:
    path = DATA / "pharmcat_tables" / "phenotype_v2.12.0" / "CYP2D6.cpic.json.gz"
    rows = json.loads(gzip.decompress(path.read_bytes()))["diplotypes"]
    assert len(rows) > 14_000
    for row in rows:
        found = meant(D6, row["diplotype"], "", math.nan)
        wanted = row["activityScore"].replace("≥", "")
        assert found.phenotype == row["phenotype"], row["diplotype"]
        assert (math.isnan(found.score) and wanted == "n/a") or found.score == float(wanted), row["diplotype"]


@pytest.mark.parametrize(
    ("diplotype", "phenotype", "score"),
    [
        ("CYP2D6*3/CYP2D6*4", "Poor Metabolizer", 0.0),
        ("*1.001/*2.034", "Normal Metabolizer", 2.0),
        ("*1/*36 + *10", "Normal Metabolizer", 1.25),
        ("*68+*4/*41", "Intermediate Metabolizer", 0.25),
        ("*1x5/*4", "Ultrarapid Metabolizer", 3.0),
        ("*2x2/*1", "Ultrarapid Metabolizer", 3.0),
    ],
)
def test_spellings_copies_and_tandems(diplotype: str, phenotype: str, score: float) -> None:
    found = meant(D6, diplotype, "", math.nan)
    assert (found.phenotype, found.score) == (phenotype, score)
    assert ("lower bound" in " ".join(found.notes)) == ("x5" in diplotype)


def test_unknown_is_never_zero() -> None:
    found = meant(D6, "*1/*XXX", "", math.nan)
    assert found.phenotype == "Indeterminate" and math.isnan(found.score) and "*XXX" in found.notes[0]
    assert meant(D6, "*1/*22", "", math.nan).phenotype == "Indeterminate"


def test_order_and_contradictions() -> None:
    score_first = meant(D6, "*1/*1", "Poor Metabolizer", 0.5)
    assert score_first.phenotype == "Intermediate Metabolizer" and score_first.score == 0.5
    assert len(score_first.notes) == 3
    phenotype_next = meant(D6, "*1/*1", "Poor Metabolizer", math.nan)
    assert phenotype_next.phenotype == "Poor Metabolizer" and math.isnan(phenotype_next.score)
    assert len(phenotype_next.notes) == 1
    assert meant(D6, "*1/*1", "Normal Metabolizer", 2.0).notes == ()
    assert meant(GENES["CYP2C9"], "*1/*3", "", math.nan).phenotype == "Intermediate Metabolizer"
    assert meant(GENES["DPYD"], "", "", 1.5).phenotype == "Intermediate Metabolizer"


def test_hla_is_presence_and_one_allele_excludes_nothing() -> None:
    both = meant(GENES["HLA-B"], "*02:01/B*57:01:01", "", math.nan)
    assert both.diplotype == "*02:01/*57:01"
    assert both.phenotype == "*15:02 negative, *57:01 positive, *58:01 negative" and both.notes == ()
    one = meant(GENES["HLA-B"], "*58:01", "", math.nan)
    assert one.phenotype == "*58:01 positive" and one.notes
    assert meant(GENES["HLA-A"], "A*02:02:02/*03:02:01", "", math.nan).phenotype == "*31:01 negative"


def test_an_outside_call_takes_the_place_of_ours_and_says_where_they_differ() -> None:
    gene = GENES["CYP2C19"]
    own = call(gene, person(gene, "*1", "*1"), unphased(gene))
    agrees = outside_finding(gene, [outside("CYP2C19", "*1/*1")], own)
    assert (agrees.call, agrees.origin, agrees.reason) == (CALLED, "outside call", "")
    differs = outside_finding(gene, [outside("CYP2C19", "*2/*2")], own)
    assert differs.phenotypes == ("Poor Metabolizer",) and differs.call == QUALIFIED
    assert differs.reason == "the genotypes say *1/*1 (Normal Metabolizer)"
    several = outside_finding(D6, [outside("CYP2D6", "*1/*1"), outside("CYP2D6", "*4/*4")], not_called(D6, "x"))
    assert several.phenotypes == ("Normal Metabolizer", "Poor Metabolizer") and math.isnan(several.activity_score)
    assert several.call == QUALIFIED


def test_files_with_and_without_header_and_bad_rows(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tsv"
    plain.write_text("# lab\nCYP2D6\t*1/*4\nHLA-B\t\t*57:01 positive\nCYP2C9\t\t\t≥1.5\n")
    calls, problems = read_calls([sample(plain)], GENES, ["P1"])
    assert [(c.gene, c.diplotype, c.phenotype) for c in calls[:2]] == [
        ("CYP2D6", "*1/*4", ""), ("HLA-B", "", "*57:01 positive")]  # fmt: skip
    assert calls[2].score == 1.5 and problems == []
    joint = tmp_path / "joint.tsv"
    joint.write_text("patient\tgene\tdiplotype\nP1\tCYP2D6\t*1/*1\nP9\tCYP2D6\t*1/*1\nP2\tCYP9\t*1/*1\nP2\tTPMT\t\n")
    calls, problems = read_calls([sample(joint, "*")], GENES, ["P1", "P2"])
    assert [c.patient for c in calls] == ["P1"] and [p.line for p in problems] == [3, 4, 5]
    odd = tmp_path / "odd.tsv"
    odd.write_text("gene\tgenotype\nCYP2D6\t*1/*1\n")
    latin = tmp_path / "latin.tsv"
    latin.write_bytes(b"CYP2D6\t*1/*1\t\xe9\n")
    calls, problems = read_calls([sample(odd), sample(latin)], GENES, ["P1"])
    assert calls == [] and len(problems) == 2
    low = tmp_path / "low.tsv"
    low.write_text("CYP2D6\t\t\tlow\n")
    assert "activity score 'low'" in read_calls([sample(low)], GENES, ["P1"])[1][0].found


@given(st.text(alphabet="*0123456789x+./≥ABCYPD6n", max_size=24), st.sampled_from(sorted(GENES)))
def test_no_text_is_too_odd(text: str, gene: str) -> None:
    found = meant(GENES[gene], text, "", math.nan)
    assert found.phenotype and isinstance(found.notes, tuple)


@pytest.mark.data
@needs_data
def test_pharmcats_own_files_are_read_as_they_are(tmp_path: Path) -> None:
    wanted = {
        "reporter/outside_CYP2D6_G6PD.tsv": {"CYP2D6": "Poor Metabolizer", "G6PD": "Normal"},
        "PharmCATTest-cyp2d6.tsv": {"CYP2D6": "Poor Metabolizer"},
        "PharmCATTest-outsideCallsNoRecs.tsv": {"IFNL3": NOT_ASSIGNED, "CYP4F2": NOT_ASSIGNED},
        "PharmCATTest-outsideCallsSuballeles.tsv": {
            "CYP2D6": "Normal Metabolizer", "HLA-A": "*31:01 negative",
            "HLA-B": "*15:02 negative, *57:01 negative, *58:01 negative"},
    }  # fmt: skip
    with tarfile.open(DATA / "pharmcat_cases" / "test_resources.tar.gz") as archive:
        for name, genes in wanted.items():
            stream = archive.extractfile(f"test_resources/{name}")
            assert stream is not None
            path = tmp_path / Path(name).name
            path.write_bytes(stream.read())
            calls, problems = read_calls([sample(path)], GENES, ["P1"])
            assert problems == [] and [c.gene for c in calls] == list(genes)
            assert {c.gene: meant(GENES[c.gene], c.diplotype, c.phenotype, c.score).phenotype for c in calls} == genes


def test_a_file_of_several_genes_with_comments_and_errors_by_line(tmp_path: Path) -> None:
    path = tmp_path / "cyp2d6.tsv"
    path.write_text(
        "# from a laboratory\r\nCYP2D6\t*1/*2≥3\tUM\t≥4.0\r\n\r\nMT-RNR1\t1555A>G\r\n# HLA\nHLA-B\t\t*57:01 positive\n"
        "G6PD\tB (wildtype)/B (wildtype)\nCYP2C9\t\t\t2.0\nCYP9\t*1/*1\nTPMT\t*1/*1\t\t\tseen twice\nTPMT\n",
        encoding="utf-8-sig",
    )
    calls, problems = read_calls([sample(path)], GENES, ["P1"])
    found = {c.gene: meant(GENES[c.gene], c.diplotype, c.phenotype, c.score) for c in calls}
    assert found["CYP2D6"] == Meant("*1/*2x≥3", "Ultrarapid Metabolizer", 4.0, found["CYP2D6"].notes)
    assert all("lower bound" in note for note in found["CYP2D6"].notes)
    assert found["MT-RNR1"].phenotype == "increased risk of aminoglycoside-induced hearing loss"
    assert [found[g].phenotype for g in ("HLA-B", "G6PD", "CYP2C9")] == [
        "*57:01 positive",
        "Normal",
        "Normal Metabolizer",
    ]
    assert [(p.line, p.found) for p in problems] == [
        (9, "gene 'CYP9'"), (10, "'seen twice' behind the last column"), (11, "TPMT without a result"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gene", "text", "term", "known"),
    [
        ("CYP2D6", "PM", "Poor Metabolizer", True),
        ("CYP2D6", "em", "Normal Metabolizer", True),
        ("CYP2D6", "CYP2D6 Ultrarapid Metabolizers (UM)", "Ultrarapid Metabolizer", True),
        ("CYP2C19", "likely cyp2c19 poor metaboliser", "Likely Poor Metabolizer", True),
        ("CYP2C19", "rapid metabolizer", "Rapid Metabolizer", True),
        ("TPMT", "Possible intermediate metabolizer", "Possible Intermediate Metabolizer", True),
        ("SLCO1B1", "decreased function", "Decreased Function", True),
        ("TPMT", "UM", "Ultrarapid Metabolizer", False),
        ("CYP2D6", "slow", "slow", False),
        ("HLA-B", "HLA-B *57:01 Positive", "*57:01 positive", True),
        ("HLA-B", "present", "present", False),
    ],
)
def test_words_of_laboratories(gene: str, text: str, term: str, known: bool) -> None:
    found = meant(GENES[gene], "", text, math.nan)
    assert found.phenotype == term and bool(found.notes) != known


def test_what_the_source_does_not_know_is_said() -> None:
    assert "none that the source assigns" in meant(GENES["CYP2C9"], "", "", 7.0).notes[0]
    combination = meant(GENES["CYP2C19"], "*1/[*2 + *3]", "", math.nan)
    assert combination.phenotype == "Indeterminate" and "[*2 + *3]" in combination.notes[0]
    assert "one allele only" in meant(GENES["TPMT"], "*1", "", math.nan).notes[0]
