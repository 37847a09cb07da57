"""Facts of one patient from the genomics room: quality, identity, pharmacogenes, relatives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from consilium.report.facts_intake import genotype_files
from consilium.report.facts_relations import relations
from consilium.report.tables import Cohort

Facts = dict[str, Any]
# Reasons in pharmacogenes.tsv: the files say nothing of the gene; and the gene is none that genotypes tell.
NOTHING_TESTED = "no defining position was called"
NEEDS_MORE = "needs an outside call (kind pgx_calls)"
OUTSIDE = "outside call"


def genome_quality(cohort: Cohort, patient: str, why: str) -> Facts:
    """Genotype QC, identity checks, ancestry and relatives; `why`: reason when there is no usable genome."""
    qc = cohort.rows("samples_qc", patient)
    ancestry = cohort.rows("ancestry", patient)
    kin = cohort.table("kinship")
    pairs = kin[(kin["patient_a"] == patient) | (kin["patient_b"] == patient)]
    relatives = [
        {"patient": r["patient_b"] if r["patient_a"] == patient else r["patient_a"], "kinship": float(r["kinship"]),
         "relationship": r["relationship"], "n_sites": int(r["n_sites"]),
         "same_family_in_sheet": bool(r["same_family_in_sheet"])}
        for r in pairs.to_dict("records")
    ]  # fmt: skip
    return {
        "why": "" if qc else why or "no genotype of this patient in the cohort's table",
        "genotypes": qc[0] if qc else None,
        "files": genotype_files(cohort, patient, qc[0]["source"] if qc else None),
        "sex_mismatch": bool(qc and _mismatch(qc[0])),
        "identity": cohort.rows("identity", patient),
        "ancestry": _ancestry(ancestry[0]) if ancestry else None,
        **relations(cohort, patient),
        "relatives": sorted(relatives, key=lambda r: (-r["kinship"], r["patient"])),
    }


def _mismatch(row: Facts) -> bool:
    known = {"female", "male"}
    return row["sex_sheet"] in known and row["sex_inferred"] in known and row["sex_sheet"] != row["sex_inferred"]


def _ancestry(row: Facts) -> Facts:
    posterior = {k[2:]: v for k, v in row.items() if k.startswith("p_") and v is not None}
    kept = ("n_sites", "population", "probability", "outside_p", "reason")
    return {k: row[k] for k in kept} | {"posterior": posterior}


def pharmacogenomics(cohort: Cohort, patient: str, why: str) -> Facts:
    """Every gene that the cohort's run looked at, called or not; drugs come from the guideline table.

    tested: False for a gene of whose positions the patient's files hold none; such genes share one line of the page.
    """
    table = {r["gene"]: r for r in cohort.rows("pharmacogenes", patient)}
    full = {g["gene"]: g for g in _gene_file(cohort.patients_folder / patient / "genomics" / "pharmacogenes.json")}
    if "genomics" not in cohort.rooms:
        full = {}
    names = sorted({*cohort.distinct("pharmacogenes", "gene"), *full})
    missing = why or "no genotype of this patient in the cohort's table"
    genes = [_gene(name, table.get(name), full.get(name, {}), missing, bool(why)) for name in names]
    return {"why": missing if all(g["call"] == "not assessed" for g in genes) else "", "genes": genes}


def _gene_file(path: Path) -> list[Facts]:
    """The list of genes, bare or under one key beside schema_version."""
    if not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        content = next((v for v in content.values() if isinstance(v, list)), [])
    return [g for g in content if isinstance(g, dict) and "gene" in g]


def _gene(name: str, row: Facts | None, full: Facts, missing: str, no_genome: bool) -> Facts:
    """One gene: diplotypes, phenotypes, activity score, call, what was not tested, and why it is not assessed."""
    call = full.get("call") or (row or {}).get("call")
    if call is None or (call == "not_called" and no_genome):
        return {"gene": name, "call": "not assessed", "tested": False, "diplotypes": [], "phenotypes": [],
                "activity_score": None, "why": missing, "untested": [], "n_untested": None,
                "excluded_probability": None, "phased": None, "source": "", "origin": "", "also_fits": []}  # fmt: skip
    row = row or {}
    untested = full.get("untested") or []
    why = row.get("reason") or full.get("reason") or ""
    origin = _first(full.get("origin"), row.get("origin")) or ""
    n_untested = None if origin == OUTSIDE else _first(row.get("untested"), len(untested))
    return {
        "gene": name,
        "call": call,
        "tested": why not in (NOTHING_TESTED, NEEDS_MORE),
        "diplotypes": full.get("diplotypes") or _parts(row.get("diplotypes")),
        "phenotypes": full.get("phenotypes") or _parts(row.get("phenotypes")),
        "activity_score": _first(full.get("activity_score"), row.get("activity_score")),
        "why": why,
        "untested": untested,
        "n_untested": n_untested,
        "excluded_probability": _first(full.get("excluded_probability"), row.get("excluded_probability")),
        "phased": _first(full.get("phased"), row.get("phased")),
        "source": full.get("source") or "",
        "origin": origin,
        "also_fits": full.get("also_fits") or [],
    }


def _first(*values: Any) -> Any:
    return next((v for v in values if v is not None), None)


def _parts(joined: Any) -> list[str]:
    return [p for p in str(joined or "").split(" or ") if p]
