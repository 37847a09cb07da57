"""Facts of one patient from the genotype files: which were used, and what lifting over from GRCh37 cost."""

from __future__ import annotations

from typing import Any

from consilium.core.sheets import WHOLE_COHORT
from consilium.report.tables import Cohort

_DROPPED = ("n_unmapped", "n_unverified", "n_conflict")


def genotype_files(cohort: Cohort, patient: str, source: str | None) -> list[dict[str, Any]]:
    """Rows of vcf_files behind a patient's genotypes (`source` as in samples_qc), with the number not lifted over."""
    whose = {"vcf": patient, "joint": WHOLE_COHORT}.get(source or "")
    rows = cohort.rows("vcf_files", whose) if whose else []
    return [{**r, "n_dropped": None if r["n_lifted"] is None else sum(r[k] for k in _DROPPED)} for r in rows]
