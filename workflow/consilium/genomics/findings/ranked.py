"""Rows of the table of diseases ranked by HPO terms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.genomics.findings.phenopackets import read_cases, read_patient
from consilium.genomics.findings.ranking import Index


def rank_patients(packets: Sequence[Sample], cases: Path, most: int) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Rows of hpo_ranking, and what could not be used. Terms of several phenopackets of one patient are joined.

    Cases of a paper that the patient's own packet names are left out: they may be the patient.
    """
    terms: dict[str, dict[str, str]] = {}
    papers: dict[str, set[str]] = {}
    problems: list[Problem] = []
    for packet in packets:
        try:
            observed, paper = read_patient(Path(packet.path), packet.patient)
            terms.setdefault(packet.patient, {}).update(observed)
            papers.setdefault(packet.patient, set()).update({paper} - {""})
        except InputError as error:
            problems += error.problems
    try:
        published, refused = read_cases(cases)
    except InputError as error:
        published, refused = [], error.problems
    index = Index(published)
    rows = [
        {
            "patient": patient, "rank": c.rank, "disease": c.disease, "disease_id": c.disease_id,
            "genes": ", ".join(c.genes), "score": c.score, "nearest_case": c.nearest, "n_terms": len(observed),
            "copies": c.copies or None,
            "shared": "; ".join(f"{t} {observed[t]}" for t in c.shared),
        }
        for patient, observed in sorted(terms.items())
        for c in index.rank(observed, most, papers[patient])
    ]  # fmt: skip
    return rows, problems + refused
