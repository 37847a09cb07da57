"""Facts of one patient: variants in the genes of the list, which genes were looked at, diseases by HPO terms."""

from __future__ import annotations

from typing import Any

from consilium.report.tables import Cohort

Facts = dict[str, Any]
NOT_CONFIGURED = "no ClinVar file configured (genomics.clinvar)"
ORDER = ("report", "possible", "conflicting evidence", "not assessed", "carrier", "not of the kind reported")
MOST_RANKED = 5
ASSESSED = "assessed"


def gene_findings(cohort: Cohort, patient: str, why: str) -> Facts:
    """Findings with their evidence, genes grouped by what is known of them, and the nearest diseases.

    `why`: reason when there is no usable genome.
    """
    looked = cohort.rows("genes_assessed", patient)
    found = sorted(cohort.rows("gene_findings", patient), key=_place)
    first: Facts = looked[0] if looked else {}
    configured = bool(len(cohort.table("genes_assessed")))
    return {
        "why": "" if looked and not why else why if configured or why else NOT_CONFIGURED,
        "release": first.get("release", ""),
        "annotation": first.get("annotation", ""),
        "lists": list(dict.fromkeys(r["gene_list"] for r in looked)),
        "findings": found,
        "groups": _groups(looked),
        "partly": sorted((r for r in looked if r["status"] == "partly assessed"), key=_uncovered),
        "n_genes": len(looked),
        "n_sites": sum(r["n_sites"] for r in looked),
        "n_tested": sum(r["n_sites_tested"] for r in looked),
        "ranking": _ranking(cohort.rows("hpo_ranking", patient), {r["gene"]: r["verdict"] for r in found[::-1]}),
    }


def _place(row: Facts) -> tuple[int, int, str, int]:
    return ORDER.index(row["verdict"]), -(row["stars"] or 0), row["gene"], row["pos"]


def _uncovered(row: Facts) -> tuple[float, str]:
    return -row["n_uncovered"] / row["n_bases"], row["gene"]


def _groups(looked: list[Facts]) -> list[Facts]:
    """Genes without a finding, in one line for each thing that is to be said of them; partly seen ones apart."""
    lines: dict[tuple[str, str], list[str]] = {}
    for row in looked:
        if not row["n_findings"] and row["status"] != "partly assessed":
            lines.setdefault((row["status"], row["reason"] or ""), []).append(row["gene"])
    return [{"status": status, "reason": reason, "genes": genes} for (status, reason), genes in sorted(lines.items())]


def _ranking(rows: list[Facts], found: dict[str, str]) -> list[Facts]:
    """The first diseases, each with what was found in its genes."""
    best = sorted(rows, key=lambda r: r["rank"])[:MOST_RANKED]
    return [
        r | {"found": [f"{g}: {found[g]}" for g in (r["genes"] or "").split(", ") if g in found]} for r in best
    ]  # fmt: skip
