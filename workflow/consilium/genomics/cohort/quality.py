"""Quality of cohort genotypes: per patient and per variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort import counting, hardy_weinberg, planes
from consilium.genomics.cohort.matrix import Matrix
from consilium.genomics.intake.build import CONTIGS, in_par

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
_ODD_CALLS = 2_500_000  # calls of rows with half or haploid calls that are looked at together
_MINIMUM_COHORT = 20  # patients from which a cohort's spread means anything
_OTHER = -1  # neither transition (0) nor transversion (1)
_CHANGES = {(r, a): 0 if {r, a} in ({"A", "G"}, {"C", "T"}) else 1 for r in "ACGT" for a in "ACGT" if r != a}

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Columns = dict[str, Any]  # arrays or lists of one length, by name


@dataclass(frozen=True)
class Tally:
    """Counts over the whole cohort. By sample: called, autosomal, het (autosomal), transitions, transversions,
    singletons. By site: n_called patients, strands called, ALT strands, and het, hom_alt, hom_ref of diploid calls."""

    by_sample: dict[str, Ints]
    n_called: Ints
    strands: Ints
    alts: Ints
    diploid: planes.SiteCounts


def tally(matrix: Matrix, threads: int = 1) -> Tally:
    """One pass over the packed genotypes; rows with half or haploid calls are then counted from gt.

    Called: both strands, or the one strand of a haploid call. A half call is none.
    """
    odd, autosomal = matrix.planes.odd, matrix.autosomal
    changes = _changes(matrix)
    groups = counting.Kinds(np.where(odd, -1, autosomal), 2)
    sites, found = counting.count(matrix.planes, groups, counting.Kinds(np.where(odd, -1, changes), 2), threads)
    n_called = sites.n - sites.no_call
    strands, alts = 2 * n_called, sites.het + 2 * sites.hom_alt
    called = np.bincount(autosomal[~odd], minlength=2)[:, None] - found.no_call
    people = {
        "called": called.sum(axis=0), "autosomal": called[1], "het": found.het[1], "transitions": found.carried[0],
        "transversions": found.carried[1], "singletons": found.alone,
    }  # fmt: skip
    rows = np.flatnonzero(odd)
    step = max(1, _ODD_CALLS // max(len(matrix.samples), 1))
    for start in range(0, len(rows), step):
        here = rows[start : start + step]
        more, *by_site = _count_odd(matrix.rows(here), autosomal[here], changes[here])
        n_called[here], strands[here], alts[here] = by_site
        people = {name: people[name] + more[name] for name in people}
    return Tally(people, n_called, strands, alts, sites)


def _changes(matrix: Matrix) -> Ints:
    """(site,) 0 transition, 1 transversion, _OTHER: not one base for another."""
    kinds = np.full((128, 128), _OTHER)
    for (ref, alt), kind in _CHANGES.items():
        kinds[ord(ref), ord(alt)] = kind
    first, second = (np.minimum(texts.astype("U1").view(np.uint32), 127) for texts in (matrix.ref, matrix.alt))
    return np.where(matrix.is_snv, kinds[first, second], _OTHER)


def _count_odd(
    gt: npt.NDArray[np.int8], autosomal: npt.NDArray[np.bool_], changes: Ints
) -> tuple[dict[str, Ints], Ints, Ints, Ints]:
    """The same counts from gt (row, sample, 2)."""
    called = (gt[:, :, 0] >= 0) & (gt[:, :, 1] != -1)
    het = (gt >= 0).all(axis=2) & (gt[:, :, 0] != gt[:, :, 1])
    carried = (gt == 1).any(axis=2) & called
    single = (gt == 1).sum(axis=(1, 2)) == 1

    def by_sample(mask: npt.NDArray[np.bool_], rows: npt.NDArray[np.bool_] | None = None) -> Ints:
        return np.asarray((mask if rows is None else mask[rows]).sum(axis=0, dtype=np.int64))

    people = {
        "called": by_sample(called), "autosomal": by_sample(called, autosomal), "het": by_sample(het, autosomal),
        "transitions": by_sample(carried, changes == 0), "transversions": by_sample(carried, changes == 1),
        "singletons": by_sample(carried, single),
    }  # fmt: skip
    strands = ((gt >= 0) & called[:, :, None]).sum(axis=(1, 2), dtype=np.int64)
    alts = ((gt == 1) & called[:, :, None]).sum(axis=(1, 2), dtype=np.int64)
    return people, called.sum(axis=1, dtype=np.int64), strands, alts


def hwe_p(n_het: int, n_hom_a: int, n_hom_b: int) -> float:
    """Exact test of Hardy-Weinberg proportions (see `hardy_weinberg.exact`) of one variant."""
    return float(hardy_weinberg.exact(*(np.array([n]) for n in (n_het, n_hom_a, n_hom_b)))[0])


def hwe_of(matrix: Matrix, chosen: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Exact test per variant over the diploid calls of all patients, or of the `chosen` ones (patient,): an ancestry
    group, women on X. NaN where the ALT column is empty, on Y and M, or without genotypes."""
    return _hwe_of_counts(matrix, planes.site_counts(matrix.planes, chosen))


def _hwe_of_counts(matrix: Matrix, counts: planes.SiteCounts, threads: int = 1) -> Floats:
    tested = (matrix.chrom <= X) & (matrix.alt != "")
    out = np.full(len(matrix), np.nan)
    out[tested] = hardy_weinberg.exact(
        counts.het[tested], counts.hom_ref[tested], counts.hom_alt[tested], threads=threads
    )
    return out


def x_sites(matrix: Matrix, frequency: Floats, n_called: Ints) -> Ints:
    """Rows of non-PAR X that count for sex: single bases, common in the cohort (where it is large enough), spaced."""
    usable = (matrix.chrom == X) & (n_called > 0)
    if usable.any():
        usable &= matrix.is_snv
    places = np.flatnonzero(usable)
    usable[places[[in_par(int(p)) for p in matrix.pos[places]]]] = False
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
    matrix: Matrix,
    sources: Mapping[str, str],
    sexes: Mapping[str, str],
    max_missing_rate: float,
    counted: Tally | None = None,
) -> Columns:
    """Columns of table samples_qc: one row a patient with genotypes. `counted`: of `tally`, where it is at hand."""
    counted = counted or tally(matrix)
    counts, n_called, strands, alts = counted.by_sample, counted.n_called, counted.strands, counted.alts
    with np.errstate(invalid="ignore", divide="ignore"):
        het_rate = counts["het"] / counts["autosomal"]
        titv = counts["transitions"] / counts["transversions"]
        frequency = alts / strands
    inferred, x_rate = infer_sex(matrix.rows(x_sites(matrix, frequency, n_called)), het_rate)
    n = len(matrix)
    missing = 1 - counts["called"] / max(n, 1)
    stated = [sexes.get(p, "unknown") for p in matrix.samples]
    origin = [sources[p] for p in matrix.samples]
    flags = zip(_missing_flags(missing, origin, max_missing_rate), _sex_flags(inferred, stated),
                _het_flags(het_rate), strict=True)  # fmt: skip
    reasons = ["; ".join(f for f in parts if f) for parts in flags]
    verdicts = ["flag" if r else "keep" for r in reasons]
    for i in np.flatnonzero(counts["called"] == 0):
        verdicts[i], reasons[i] = "exclude", "no genotype at any site of the cohort"
    return {
        "patient": matrix.samples,
        "source": origin,
        "n_sites": np.full(len(origin), n),
        "n_called": counts["called"],
        "missing_rate": missing,
        "het_rate": het_rate,
        "titv": np.where(np.isfinite(titv), titv, np.nan),
        "n_singletons": counts["singletons"],
        "x_het_rate": x_rate,
        "sex_sheet": stated,
        "sex_inferred": inferred,
        "verdict": verdicts,
        "reason": reasons,
    }


def _missing_flags(rates: Floats, origin: list[str], limit: float) -> list[str]:
    reads = "; called from reads at the positions that are needed, nowhere else"
    return [
        f"{rate:.0%} of cohort sites without a call (limit {limit:.0%}{reads if source == 'reads' else ''})"
        if rate > limit
        else ""
        for rate, source in zip(rates, origin, strict=True)
    ]


def _sex_flags(inferred: list[str], stated: list[str]) -> list[str]:
    return [
        f"sex by genotype is {found}, in the sheet {sheet}"
        if "unknown" not in (found, sheet) and found != sheet
        else ""
        for found, sheet in zip(inferred, stated, strict=True)
    ]


def _median(values: Floats) -> float:
    """NaN of nothing. numpy's own imports its masked arrays, which takes longer than all that is done here."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2 if len(ordered) else np.nan


def _het_flags(rates: Floats) -> list[str]:
    """Heterozygosity far from the median of the cohort, where that is large enough to have a spread."""
    finite = rates[np.isfinite(rates)]
    middle = _median(finite)
    spread = 1.4826 * _median(np.abs(finite - middle))
    known = len(rates) >= _MINIMUM_COHORT and spread > 0
    return [
        f"heterozygosity {rate:.3f} is far from the cohort's {middle:.3f}"
        if known and abs(rate - middle) > _OUTLIER * spread
        else ""
        for rate in rates
    ]


def variants_table(matrix: Matrix, sexes: Mapping[str, str], counted: Tally | None = None, threads: int = 1) -> Columns:
    """Columns of table variants_qc: one row a variant. `sexes` decide who counts for Hardy-Weinberg on X: women."""
    counted = counted or tally(matrix)
    n = len(matrix.samples)
    missing = (n - counted.n_called) / max(n, 1)
    hwe = _hwe(matrix, sexes, counted.diploid, threads)
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = counted.alts / counted.strands
    reasons = np.full(len(matrix), "", dtype=np.dtypes.StringDType())
    for row in np.flatnonzero((missing > VARIANT_MISSING_LIMIT) | (hwe < HWE_LIMIT) | (matrix.clashes > 0)):
        reasons[row] = _flags(missing[row], hwe[row], int(matrix.clashes[row]))
    rsid = matrix.rsid.copy()
    rsid[rsid == "."] = ""
    return {
        "chrom": np.array(CONTIGS, dtype=bytes)[matrix.chrom],
        "pos": matrix.pos,
        "ref": matrix.ref,
        "alt": matrix.alt,
        "rsid": rsid,
        "n_called": counted.n_called,
        "missing_rate": missing,
        "alt_freq": frequency,
        "hwe_p": hwe,
        "filter": np.where(reasons == "", b"pass", b"flag"),
        "reason": reasons,
    }


def _flags(missing: float, hwe: float, clashes: int) -> str:
    parts = (
        (missing > VARIANT_MISSING_LIMIT, f"{missing:.0%} of patients without a call"),
        (hwe < HWE_LIMIT, f"Hardy-Weinberg p = {hwe:.1e}"),
        (clashes > 0, f"{clashes} patient{'s' if clashes > 1 else ''} given two different genotypes, set to missing"),
    )
    return "; ".join(text for wrong, text in parts if wrong)


def _hwe(matrix: Matrix, sexes: Mapping[str, str], everybody: planes.SiteCounts, threads: int) -> Floats:
    """Everybody, but women only on X."""
    out = _hwe_of_counts(matrix, everybody, threads)
    on_x = np.flatnonzero(matrix.chrom == X)
    if len(on_x):
        out[on_x] = hwe_of(matrix, np.array([sexes.get(p) == "female" for p in matrix.samples], dtype=bool))[on_x]
    return out
