"""Rows of pharmacogenes.tsv and the content of each patient's pharmacogenes.json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.stars.observed import observe
from consilium.genomics.stars.pharmacogenes import Finding, call_cohort, not_called

if TYPE_CHECKING:
    from consilium.genomics.stars.tables import Gene

NO_GENOTYPES = "no genotypes of this patient"


def call_patients(genes: Mapping[str, Gene], genotypes: Genotypes, patients: Sequence[str]) -> dict[str, list[Finding]]:
    """Patient of the sheet -> one finding per gene; without genotypes every gene is not called."""
    at = {sample: i for i, sample in enumerate(genotypes.samples)}
    out: dict[str, list[Finding]] = {patient: [] for patient in patients}
    for gene in genes.values():
        called = call_cohort(gene, observe(genotypes, gene)) if genotypes.samples else []
        none = not_called(gene, NO_GENOTYPES)
        for patient in patients:
            out[patient].append(called[at[patient]] if patient in at else none)
    return out


def finding_row(patient: str, finding: Finding) -> dict[str, Any]:
    """One row of pharmacogenes.tsv."""
    return {
        "patient": patient,
        "gene": finding.gene,
        "diplotypes": " or ".join(finding.diplotypes),
        "phenotypes": " or ".join(finding.phenotypes),
        "activity_score": finding.activity_score,
        "call": finding.call,
        "excluded_probability": finding.excluded_probability,
        "untested": len(finding.untested),
        "phased": finding.phased,
        "reason": finding.reason,
    }


def findings_json(findings: Sequence[Finding]) -> str:
    """pharmacogenes.json: a list, one object per gene; numbers that are not known are null."""
    rows = [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in f.to_dict().items()} for f in findings
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
