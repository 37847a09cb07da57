"""Matching and summing: by hand, and against the sums of pgsc_calc (plink2) for 1000 Genomes people."""

from __future__ import annotations

import csv
import gzip
import math

import numpy as np
import pandas as pd
import pytest
from consilium.genomics.intake.panel import Panel
from consilium.genomics.scores.polygenic import ambiguous, coded, expected, match_score
from consilium.genomics.scores.rows import NO_GENOTYPES, match_rows, score_rows
from consilium.genomics.scores.scoring_file import DOMINANT, RECESSIVE, ScoringFile, Term, read_scoring_file
from star_fixtures import DATA, Row, needs_data, read_vcf, store

NO_ANCESTRY = pd.DataFrame({"patient": []})
NAN = math.nan


def score(*terms: Term) -> ScoringFile:
    return ScoringFile("s", "trait", terms)


def rows_of(terms: list[Term], rows: list[Row], patients: list[str], panel: Panel | None = None,
            ancestry: pd.DataFrame = NO_ANCESTRY) -> list[dict]:  # fmt: skip
    samples = [f"p{i}" for i in range(len(rows[0][4]))]
    return score_rows(score(*terms), store(rows, samples), patients or samples, panel, ancestry)[0]


def test_both_orders_and_every_alternative() -> None:
    rows: list[Row] = [
        ("chr1", 10, "A", "G", ["0/1", "1/1"]),
        ("chr1", 20, "C", "A,T", ["1/2", "0/2"]),
        ("chr1", 30, "AT", "A", ["0/0", "0/1"]),
    ]
    terms = [Term("1", 10, "A", "G", 1.0), Term("1", 20, "T", "C", 10.0), Term("1", 30, "A", "AT", 100.0)]
    first, second = rows_of(terms, rows, [])
    assert (first["sum"], second["sum"]) == (1 + 10, 0 + 10 + 100)
    assert first["average"] == 11 / 6 and first["n_used"] == 3


def test_what_is_not_used_is_named() -> None:
    rows: list[Row] = [
        ("chr1", 10, "A", "T", ["0/1"]), ("chr1", 20, "C", "A", ["0/1"]), ("chr1", 40, "C", "T", ["0/1"]),
        ("chr1", 50, "G", "A", ["0/1"]), ("chrX", 5, "G", "A", ["0/1"]),
    ]  # fmt: skip
    terms = [
        Term("1", 10, "A", "T", 1), Term("1", 20, "G", "T", 1), Term("1", 30, "A", "C", 1), Term("", 0, "A", "C", 1),
        Term("X", 5, "A", "G", 1), Term("1", 40, "C", "T", 1), Term("1", 40, "T", "C", 1), Term("1", 50, "A", "", 1),
    ]  # fmt: skip
    found = match_score(score(*terms), store(rows, ["p"]))
    assert [f.match for f in found] == [
        "ambiguous", "other alleles", "not found", "no position", "not autosomal", "duplicate", "duplicate",
        "effect allele only",
    ]  # fmt: skip
    assert [r["used"] for r in match_rows(score(*terms), found)] == [False] * 7 + [True]


def test_no_strand_is_flipped() -> None:
    rows: list[Row] = [("chr1", 10, "A", "G", ["1/1"])]
    assert [f.match for f in match_score(score(Term("1", 10, "C", "T", 1)), store(rows, ["p"]))] == ["other alleles"]
    assert ambiguous("A", "T") and ambiguous("G", "C") and not ambiguous("A", "G") and not ambiguous("AT", "TA")


def test_dominant_and_recessive() -> None:
    counts = np.array([0.0, 1.0, 2.0])
    assert list(coded(counts, DOMINANT)) == [0, 1, 1] and list(coded(counts, RECESSIVE)) == [0, 0, 1]
    share = np.array([0.3])
    genotype = np.array([0.49, 0.42, 0.09])
    for effect in ("additive", DOMINANT, RECESSIVE):
        assert expected(share, effect)[0] == pytest.approx((coded(counts, effect) * genotype).sum())


def test_missing_calls_are_filled_from_outside_only() -> None:
    rows: list[Row] = [("chr1", i, "A", "G", ["1/1", "./."]) for i in range(1, 9)]
    known = [Term("1", i, "G", "A", 1.0, frequency=0.25) for i in range(1, 8)]
    first, second = rows_of([*known, Term("1", 8, "G", "A", 1.0)], rows, [])
    assert (first["sum"], first["n_used"], first["n_missing"]) == (16.0, 8, 0)
    # The eighth has no frequency anywhere: not used for this patient; the cohort's own mean is not taken.
    assert (second["sum"], second["n_used"], second["n_missing"]) == (7 * 0.5, 7, 7)
    assert second["average"] == 3.5 / 14 and "filled" in second["reason"]


def test_ancestry_matched_frequency_comes_first() -> None:
    panel = Panel(np.array(["chr1"]), np.array([1]), np.array(["A"]), np.array(["G"]), ("X", "Y"),
                  np.array([[0.1, 0.9]]))  # fmt: skip
    ancestry = pd.DataFrame({"patient": ["p0", "p1"], "p_X": [1.0, NAN], "p_Y": [0.0, NAN]})
    rows: list[Row] = [("chr1", 1, "A", "G", ["./.", "./."])]
    alt = rows_of([Term("1", 1, "G", "A", 1.0, frequency=0.5)], rows, [], panel, ancestry)
    assert [r["sum"] for r in alt] == [pytest.approx(0.2), pytest.approx(1.0)]  # p1: the file's own frequency
    ref = rows_of([Term("1", 1, "A", "G", 1.0, frequency=0.5)], rows, [], panel, ancestry)
    assert ref[0]["sum"] == pytest.approx(1.8)


def test_low_overlap_and_absent_patients_are_not_assessed() -> None:
    rows: list[Row] = [("chr1", 1, "A", "G", ["1/1"])]
    terms = [Term("1", i, "G", "A", 1.0) for i in (1, 2)]
    present, absent = rows_of(terms, rows, ["p0", "nobody"])
    assert present["status"] == "not assessed" and math.isnan(present["sum"])
    assert "1 of 2 variants used" in present["reason"] and "1 not found" in present["reason"]
    assert absent["reason"] == NO_GENOTYPES


def test_one_patient_scores_as_in_a_cohort() -> None:
    rows: list[Row] = [("chr1", i, "A", "G", ["0/1", "./.", "1/1"]) for i in range(1, 5)]
    terms = [Term("1", i, "G", "A", 0.1 * i, frequency=0.2) for i in range(1, 5)]
    together = rows_of(terms, rows, [])
    for j in range(3):
        alone = rows_of(terms, [(*r[:4], [r[4][j]]) for r in rows], [])
        assert alone[0]["sum"] == together[j]["sum"]


@pytest.mark.data
@needs_data
def test_sums_of_pgsc_calc_are_reproduced() -> None:
    folder = DATA / "prs_1kgp"
    with gzip.open(folder / "expected_scores_open.csv.gz", "rt") as handle:
        wanted = {r["FID"]: float(r["SUM"]) for r in csv.DictReader(handle)}
    chosen = sorted(wanted)[:60]
    with gzip.open(folder / "PGS000586_GRCh38.vcf.gz", "rt") as handle:
        text = handle.read()
    rows, samples = read_vcf(text)
    columns = [samples.index(s) for s in chosen]
    genotypes = store([(*r[:4], [r[4][c] for c in columns]) for r in rows], chosen)
    sums, found = score_rows(
        read_scoring_file(folder / "PGS000586_hmPOS_GRCh38.txt.gz"), genotypes, chosen, None, NO_ANCESTRY
    )
    assert sum(f.used for f in found) == 809
    assert all(r["status"] == "assessed" and r["n_used"] == 809 for r in sums)
    assert max(abs(r["sum"] - wanted[r["patient"]]) for r in sums) < 1e-6
