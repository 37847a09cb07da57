"""Matching and summing: by hand, and against the sums of pgsc_calc (plink2) for 1000 Genomes people."""

from __future__ import annotations

import csv
import gzip
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from consilium.genomics.cohort.planes import pack_calls
from consilium.genomics.scores.allele_codes import AlleleCodes
from consilium.genomics.scores.frequencies import no_frequencies
from consilium.genomics.scores.matching import Rules
from consilium.genomics.scores.rows import NO_GENOTYPES, match_arrays, read_scores, score_columns
from consilium.genomics.scores.rows import score_all as all_scores
from consilium.genomics.scores.scoring_file import DOMINANT, RECESSIVE, read_scoring_file
from consilium.genomics.scores.stored_copies import stored_copies
from consilium.genomics.scores.sums import Wanted, add_up, coded, expected, variance
from hypothesis import given, settings
from hypothesis import strategies as st
from score_fixtures import NAN, as_rows, known, matches_of, rows_of, score, scored
from star_fixtures import DATA, Row, needs_data, read_vcf, store


def test_both_orders_and_every_alternative() -> None:
    rows: list[Row] = [
        ("chr1", 10, "A", "G", ["0/1", "1/1"]),
        ("chr1", 20, "C", "A,T", ["1/2", "0/2"]),
        ("chr1", 30, "AT", "A", ["0/0", "0/1"]),
    ]
    first, second = rows_of(score(("1", 10, "A", "G", 1), ("1", 20, "T", "C", 10), ("1", 30, "A", "AT", 100)), rows)
    assert (first["sum"], second["sum"]) == (1 + 10, 0 + 10 + 100)
    assert first["average"] == 11 / 6 and first["n_used"] == 3


def test_what_is_not_used_is_named() -> None:
    rows: list[Row] = [
        ("chr1", 10, "A", "T", ["0/1"]), ("chr1", 20, "C", "A", ["0/1"]), ("chr1", 40, "C", "T", ["0/1"]),
        ("chr1", 50, "G", "A", ["0/1"]), ("chr1", 60, "G", "A", ["0/1"]), ("chrX", 5, "G", "A", ["0/1"]),
    ]  # fmt: skip
    one = score(
        ("1", 10, "A", "T", 1), ("1", 20, "G", "T", 1), ("1", 20, "G", "A", 1), ("1", 30, "A", "C", 1),
        ("", 0, "A", "C", 1), ("X", 5, "A", "G", 1), ("1", 40, "C", "T", 1), ("1", 40, "T", "C", 1),
        ("1", 50, "A", "", 1), ("1", 60, "A", "", 1), ("1", 60, "A", "G", 1),
    )  # fmt: skip
    names = matches_of(one, rows)
    assert names == [
        "ambiguous", "other strand", "other alleles", "not found", "no position", "not autosomal", "duplicate",
        "duplicate", "effect allele only", "duplicate", "duplicate",
    ]  # fmt: skip
    table = pa.table(match_arrays(scored(one, rows)[0])).to_pydict()
    assert table["match"] == names and table["used"] == [n == "effect allele only" for n in names]
    assert table["chrom"][3:6] == ["1", "", "X"]


def test_scores_of_the_same_variants_are_what_each_is_alone() -> None:
    rows: list[Row] = [("chr1", 10, "A", "G", ["0/1", "1/1", "./."]), ("chr1", 20, "C", "A", ["1/1", "./.", "0/1"])]
    sites = [("1", 10, "G", "A"), ("1", 20, "C", "A"), ("1", 30, "C", "A")]
    named = {
        "one": [(*s, w) for s, w in zip(sites, (1, 2, 4), strict=True)],
        "two": [(*s, w) for s, w in zip(sites, (0.25, -3, 8), strict=True)],
        "three": [(*s, w, "dominant") for s, w in zip(sites, (1, 2, 4), strict=True)],  # another effect
        "four": [(*s, w, "additive", 0.3) for s, w in zip(sites, (1, 2, 4), strict=True)],  # a frequency
    }
    scores = [score(*terms, name=name) for name, terms in named.items()]
    people = ["p0", "p1", "p2"]
    together = all_scores(scores, store(rows, people), no_frequencies(), np.zeros((3, 0)), Rules(), None)
    assert together[0].matches is together[1].matches is together[2].matches is not together[3].matches
    for one, found in zip(scores, together, strict=True):
        alone, _ = scored(one, rows)
        for values in ("sum", "n_used", "n_filled"):
            assert getattr(found.sums, values).tolist() == getattr(alone.sums, values).tolist()
    assert len({tuple(found.sums.sum) for found in together}) == 4


def test_strands_are_flipped_only_when_told() -> None:
    rows: list[Row] = [("chr1", 10, "A", "G", ["1/1", "0/1"]), ("chr1", 20, "AC", "A", ["0/1", "0/0"])]
    one = score(("1", 10, "C", "T", 1), ("1", 20, "T", "GT", 10))
    assert matches_of(one, rows) == ["other strand"] * 2
    assert [r["status"] for r in rows_of(one, rows)] == ["not assessed"] * 2
    told = rows_of(one, rows, rules=Rules(flips=True))
    assert [r["sum"] for r in told] == [2 + 10, 1 + 0]
    assert matches_of(one, rows, rules=Rules(flips=True)) == ["other strand: effect allele is alternative"] * 2


def test_ambiguous_pairs() -> None:
    first, second = np.array(["A", "G", "A", "AT"], dtype=object), np.array(["T", "C", "G", "TA"], dtype=object)
    words = AlleleCodes(first, second, np.array(["", "ACC"], dtype=object))
    assert list(words.ambiguous(*words.arrays[:2])) == [True, True, False, False]
    turned = words.texts[words.complements[np.concatenate(words.arrays)]]
    assert list(turned) == ["T", "C", "T", "AT", "A", "G", "C", "TA", "", "GGT"]
    assert words.none == words.arrays[2][0] and AlleleCodes(first, second).none == -1


AMBIGUOUS = [("chr1", 10, "A", "T", ["0/1", "1/1"])]


@pytest.mark.parametrize(
    ("file", "reference", "sums"),
    [
        (0.1, [0.2, 0.3], [1, 2]),  # effect allele T is rare in both: as named
        (0.9, [0.2, 0.3], [1, 0]),  # common in the file, rare in the reference: the file names the other strand
        (0.9, [0.7, 0.8], [1, 2]),
        (0.1, [0.7, 0.8], [1, 0]),
        (0.45, [0.2, 0.3], None),  # near one half
        (0.1, [0.2, 0.45], None),
        (0.1, [0.2, 0.7], None),  # populations disagree
        (NAN, [0.2, 0.3], None),
    ],
)
def test_ambiguous_pairs_by_frequency(file: float, reference: list[float], sums: list[float] | None) -> None:
    one = score(("1", 10, "T", "A", 1, "additive", file))
    frequencies = known(("X", "Y"), (1, 10, "A", "T", reference))
    told = rows_of(one, list(AMBIGUOUS), frequencies, rules=Rules("frequency"))
    if sums is None:
        assert all(math.isnan(r["sum"]) and "1 ambiguous" in r["reason"] for r in told)
    else:
        assert [r["sum"] for r in told] == sums
    assert matches_of(one, list(AMBIGUOUS), frequencies) == ["ambiguous"]  # by default they are left out
    assert matches_of(one, list(AMBIGUOUS), rules=Rules("frequency")) == ["ambiguous"]  # no population, no strand


def test_the_number_of_threads_changes_no_bit() -> None:
    rng, n, people = np.random.default_rng(1), 60, 50
    calls = np.array(["0/0", "0/1", "1/1", "./."])[rng.integers(0, 4, (n, people))]
    rows: list[Row] = [("chr1", 10 + i, "A", "G", list(calls[i])) for i in range(n)]
    one = score(*(("1", 10 + i, "G", "A", rng.normal(), "additive", (NAN, 0.3)[i % 2]) for i in range(n)))
    spread, posterior = rng.random(n), np.empty((people, 0))
    genotypes = store(rows, [f"p{i}" for i in range(people)])
    matches = scored(one, rows)[0].matches
    wanted = [Wanted(one, matches, rng.random(n) < 0.9, spread) for _ in range(3)]
    single, *others = (
        add_up(wanted, stored_copies(genotypes), no_frequencies(), posterior, threads) for threads in (1, 2, 5)
    )
    assert all(s.lost.min() > 0 and s.n_filled.min() > 0 for s in single)
    for name in ("sum", "n_used", "n_filled", "lost"):
        for other in others:
            assert [getattr(s, name).tobytes() for s in single] == [getattr(s, name).tobytes() for s in other]


def test_dominant_and_recessive() -> None:
    counts = np.array([0.0, 1.0, 2.0])
    dominant, recessive = np.full(3, DOMINANT, np.int8), np.full(3, RECESSIVE, np.int8)
    assert list(coded(counts, dominant)) == [0, 1, 1] and list(coded(counts, recessive)) == [0, 0, 1]
    share, genotype = np.full(3, 0.3), np.array([0.49, 0.42, 0.09])
    for effect in (np.zeros(3, np.int8), dominant, recessive):
        mean = (coded(counts, effect) * genotype).sum()
        assert expected(share, effect)[0] == pytest.approx(mean)
        assert variance(share, effect)[0] == pytest.approx((coded(counts, effect) ** 2 * genotype).sum() - mean**2)


CODINGS = ("additive", "dominant", "recessive")


@pytest.mark.parametrize(("effect", "sums"), zip(CODINGS, ([2, 1, 0], [1, 1, 0], [1, 0, 0]), strict=True))
def test_effect_allele_reference_in_every_coding(effect: str, sums: list[float]) -> None:
    rows: list[Row] = [("chr1", 10, "A", "G", ["0/0", "0/1", "1/1"])]
    assert [r["sum"] for r in rows_of(score(("1", 10, "A", "G", 1, effect)), rows)] == sums
    assert [r["sum"] for r in rows_of(score(("1", 10, "G", "A", 1, effect)), rows)] == sums[::-1]


def test_missing_calls_are_filled_from_outside_only() -> None:
    rows: list[Row] = [("chr1", i, "A", "G", ["1/1", "./." if i > 6 else "0/0"]) for i in range(1, 9)]
    one = score(*(("1", i, "G", "A", 1, "additive", 0.25) for i in range(1, 8)), ("1", 8, "G", "A", 1))
    first, second = rows_of(one, rows)
    assert (first["sum"], first["n_used"], first["n_missing"]) == (16.0, 8, 0)
    # The eighth has no frequency anywhere: not used for this patient; the cohort's own mean is not taken.
    assert (second["sum"], second["n_used"], second["n_missing"]) == (0.5, 7, 1)
    assert second["average"] == 0.5 / 14 and "1 of 7 used variants filled" in second["reason"]


@pytest.mark.parametrize(("effect", "filled"), zip(CODINGS, (2 * 0.3, 1 - 0.7**2, 0.3**2), strict=True), ids=CODINGS)
def test_a_gap_at_an_effect_allele_that_is_the_reference(effect: str, filled: float) -> None:
    rows: list[Row] = [("chr1", i, "A", "G", ["./." if i == 1 else "0/0"]) for i in range(1, 5)]
    others = [("1", i, "A", "G", 1) for i in range(2, 5)]
    (known_share,) = rows_of(score(("1", 1, "A", "G", 1, effect, 0.3), *others), rows)
    (unknown,) = rows_of(score(("1", 1, "A", "G", 1, effect), *others), rows)
    assert known_share["sum"] == pytest.approx(6 + filled) and known_share["n_missing"] == 1
    assert unknown["sum"] == 6 and (unknown["n_used"], unknown["n_missing"]) == (3, 0)


def test_a_patient_of_whom_too_little_is_called_is_not_assessed() -> None:
    rows: list[Row] = [("chr1", i, "A", "G", ["./." if i > 2 else "1/1"]) for i in range(1, 5)]
    (row,) = rows_of(score(*(("1", i, "G", "A", 1, "additive", 0.25) for i in range(1, 5))), rows)
    assert row["status"] == "not assessed" and "2 of 4 variants have no call" in row["reason"]


def test_ancestry_matched_frequency_comes_first() -> None:
    frequencies = known(("X", "Y"), (1, 1, "A", "G", [0.1, 0.9]))
    ancestry = pd.DataFrame({"patient": ["p0", "p1"], "p_X": [1.0, NAN], "p_Y": [0.0, NAN]})
    rows: list[Row] = [("chr1", i, "A", "G", ["./." if i == 1 else "0/0"] * 2) for i in range(1, 5)]
    others = [("1", i, "G", "A", 1.0) for i in range(2, 5)]
    alt = rows_of(score(("1", 1, "G", "A", 1, "additive", 0.5), *others), rows, frequencies, ancestry)
    assert [r["sum"] for r in alt] == [pytest.approx(0.2), pytest.approx(1.0)]  # p1: the file's own frequency
    ref = rows_of(score(("1", 1, "A", "G", 1, "additive", 0.5), *others), rows, frequencies, ancestry)
    assert ref[0]["sum"] == pytest.approx(1.8)


def test_low_overlap_and_absent_patients_are_not_assessed() -> None:
    rows: list[Row] = [("chr1", 1, "A", "G", ["1/1"])]
    one = score(*(("1", i, "G", "A", 1.0) for i in (1, 2)))
    present, absent = rows_of(one, rows, patients=["p0", "nobody"])
    assert present["status"] == "not assessed" and math.isnan(present["sum"])
    assert "1 of 2 variants used" in present["reason"] and "1 not found" in present["reason"]
    assert absent["reason"] == NO_GENOTYPES


def test_a_site_that_shows_the_reference_base_alone_is_called() -> None:
    """One patient's file may hold no alternative where a cohort's does: the call says the same."""
    one = score(("1", 1, "G", "A", 1), ("1", 2, "A", "G", 10), ("1", 3, "C", "T", 100), ("1", 4, "A", "", 1000))
    alone: list[Row] = [("chr1", i, "A", ".", ["0/0"]) for i in range(1, 5)]
    together: list[Row] = [("chr1", i, "A", "G", ["0/0", "0/1"]) for i in range(1, 5)]
    for rows in (alone, together):
        first = rows_of(one, rows)[0]
        assert first["sum"] == 0 + 20 + 2000 and first["n_used"] == 3
    assert matches_of(one, alone) == ["reference base only"] * 2 + ["other alleles", "reference base only"]


def test_another_alternative_tells_only_where_the_reference_knows_the_scores_own() -> None:
    one, rows = score(("1", 1, "G", "A", 1)), [("chr1", 1, "A", "C", ["0/0"])]
    assert matches_of(one, rows) == ["other alleles"]
    assert matches_of(one, rows, known(("X",), (1, 1, "A", "G", [0.2]))) == ["reference base only"]
    assert matches_of(one, [("chr1", 1, "A", "AT", ["0/0"])], known(("X",), (1, 1, "A", "G", [0.2]))) == [
        "other alleles"
    ]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_one_patient_scores_as_among_others_to_the_bit(seed: int) -> None:
    """Sites that only others have, gaps, every coding and orientation; sites that nobody has."""
    rng = np.random.default_rng(seed)
    n, people = 40, 12
    genotypes = rng.choice(["0/0", "0/1", "1/1", "./."], p=[0.5, 0.3, 0.15, 0.05], size=(n, people))
    flip = rng.random(n) < 0.5
    one = score(*(
        ("1", i + 1, *(("A", "G") if flip[i] else ("G", "A")), rng.normal(), rng.choice(CODINGS),
         rng.choice([NAN, 0.3]))
        for i in range(n)
    ))  # fmt: skip
    frequencies = known(("X", "Y"), *((1, i + 1, "A", "G", list(rng.random(2))) for i in range(0, n, 2)))
    share = rng.random(people)
    ancestry = pd.DataFrame({"patient": [f"p{i}" for i in range(people)], "p_X": share, "p_Y": 1 - share})
    rows: list[Row] = [("chr1", i + 1, "A", "G", list(genotypes[i])) for i in range(n)]
    together = rows_of(one, rows, frequencies, ancestry)
    for j in (0, people - 1):
        # Alone, a site without a call need not be in the store, and one without the alternative need not name it.
        own: list[Row] = [
            (c, p, r, "." if genotypes[i, j] == "0/0" and i % 3 == 0 else a, [genotypes[i, j]])
            for i, (c, p, r, a, _) in enumerate(rows)
            if genotypes[i, j] != "./." or i % 2
        ]
        alone = rows_of(one, own, frequencies, ancestry.iloc[[j]].assign(patient="p0"))[0]
        numbers = ("sum", "average", "n_used", "n_missing", "overlap")
        assert [alone[k] for k in numbers] == pytest.approx([together[j][k] for k in numbers], abs=0, nan_ok=True)


def test_many_scores_in_one_pass_are_the_scores_one_by_one() -> None:
    rng = np.random.default_rng(3)
    rows: list[Row] = [
        ("chr1", i, "A", "G", list(rng.choice(["0/0", "0/1", "1/1", "./."], size=7))) for i in range(1, 60)
    ]
    several = [
        score(
            *(("1", int(i), "G", "A", rng.normal(), "additive", 0.2) for i in rng.permutation(59)[:30] + 1),
            name=f"s{k}",
        )
        for k in range(4)
    ]
    genotypes = store(rows, [f"p{i}" for i in range(7)])
    nobody = np.empty((7, 0))
    for one, joint in zip(
        several, all_scores(several, genotypes, no_frequencies(), nobody, Rules(), None), strict=True
    ):
        alone = all_scores([one], genotypes, no_frequencies(), nobody, Rules(), None)[0]
        assert np.array_equal(alone.sums.sum, joint.sums.sum) and np.array_equal(
            alone.sums.n_filled, joint.sums.n_filled
        )
        by_hand = np.zeros(7)
        for pos, weight in zip(one.terms.pos, one.terms.weight, strict=True):
            for j, cell in enumerate(rows[pos - 1][4]):
                by_hand[j] += weight * (2 * 0.2 if cell == "./." else cell.count("1"))
        assert joint.sums.sum == pytest.approx(by_hand, abs=1e-12)


def test_a_store_with_bit_planes_gives_the_same_sums() -> None:
    rng = np.random.default_rng(4)
    cells = rng.choice(["0/0", "0/1", "1/1", "./.", "0", "./1"], p=[0.4, 0.3, 0.15, 0.05, 0.05, 0.05], size=(70, 9))
    rows: list[Row] = [("chr1", i + 1, "A", "G", list(cells[i])) for i in range(70)]
    one = score(*(("1", i + 1, *("GA" if i % 3 else "AG"), rng.normal(), CODINGS[i % 3], 0.3) for i in range(70)))
    plain, packed = (store(rows, [f"p{i}" for i in range(9)]) for _ in range(2))
    bits, odd = pack_calls(plain.calls(range(70)))
    group = packed.group.create_group("planes")
    group["calls"], group["odd"] = bits, odd
    assert "planes" in packed.group and "planes" not in plain.group
    told = [all_scores([one], g, no_frequencies(), np.empty((9, 0)), Rules(), None)[0].sums for g in (plain, packed)]
    for name in ("sum", "n_used", "n_filled"):
        assert np.array_equal(getattr(told[0], name), getattr(told[1], name))
    assert told[0].n_filled.any()


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
    one = all_scores(
        read_scores([folder / "PGS000586_hmPOS_GRCh38.txt.gz"])[0], genotypes, no_frequencies(),
        np.empty((60, 0)), Rules(), None,
    )[0]  # fmt: skip
    sums = as_rows(score_columns(one, chosen, chosen))
    assert one.matches.used.sum() == 809
    assert one.matches.lost == "139 ambiguous, 43 not autosomal, 30 not found, 2 other alleles"
    assert all(r["status"] == "assessed" and r["n_used"] == 809 for r in sums)
    assert max(abs(r["sum"] - wanted[r["patient"]]) for r in sums) < 1e-6
    assert read_scoring_file(folder / "PGS000586_hmPOS_GRCh38.txt.gz").trait_id == "EFO_0001663"
