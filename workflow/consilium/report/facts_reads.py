"""Facts of one patient from the reads: quality, coverage of genes and targets, copies of CYP2D6, copy-number flags."""

from __future__ import annotations

from typing import Any

from consilium.report.tables import Cohort

Facts = dict[str, Any]


def reads(cohort: Cohort, patient: str, why: str) -> Facts:
    """`why`: reason when there are no usable reads; genes and targets only where bases lack reads."""
    quality = cohort.rows("reads_qc", patient)
    rows = cohort.rows("coverage", patient)
    genes = sorted((_gene(r) for r in rows if r["kind"] == "exons"), key=lambda g: str(g["gene"]))
    targets = [r for r in rows if r["kind"] == "target"]
    return {
        "why": "" if quality else why or "no reads of this patient",
        "quality": quality[0] if quality else None,
        "genes": genes,
        "targets": _together(targets) if targets else None,
        "cyp2d6": next(iter(cohort.rows("cyp2d6", patient)), None),
        "copy_number": cohort.rows("cnv_flags", patient),
    }


def _gene(row: Facts) -> Facts:
    return {k: row[k] for k in ("gene", "n_bases", "mean_depth", "bases_uncovered", "bases_below_min")}


def _together(targets: list[Facts]) -> Facts:
    """All targets as one line."""
    n_bases = sum(r["n_bases"] for r in targets)
    return {
        "n": len(targets),
        "n_bases": n_bases,
        "mean_depth": sum(r["mean_depth"] * r["n_bases"] for r in targets) / n_bases,
        "bases_uncovered": sum(r["bases_uncovered"] for r in targets),
        "bases_below_min": sum(r["bases_below_min"] for r in targets),
        "n_uncovered": sum(r["bases_uncovered"] > 0 for r in targets),
    }
