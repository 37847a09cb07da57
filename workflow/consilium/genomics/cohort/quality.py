"""Quality of cohort genotypes: per patient and per variant."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.matrix import Matrix
from consilium.genomics.intake.build import CONTIGS, in_par

if TYPE_CHECKING:
    import dask.array as da
    import pandas as pd

X = CONTIGS.index("chrX")
MINIMUM_X_SITES = 20  # thinned non-PAR X sites with a call; fewer: sex not inferred
X_SPACING = 10_000  # bp between X sites that are counted, as neighbours are inherited together
X_MINIMUM_FREQUENCY = 0.05
SEX_EVIDENCE = 3.0  # ln likelihood ratio from which a sex is inferred
_X_TO_AUTOSOMES = 0.75  # heterozygosity of X in women against autosomes: three copies of X to four
_X_ERROR = 0.01  # heterozygous share of X in men: wrong calls
HWE_LIMIT = 1e-6
VARIANT_MISSING_LIMIT = 0.1
_OUTLIER = 6.0  # robust standard deviations of heterozygosity
_MINIMUM_COHORT = 20  # patients from which a cohort's spread means anything
_TRANSITIONS = {("A", "G"), ("G", "A"), ("C", "T"), ("T", "C")}

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def _called(gt: da.Array) -> da.Array:
    return (gt[:, :, 0] >= 0) & (gt[:, :, 1] != -1)


def _het(gt: da.Array) -> da.Array:
    return (gt[:, :, 0] >= 0) & (gt[:, :, 1] >= 0) & (gt[:, :, 0] != gt[:, :, 1])


def _per_sample(mask: da.Array, rows: npt.NDArray[np.bool_] | None = None) -> da.Array:
    chosen = mask if rows is None else mask[np.flatnonzero(rows)]
    return chosen.sum(axis=0, dtype=np.int64)


def sample_counts(matrix: Matrix) -> dict[str, Ints]:
    """Counts per sample over all rows: called, autosomal calls and hets, transitions, transversions, singletons."""
    import dask

    gt = matrix.gt
    called, het = _called(gt), _het(gt)
    carried = ((gt == 1).any(axis=2)) & called
    single = (gt == 1).sum(axis=(1, 2)) == 1
    snv = matrix.is_snv
    change = np.array([(r, a) in _TRANSITIONS for r, a in zip(matrix.ref, matrix.alt, strict=True)], dtype=bool)
    sums = {
        "called": _per_sample(called),
        "autosomal": _per_sample(called, matrix.autosomal),
        "het": _per_sample(het, matrix.autosomal),
        "transitions": _per_sample(carried, snv & change),
        "transversions": _per_sample(carried, snv & ~change),
        "singletons": (carried & single[:, None]).sum(axis=0, dtype=np.int64),
    }
    return dict(dask.compute(sums, scheduler="synchronous")[0])


def allele_counts(matrix: Matrix) -> tuple[Ints, Ints, Ints]:
    """Per variant: fully called patients, called strands, ALT strands."""
    import dask

    gt = matrix.gt
    called = _called(gt)
    strands = ((gt >= 0) & called[:, :, None]).sum(axis=(1, 2), dtype=np.int64)
    alts = ((gt == 1) & called[:, :, None]).sum(axis=(1, 2), dtype=np.int64)
    parts = dask.compute(called.sum(axis=1, dtype=np.int64), strands, alts, scheduler="synchronous")
    return parts[0], parts[1], parts[2]


@lru_cache(maxsize=1_000_000)
def hwe_p(n_het: int, n_hom_a: int, n_hom_b: int) -> float:
    """Exact test of Hardy-Weinberg proportions (DOI 10.1086/429864): probability of a het count no likelier than seen.

    NaN without genotypes; 1 for a monomorphic site. Small = excess or lack of heterozygotes.
    """
    n = n_het + n_hom_a + n_hom_b
    if n == 0:
        return float("nan")
    rare = 2 * min(n_hom_a, n_hom_b) + n_het
    if rare == 0:
        return 1.0
    hets = np.arange(rare % 2, rare + 1, 2)
    # ln P(het | alleles), up to a constant, by the ratio of neighbouring counts.
    rare_homs = (rare - hets) // 2
    common_homs = n - hets - rare_homs
    steps = (
        np.log(4.0) + np.log(rare_homs[:-1]) + np.log(common_homs[:-1]) - np.log((hets[:-1] + 2.0) * (hets[:-1] + 1.0))
    )
    log_p = np.concatenate([[0.0], np.cumsum(steps)])
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    seen = p[int((n_het - hets[0]) // 2)]
    return float(min(1.0, p[p <= seen * (1 + 1e-9)].sum()))


def x_sites(matrix: Matrix, frequency: Floats, n_called: Ints) -> Ints:
    """Rows of non-PAR X that count for sex: single bases, common in the cohort (where it is large enough), spaced."""
    usable = (matrix.chrom == X) & matrix.is_snv & (n_called > 0)
    usable &= ~np.array([in_par(int(p)) for p in matrix.pos], dtype=bool)
    if len(matrix.samples) >= _MINIMUM_COHORT:
        with np.errstate(invalid="ignore"):
            usable &= np.minimum(frequency, 1 - frequency) >= X_MINIMUM_FREQUENCY
    chosen: list[int] = []
    for row in np.flatnonzero(usable):
        if not chosen or matrix.pos[row] - matrix.pos[chosen[-1]] >= X_SPACING:
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64)


def infer_sex(gt: npt.NDArray[np.int8], autosomal_het_rate: Floats) -> tuple[list[str], Floats]:
    """Sex and heterozygous share of X per sample, from gt (X site, sample, 2).

    Likelihood ratio of the heterozygous calls: women show _X_TO_AUTOSOMES times the person's autosomal share, men
    _X_ERROR. Calls on one strand only say: male. unknown: under MINIMUM_X_SITES calls, or evidence too even.
    """
    called = (gt[:, :, 0] >= 0) & (gt[:, :, 1] != -1)
    haploid = called & (gt[:, :, 1] == -2)
    het = called & ~haploid & (gt[:, :, 0] != gt[:, :, 1])
    n, k, h = called.sum(axis=0), het.sum(axis=0), haploid.sum(axis=0)
    rate = np.where(n >= MINIMUM_X_SITES, k / np.maximum(n, 1), np.nan)
    sexes = []
    for calls, hets, single, autosomal in zip(n, k, h, autosomal_het_rate, strict=True):
        if calls < MINIMUM_X_SITES or np.isnan(autosomal):
            sexes.append("unknown")
        elif single > calls / 2:
            sexes.append("male")
        else:
            woman = min(max(_X_TO_AUTOSOMES * autosomal, 0.02), 0.5)
            ratio = hets * np.log(woman / _X_ERROR) + (calls - hets) * np.log((1 - woman) / (1 - _X_ERROR))
            sexes.append("female" if ratio > SEX_EVIDENCE else "male" if ratio < -SEX_EVIDENCE else "unknown")
    return sexes, rate


def samples_table(
    matrix: Matrix, sources: Mapping[str, str], sexes: Mapping[str, str], max_missing_rate: float
) -> pd.DataFrame:
    """Table samples_qc: one row a patient with genotypes."""
    import pandas as pd

    counts = sample_counts(matrix)
    n_called, strands, alts = allele_counts(matrix)
    with np.errstate(invalid="ignore", divide="ignore"):
        het_rate = counts["het"] / counts["autosomal"]
        titv = counts["transitions"] / counts["transversions"]
        frequency = alts / strands
    inferred, x_rate = infer_sex(matrix.rows(x_sites(matrix, frequency, n_called)), het_rate)
    n = len(matrix)
    table = pd.DataFrame(
        {
            "patient": matrix.samples,
            "source": [sources[p] for p in matrix.samples],
            "n_sites": n,
            "n_called": counts["called"],
            "missing_rate": 1 - counts["called"] / max(n, 1),
            "het_rate": het_rate,
            "titv": np.where(np.isfinite(titv), titv, np.nan),
            "n_singletons": counts["singletons"],
            "x_het_rate": x_rate,
            "sex_sheet": [sexes.get(p, "unknown") for p in matrix.samples],
            "sex_inferred": inferred,
        }
    )
    return _with_verdicts(table, max_missing_rate)


def _with_verdicts(table: pd.DataFrame, max_missing_rate: float) -> pd.DataFrame:
    het = table["het_rate"].to_numpy(dtype=float)
    middle = np.nanmedian(het) if np.isfinite(het).any() else np.nan
    spread = 1.4826 * np.nanmedian(np.abs(het - middle)) if np.isfinite(middle) else np.nan
    verdicts, reasons = [], []
    for row in table.itertuples():
        flags = []
        if row.n_called == 0:
            verdicts.append("exclude")
            reasons.append("no genotype at any site of the cohort")
            continue
        if row.missing_rate > max_missing_rate:
            why = "; called from reads at the positions that are needed, nowhere else" if row.source == "reads" else ""
            flags.append(f"{row.missing_rate:.0%} of cohort sites without a call (limit {max_missing_rate:.0%}{why})")
        if "unknown" not in (row.sex_sheet, row.sex_inferred) and row.sex_sheet != row.sex_inferred:
            flags.append(f"sex by genotype is {row.sex_inferred}, in the sheet {row.sex_sheet}")
        if len(table) >= _MINIMUM_COHORT and spread > 0 and abs(row.het_rate - middle) > _OUTLIER * spread:
            flags.append(f"heterozygosity {row.het_rate:.3f} is far from the cohort's {middle:.3f}")
        verdicts.append("flag" if flags else "keep")
        reasons.append("; ".join(flags))
    return table.assign(verdict=verdicts, reason=reasons)


def variants_table(matrix: Matrix, sexes: Mapping[str, str]) -> pd.DataFrame:
    """Table variants_qc: one row a variant. `sexes` decide who counts for Hardy-Weinberg on X: women."""
    import pandas as pd

    n_called, strands, alts = allele_counts(matrix)
    missing = 1 - n_called / max(len(matrix.samples), 1)
    women = np.array([sexes.get(p) == "female" for p in matrix.samples], dtype=bool)
    hwe = _hwe(matrix, women)
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = alts / strands
    reasons = [
        "; ".join(
            part
            for wrong, part in (
                (m > VARIANT_MISSING_LIMIT, f"{m:.0%} of patients without a call"),
                (p < HWE_LIMIT, f"Hardy-Weinberg p = {p:.1e}"),
                (c > 0, f"{c} patient{'s' if c > 1 else ''} given two different genotypes, set to missing"),
            )
            if wrong
        )
        for m, p, c in zip(missing, hwe, matrix.clashes, strict=True)
    ]
    return pd.DataFrame(
        {
            "chrom": np.array(CONTIGS)[matrix.chrom] if len(matrix) else [],
            "pos": matrix.pos,
            "ref": matrix.ref,
            "alt": matrix.alt,
            "rsid": ["" if str(r) == "." else str(r) for r in matrix.rsid],
            "n_called": n_called,
            "missing_rate": missing,
            "alt_freq": frequency,
            "hwe_p": hwe,
            "filter": ["flag" if r else "pass" for r in reasons],
            "reason": reasons,
        }
    )


def _hwe(matrix: Matrix, women: npt.NDArray[np.bool_]) -> Floats:
    """Exact test per variant; NaN on Y and M, and where the ALT column is empty."""

    def counts(block: npt.NDArray[np.int8]) -> Ints:
        full = (block >= 0).all(axis=2)
        n_alt = np.where(full, block.sum(axis=2), -1)
        return np.stack([(n_alt == g).sum(axis=1) for g in (1, 0, 2)], axis=1).astype(np.int64)

    def table(gt: da.Array) -> Ints:
        whole = gt.rechunk({1: -1, 2: -1})
        return np.asarray(
            whole.map_blocks(counts, dtype=np.int64, drop_axis=2, chunks=(whole.chunks[0], (3,))).compute(
                scheduler="synchronous"
            )
        )

    if not len(matrix) or not matrix.samples:
        return np.full(len(matrix), np.nan)
    everyone, female = table(matrix.gt), table(matrix.gt[:, np.flatnonzero(women)])
    chosen = np.where((matrix.chrom == X)[:, None], female, everyone)
    tested = (matrix.chrom <= X) & (matrix.alt != "")
    return np.array([hwe_p(*map(int, c)) if t else np.nan for c, t in zip(chosen, tested, strict=True)])
