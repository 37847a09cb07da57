"""One analysis of a cohort from its tables: who takes part, what is adjusted for, and what is said of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.provenance import seed_from
from consilium.core.sheets import Patient
from consilium.genomics.association import analyses, components, filters, people
from consilium.genomics.association.analyses import Analysis, LeftOut
from consilium.genomics.association.genomic_control import inflation
from consilium.genomics.association.scan import Sample, scanned
from consilium.genomics.cohort.matrix import Matrix
from consilium.genomics.intake.build import CONTIGS

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 5e-8
SUGGESTIVE = 1e-5
MOST_HITS = 1000
LEAST_HITS = 10


@dataclass(frozen=True)
class Cohort:
    """What every analysis reads. markers: ALT counts (site, sample of the matrix) for principal components."""

    patients: Sequence[Patient]
    matrix: Matrix
    markers: npt.NDArray[np.int8]
    samples_qc: pd.DataFrame
    identity: pd.DataFrame
    kinship: pd.DataFrame
    populations: dict[str, str]


@dataclass(frozen=True)
class Result:
    """variants: None where not assessed. about: the row of table association."""

    about: dict[str, Any]
    variants: pd.DataFrame | None
    left_out: LeftOut


def analysed(cohort: Cohort, analysis: Analysis, seed: int) -> Result:
    """Run one analysis; what cannot be assessed says why and stops nothing."""
    left_out = LeftOut()
    people.leave_out_unusable([p.patient for p in cohort.patients], cohort.samples_qc, cohort.identity, left_out)
    y, why = analyses.outcome(analysis, cohort.patients, left_out)
    if why:
        return _not_assessed(analysis, why, left_out)
    inferred = dict(zip(cohort.samples_qc["patient"], cohort.samples_qc["sex_inferred"], strict=True))
    columns, names = analyses.covariates(analysis, cohort.patients, inferred, left_out)
    ids = [p.patient for p in cohort.patients]
    cases = {p: v == 1 for p, v in zip(ids, y, strict=True)} if analysis.binary else {}
    people.leave_out_related([p for p in ids if p not in left_out.people], cohort.kinship, cases, left_out)
    use = np.array([p not in left_out.people for p in ids])
    why = analyses.too_few(analysis, y[use])
    if why:
        return _not_assessed(analysis, why, left_out)
    sample, about = _sample(cohort, analysis, [p for p, u in zip(ids, use, strict=True) if u], y[use], columns[use],
                            names)  # fmt: skip
    table = scanned(cohort.matrix, analysis, sample)
    if isinstance(table, str):
        return _not_assessed(analysis, table, left_out)
    return Result({**about, **_figures(table, seed_from(seed, analysis.name)), "n_left_out": len(left_out.people)},
                  table, left_out)  # fmt: skip


def _sample(
    cohort: Cohort, analysis: Analysis, ids: list[str], y: npt.NDArray[np.float64], columns: npt.NDArray[np.float64],
    names: list[str],
) -> tuple[Sample, dict[str, Any]]:  # fmt: skip
    column = {p: i for i, p in enumerate(cohort.matrix.samples)}
    places = np.array([column[p] for p in ids])
    k = components.how_many(analysis.components, len(ids), len(cohort.markers))
    axes = components.principal_components(cohort.markers[:, places], k)
    design, kept, dropped = components.design(
        np.column_stack([columns, axes]), [*names, *(f"PC{i + 1}" for i in range(k))]
    )
    cautions = [f"{', '.join(dropped)}: nothing beside the other covariates, left away"] if dropped else []
    if k < analysis.components:
        cautions.append(
            f"{k} of {analysis.components} principal components: {len(cohort.markers)} independent sites and "
            f"{len(ids)} people carry no more; population structure may be left"
        )
    tested = y == 0 if analysis.binary else np.ones(len(y), dtype=bool)
    groups = filters.groups(cohort.populations, ids, tested)
    about = {
        **_named(analysis), "status": "assessed", "reason": "; ".join(cautions), "n": len(ids),
        "n_cases": int(y.sum()) if analysis.binary else None,
        "covariates": ", ".join(c for c in kept if not c.startswith("PC")), "components": k,
    }  # fmt: skip
    return Sample(places, y, design, groups), about


def _figures(table: pd.DataFrame, seed: int) -> dict[str, Any]:
    p = table["p"].to_numpy(dtype=float)
    chrom = np.array([CONTIGS.index(c) for c in table["chrom"]])
    middle, low, high = inflation(p, chrom, table["pos"].to_numpy(), seed)
    n_tested = int(np.isfinite(p).sum())
    return {
        "n_tested": n_tested, "n_filtered": len(table) - n_tested, "inflation": middle, "inflation_lower": low,
        "inflation_upper": high, "n_significant": int((p < SIGNIFICANT).sum()),
    }  # fmt: skip


def _named(analysis: Analysis) -> dict[str, Any]:
    return {"analysis": analysis.name, "outcome": analysis.outcome, "kind": analysis.kind}


def _not_assessed(analysis: Analysis, why: str, left_out: LeftOut) -> Result:
    nothing = dict.fromkeys(("n", "n_cases", "n_tested", "n_filtered", "inflation", "inflation_lower",
                             "inflation_upper", "n_significant", "components"))  # fmt: skip
    about = {**_named(analysis), **nothing, "status": "not assessed", "reason": why, "covariates": "",
             "n_left_out": len(left_out.people)}  # fmt: skip
    return Result(about, None, left_out)


def hits(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The variants with the smallest p values, ties in genome order."""
    tested = table[table["p"].notna()].sort_values("p", kind="stable")
    n = min(max(int((tested["p"] < SUGGESTIVE).sum()), LEAST_HITS), MOST_HITS)
    return tested.head(n).assign(analysis=name)
