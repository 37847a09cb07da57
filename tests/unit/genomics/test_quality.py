from fractions import Fraction
from math import factorial

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from consilium.core.register import TABLES
from consilium.genomics.cohort import hardy_weinberg, quality
from consilium.genomics.cohort.matrix import Matrix

TEXTS = np.dtypes.StringDType()


def matrix(gt: np.ndarray, chrom: int = 0, spacing: int = 20_000, start: int = 5_000_000) -> Matrix:
    n = len(gt)
    text = np.array(["A"] * n, dtype=TEXTS)
    return Matrix([f"P{i}" for i in range(gt.shape[1])], np.full(n, chrom), start + spacing * np.arange(n), text,
                  np.array(["G"] * n, dtype=TEXTS), np.array(["."] * n, dtype=TEXTS), np.zeros(n, dtype=np.int64),
                  da.from_array(gt.astype(np.int8), chunks=(7, 2, 2)))  # fmt: skip


def joined(*parts: Matrix) -> Matrix:
    fields = ("chrom", "pos", "ref", "alt", "rsid", "clashes")
    arrays = [np.concatenate([getattr(p, f) for p in parts]) for f in fields]
    return Matrix(parts[0].samples, *arrays, da.concatenate([p.gt for p in parts]))


@pytest.mark.parametrize(("hets", "a", "b", "p"), [(489, 298, 213, 0.6556635), (57, 14, 50, 0.842279756570793)])
def test_hardy_weinberg_against_published_programs(hets: int, a: int, b: int, p: float) -> None:
    """MN blood groups: HWExact of the R package HardyWeinberg; the second: the authors' SNP_HWE."""
    assert quality.hwe_p(hets, a, b) == pytest.approx(p, rel=1e-6)


def test_hardy_weinberg_whatever_the_threads() -> None:
    counts = np.random.default_rng(3).integers(0, 400, (3, 5000))
    alone = hardy_weinberg.exact(*counts)
    assert np.array_equal(alone, hardy_weinberg.exact(*counts, threads=3), equal_nan=True)
    assert np.array_equal(alone[:1], hardy_weinberg.exact(*counts[:, :1], threads=3), equal_nan=True)


def test_hardy_weinberg_by_enumeration() -> None:
    def chance(het: int, low: int, high: int) -> Fraction:
        n = het + low + high
        return Fraction(2**het * factorial(n), factorial(het) * factorial(low) * factorial(high))

    for het, low, high in ((3, 4, 5), (0, 2, 9), (8, 0, 1), (1, 6, 0)):
        alleles = 2 * low + het
        total, n = Fraction(0), het + low + high
        weights = {h: chance(h, (alleles - h) // 2, n - h - (alleles - h) // 2)
                   for h in range(alleles % 2, min(alleles, 2 * n - alleles) + 1, 2)}  # fmt: skip
        total = sum(w for w in weights.values() if w <= weights[het])
        assert quality.hwe_p(het, low, high) == pytest.approx(float(total / sum(weights.values())))


def test_hardy_weinberg_edges() -> None:
    assert np.isnan(quality.hwe_p(0, 0, 0))
    assert quality.hwe_p(0, 9, 0) == 1.0
    assert quality.hwe_p(0, 30, 30) < 1e-12


def test_counts_of_missing_half_and_haploid_calls() -> None:
    gt = np.array([[[0, 1], [1, -2], [-1, -1]], [[1, 1], [0, 0], [-1, 1]], [[0, 1], [0, 0], [0, 0]]])
    table = quality.samples_table(matrix(gt), dict.fromkeys(("P0", "P1", "P2"), "joint"), {}, 0.5)
    assert list(table["n_called"]) == [3, 3, 1]
    assert table["missing_rate"].tolist() == pytest.approx([0, 0, 2 / 3])
    assert table["het_rate"].tolist() == pytest.approx([2 / 3, 0, 0])
    assert table["n_singletons"].tolist() == [1, 0, 0]
    assert table["verdict"] == ["keep", "keep", "flag"]
    assert "67%" in table["reason"][2]


def test_nobody_called_is_excluded() -> None:
    gt = np.full((4, 1, 2), -1)
    table = quality.samples_table(matrix(gt), {"P0": "vcf"}, {}, 0.5)
    assert table["verdict"] == ["exclude"]
    TABLES["samples_qc"].check(pd.DataFrame(table))


def test_sex_from_x() -> None:
    rng = np.random.default_rng(1)
    autosomes = rng.binomial(1, 0.3, (300, 4, 2))
    x = rng.binomial(1, 0.3, (60, 4, 2))
    x[:, 1, 1] = x[:, 1, 0]  # a man, written as homozygous
    x[:, 2, 1] = -2  # a man, written as haploid
    both = joined(matrix(autosomes), matrix(x, chrom=quality.X))
    sexes = {"P0": "female", "P1": "male", "P2": "female", "P3": "unknown"}
    table = quality.samples_table(both, dict.fromkeys(both.samples, "joint"), sexes, 0.5)
    assert table["sex_inferred"] == ["female", "male", "male", "female"]
    assert table["verdict"] == ["keep", "keep", "flag", "keep"]
    assert table["reason"][2] == "sex by genotype is male, in the sheet female"


def test_sex_is_unknown_with_few_or_crowded_sites() -> None:
    rng = np.random.default_rng(1)
    autosomes = matrix(rng.binomial(1, 0.3, (300, 2, 2)))
    for x in (matrix(rng.binomial(1, 0.3, (19, 2, 2)), quality.X),
              matrix(rng.binomial(1, 0.3, (500, 2, 2)), quality.X, spacing=100)):  # fmt: skip
        table = quality.samples_table(joined(autosomes, x), dict.fromkeys(("P0", "P1"), "vcf"), {}, 0.5)
        assert table["sex_inferred"] == ["unknown", "unknown"]
        assert np.isnan(table["x_het_rate"]).all()


def test_hardy_weinberg_on_x_counts_women_only() -> None:
    gt = np.zeros((1, 60, 2), dtype=int)
    gt[:, 30:] = 1  # thirty men carry it, no woman does
    sexes = {f"P{i}": "female" if i < 30 else "male" for i in range(60)}
    assert quality.variants_table(matrix(gt, quality.X), sexes)["hwe_p"][0] == 1.0
    flagged = quality.variants_table(matrix(gt), sexes)
    assert flagged["filter"][0] == b"flag"
    assert "Hardy-Weinberg" in flagged["reason"][0]
    TABLES["variants_qc"].ordered_columns(flagged)


def test_tables_without_any_variant() -> None:
    empty = matrix(np.empty((0, 2, 2), dtype=int))
    TABLES["variants_qc"].ordered_columns(quality.variants_table(empty, {}))
    people = quality.samples_table(empty, {"P0": "vcf", "P1": "vcf"}, {}, 0.5)
    assert people["verdict"] == ["exclude", "exclude"]
