"""Mendelian errors: genotypes of a child that the genotypes of its parents do not allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.sheets import Patient
from consilium.genomics.cohort.matrix import Matrix, alt_counts

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_SITES = 100  # called in all three; fewer: not assessed
PARENT_IBS0 = 0.005  # opposite homozygotes of parent and child: genotyping errors only; sisters and brothers have more
TRIO_ERROR = 0.02  # Mendelian errors over sites from which somebody is no parent
CHUNK = 20_000

Counts = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Trio:
    """Places of three samples, and whether the sheet or kinship says that they are a family."""

    child: int
    father: int
    mother: int
    basis: str  # sheet or kinship


def trios_of_sheet(samples: Sequence[str], people: Iterable[Patient]) -> list[Trio]:
    place = {name: i for i, name in enumerate(samples)}
    return [
        Trio(place[p.patient], place[p.father], place[p.mother], "sheet")
        for p in people
        if {p.patient, p.father, p.mother} <= place.keys()
    ]


def trios_of_kinship(samples: Sequence[str], kinship: pd.DataFrame, sexes: Mapping[str, str]) -> list[Trio]:
    """Trios that kinship suggests: somebody with two first-degree, never opposite relatives of different sex who are
    not related to each other. A grandparent, parent and child can look alike: their Mendelian errors tell."""
    place = {name: i for i, name in enumerate(samples)}
    related = {frozenset(pair) for pair in zip(kinship["patient_a"], kinship["patient_b"], strict=True)}
    near: dict[str, list[str]] = {}
    for row in kinship.itertuples():
        if row.relationship == "first degree" and row.ibs0 < PARENT_IBS0:
            near.setdefault(row.patient_a, []).append(row.patient_b)
            near.setdefault(row.patient_b, []).append(row.patient_a)
    found = []
    for child in sorted(near):
        fathers = [p for p in near[child] if sexes.get(p) == "male"]
        mothers = [p for p in near[child] if sexes.get(p) == "female"]
        pairs = [(f, m) for f in fathers for m in mothers if frozenset((f, m)) not in related]
        found += [Trio(place[child], place[f], place[m], "kinship") for f, m in pairs]
    return found


def errors(child: Counts, father: Counts, mother: Counts) -> dict[str, int]:
    """Counts over biallelic autosomal sites, ALT alleles 0 to 2, negative = no call: sites called in all three,
    Mendelian errors, and opposite homozygotes of the child with either parent (sites called in both)."""
    called = (child >= 0) & (father >= 0) & (mother >= 0)
    lacks_alt = (child == 2) & ((father == 0) | (mother == 0))
    lacks_ref = (child == 0) & ((father == 2) | (mother == 2))
    no_het = (child == 1) & (father == mother) & (father != 1)
    out = {"n_sites": int(called.sum()), "n_errors": int(((lacks_alt | lacks_ref | no_het) & called).sum())}
    for name, parent in (("father", father), ("mother", mother)):
        both = (child >= 0) & (parent >= 0)
        out[f"{name}_sites"] = int(both.sum())
        out[f"{name}_opposite"] = int((np.abs(child - parent)[both] == 2).sum())
    return out


def count(trios: Sequence[Trio], blocks: Iterable[Counts]) -> list[dict[str, int]]:
    """`errors` of every trio, summed over blocks (site, sample) of autosomal sites."""
    sums: list[dict[str, int]] = [{} for _ in trios]
    for block in blocks:
        for total, trio in zip(sums, trios, strict=True):
            for key, n in errors(block[:, trio.child], block[:, trio.father], block[:, trio.mother]).items():
                total[key] = total.get(key, 0) + n
    return sums


def autosomal_blocks(matrix: Matrix) -> Iterator[Counts]:
    """ALT counts (site, sample) of the autosomal single-base variants, some sites at a time."""
    rows = np.flatnonzero(matrix.autosomal & matrix.is_snv)
    for first in range(0, len(rows), CHUNK):
        yield alt_counts(matrix.rows(rows[first : first + CHUNK]))


def table(
    samples: Sequence[str], trios: Sequence[Trio], counted: Sequence[dict[str, int]], lacking: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """Table mendel. Trios that only kinship suggests are left out when the errors say that they are none."""
    import pandas as pd

    from consilium.core.register import TABLES

    rows = [_row(samples, t, c, bool(lacking[[t.child, t.father, t.mother]].any()))
            for t, c in zip(trios, counted, strict=True)]  # fmt: skip
    kept = [r for r in rows if r["basis"] == "sheet" or r["verdict"] == "fits"]
    told = {r["child"] for r in kept if r["basis"] == "sheet"}
    kept = [r for r in kept if r["basis"] == "sheet" or r["child"] not in told]
    return pd.DataFrame(kept, columns=[c.name for c in TABLES["mendel"].columns])


def _row(samples: Sequence[str], trio: Trio, n: dict[str, int], bare: bool) -> dict[str, Any]:
    sites = n.get("n_sites", 0)
    row = {"child": samples[trio.child], "father": samples[trio.father], "mother": samples[trio.mother],
           "basis": trio.basis, "n_sites": sites, "n_errors": n.get("n_errors", 0),
           "error_rate": np.nan, "father_ibs0": np.nan, "mother_ibs0": np.nan}  # fmt: skip
    if bare:
        return row | {"verdict": "not assessed", "reason": "files with hardly any reference call"}
    if sites < MINIMUM_SITES:
        reason = f"{sites} sites called in all three; {MINIMUM_SITES} are needed"
        return row | {"verdict": "not assessed", "reason": reason}
    rate = n["n_errors"] / sites
    apart = {p: n[f"{p}_opposite"] / max(n[f"{p}_sites"], 1) for p in ("father", "mother")}
    strangers = [p for p, share in apart.items() if share > PARENT_IBS0]
    row |= {"error_rate": rate, "father_ibs0": apart["father"], "mother_ibs0": apart["mother"]}
    if strangers:
        return row | {
            "verdict": "does not fit",
            "reason": f"opposite homozygotes with the {' and the '.join(strangers)}",
        }
    if rate > TRIO_ERROR:
        return row | {"verdict": "does not fit", "reason": "child and parents each share alleles, but not as a trio"}
    return row | {"verdict": "fits", "reason": ""}
