"""Facts of one patient from the genomics room: whose genotypes, family, inheritance, homozygosity."""

from __future__ import annotations

from typing import Any

from consilium.report.tables import Cohort

Facts = dict[str, Any]


def relations(cohort: Cohort, patient: str) -> Facts:
    """Rows of the patient in tables genotype_identity, families, homozygosity (None without one) and mendel."""
    trios = cohort.table("mendel")
    mine = trios[(trios["child"] == patient) | (trios["father"] == patient) | (trios["mother"] == patient)]
    return {
        "genotype_identity": _first(cohort, "genotype_identity", patient),
        "family": _first(cohort, "families", patient),
        "homozygosity": _first(cohort, "homozygosity", patient),
        "trios": [{k: None if v != v else v for k, v in row.items()} for row in mine.to_dict("records")],
    }


def _first(cohort: Cohort, table: str, patient: str) -> Facts | None:
    return next(iter(cohort.rows(table, patient)), None)
