"""Which variants are tested, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.quality import hwe_p

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int8]
MAX_MISSING = 0.1
MIN_ALLELES = 20  # copies of the rarer allele
HWE_LIMIT = 1e-6
MIN_GROUP = 20  # people of one ancestry for a test of Hardy-Weinberg proportions
PASS = "pass"


@dataclass(frozen=True)
class Tally:
    """Per variant, over the people analysed: called people, ALT frequency, copies of the rarer allele."""

    n: npt.NDArray[np.int64]
    frequency: Floats
    rarer: npt.NDArray[np.int64]


def tally(counts: Counts) -> Tally:
    """counts (variant, person): ALT alleles, negative = no call. Frequency NaN without a call."""
    called = counts >= 0
    n = called.sum(axis=1)
    alt = np.where(called, counts, 0).sum(axis=1, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = alt / (2 * n)
    return Tally(n, frequency, np.minimum(alt, 2 * n - alt))


def groups(populations: Mapping[str, str], people: list[str], use: npt.NDArray[np.bool_]) -> dict[str, list[int]]:
    """Population -> places in `people` of those in `use`, where at least MIN_GROUP are; unassessed ancestry is none."""
    found: dict[str, list[int]] = {}
    for i in np.flatnonzero(use):
        found.setdefault(populations.get(people[i], ""), []).append(int(i))
    return {
        name: members
        for name, members in sorted(found.items())
        if len(members) >= MIN_GROUP and name not in ("", "not assessed", "outside the reference")
    }


def hardy_weinberg(counts: Counts) -> Floats:
    """Exact test per variant (DOI 10.1086/429864); NaN without a call. Equal counts are worked out once."""
    table = np.stack([(counts == g).sum(axis=1) for g in (1, 0, 2)], axis=1)
    distinct, where = np.unique(table, axis=0, return_inverse=True)
    p = np.array([hwe_p(*map(int, row)) for row in distinct])
    return np.asarray(p[where.ravel()]) if len(counts) else np.empty(0)


def verdicts(counts: Counts, autosomal: npt.NDArray[np.bool_], of: Tally, min_maf: float,
             hwe_groups: Mapping[str, list[int]]) -> list[str]:  # fmt: skip
    """Per variant PASS, or the first rule that it breaks."""
    n_people = counts.shape[1]
    missing = 1 - of.n / max(n_people, 1)
    rarer_frequency = np.minimum(of.frequency, 1 - of.frequency)
    out = np.full(len(counts), PASS, dtype=object)
    rules: list[tuple[npt.NDArray[np.bool_], str]] = [
        (~autosomal, "not on an autosome"),
        (of.n == 0, "no call"),
        (missing > MAX_MISSING, f"more than {MAX_MISSING:.0%} of people without a call"),
        (of.rarer == 0, "one allele only"),
        (rarer_frequency < min_maf, f"rarer allele's frequency under {min_maf:g}"),
        (of.rarer < MIN_ALLELES, f"fewer than {MIN_ALLELES} copies of the rarer allele"),
    ]
    for broken, rule in rules:
        out[broken & (out == PASS)] = rule
    for name, members in hwe_groups.items():
        still = np.flatnonzero(out == PASS)
        out[still[hardy_weinberg(counts[still][:, members]) < HWE_LIMIT]] = (
            f"Hardy-Weinberg p under {HWE_LIMIT:g} in {name}"
        )
    return [str(v) for v in out]
