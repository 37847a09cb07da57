"""A made-up cohort for the association tests: two populations, planted effects, gaps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import dask.array as da
import numpy as np
from consilium.genomics.cohort.matrix import Matrix

N = 300
GENES = 40
TEXTS = np.dtypes.StringDType()


@dataclass(frozen=True)
class Made:
    """counts (variant, person) with gaps as -1; value: continuous outcome; case: 1 or 0; covariates (person, 3)."""

    counts: np.ndarray
    value: np.ndarray
    case: np.ndarray
    covariates: np.ndarray


def made(seed: int = 11) -> Made:
    """The cohort of golden_association.tsv: variants 0 to 19 without gaps, the others with 3 % of them."""
    rng = np.random.default_rng(seed)
    population = np.repeat([0.0, 1.0], N // 2)
    frequency = rng.uniform(0.05, 0.5, (GENES, 1)) * np.where(population, 0.7, 1.0)
    counts = rng.binomial(2, frequency).astype(np.int8)
    covariates = np.stack([rng.integers(30, 80, N), rng.integers(0, 2, N), population], axis=1).astype(float)
    level = 0.03 * (covariates[:, 0] - 55) + 0.4 * covariates[:, 1] + 0.8 * population
    value = np.round(level + 0.5 * counts[3] + rng.normal(size=N), 4)
    risk = 1 / (1 + np.exp(-(level - 0.9 + 0.8 * counts[5])))
    case = (rng.random(N) < risk).astype(float)
    counts[20:][rng.random((GENES - 20, N)) < 0.03] = -1
    return Made(counts, value, case, covariates)


def matrix(counts: np.ndarray, spacing: int = 50_000, chroms: int = 1) -> Matrix:
    """Counts as a cohort's genotypes, evenly over `chroms` autosomes; -1: no call."""
    n = len(counts)
    gt = np.stack([np.where(counts < 0, -1, counts > 1), np.where(counts < 0, -1, counts > 0)], axis=2)
    each = -(-n // chroms)
    return Matrix(
        [f"P{i:04d}" for i in range(counts.shape[1])], np.arange(n) // each, 1 + spacing * (np.arange(n) % each),
        np.array(["A"] * n, dtype=TEXTS), np.array(["G"] * n, dtype=TEXTS), np.array(["."] * n, dtype=TEXTS),
        np.zeros(n, dtype=np.int64), da.from_array(gt.astype(np.int8), chunks=(1000, -1, 2)),
    )  # fmt: skip


def store(path: Path, counts: np.ndarray, spacing: int = 50_000, chroms: int = 1) -> Path:
    """The same as a VCF-Zarr folder, with the arrays that readers ask for."""
    import zarr

    made_matrix = matrix(counts, spacing, chroms)
    n = len(counts)
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    arrays = {
        "sample_id": np.array(made_matrix.samples, dtype="U64"),
        "contig_id": np.array([f"chr{i + 1}" for i in range(22)], dtype="U64"),
        "variant_contig": made_matrix.chrom.astype(np.int8), "variant_position": made_matrix.pos.astype(np.int32),
        "variant_id": np.array(["."] * n, dtype="U1"), "variant_allele": np.array([["A", "G"]] * n, dtype="U1"),
        "call_genotype": np.asarray(made_matrix.gt),
    }  # fmt: skip
    for name, values in arrays.items():
        group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=values.shape)[...] = values
    return path
