"""One patient's facts, section by section: what report.json holds and the page is rendered from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consilium.core.provenance import code_digest, value_digest, versions
from consilium.report import (
    facts_findings,
    facts_genome,
    facts_images,
    facts_models,
    facts_reads,
    facts_records,
    facts_scores,
)
from consilium.report.key_messages import key_messages
from consilium.report.supplied import supplied
from consilium.report.tables import Cohort

Facts = dict[str, Any]
NOTICE = (
    "For research use only. Not a medical device. Not for diagnosis or treatment. Every statement must be checked "
    "by a physician against the sources before anything is done with it."
)
PACKAGES = ("numpy", "pandas", "xarray", "zarr", "scikit-learn", "lightgbm", "torch", "nilearn", "pysam",
            "scikit-allel", "numcodecs", "matplotlib", "jinja2", "snakemake")  # fmt: skip


def collect(cohort: Cohort, patient: str, title: str, config_digest: str) -> tuple[Facts, list[str]]:
    """(facts, defects) of one patient. A section that fails says so in its place; the others stand.

    Rooms hand over empty tables where nothing was supplied: every section then carries `why`.
    """
    have = supplied(cohort, patient)
    why = have["rooms"]
    kinds = {k["kind"]: k for k in have["kinds"]}
    makers: dict[str, Callable[[], Facts]] = {
        "genome_quality": lambda: facts_genome.genome_quality(cohort, patient, why["genomics"]),
        "reads": lambda: facts_reads.reads(cohort, patient, why["genomics"]),
        "gene_findings": lambda: facts_findings.gene_findings(cohort, patient, why["genomics"]),
        "pharmacogenomics": lambda: facts_genome.pharmacogenomics(cohort, patient, why["genomics"]),
        "polygenic": lambda: facts_scores.polygenic(cohort, patient, why["genomics"]),
        "images": lambda: facts_images.images(cohort, patient, why["imaging"]),
        "omics": lambda: facts_records.omics(cohort, patient, why["omics"]),
        "labs": lambda: facts_records.labs(cohort, patient, _either(kinds["labs"], kinds["vitals"])),
        "drugs": lambda: facts_records.drugs(cohort, patient, kinds["drugs"]),
        "diagnoses": lambda: facts_records.diagnoses(cohort, patient, kinds["diagnoses"]),
        "findings": lambda: facts_records.findings(cohort, patient, why["text"]),
        "diagnosis": lambda: facts_models.predictions(cohort, patient, "classification"),
        "risk": lambda: facts_models.predictions(cohort, patient, "survival", "regression"),
        "treatment": lambda: facts_models.treatment(cohort, patient, _drug_why(kinds["drugs"])),
        "methods": lambda: methods(cohort, config_digest),
    }
    facts: Facts = {"title": title, "notice": NOTICE, "patient": person(cohort, patient), "supplied": have,
                    "refused": cohort.rows("quarantine", patient)}  # fmt: skip
    defects = []
    for name, make in makers.items():
        try:
            facts[name] = make()
        except Exception as error:  # one section never costs the page; the page and the manifest say so
            facts[name] = {"defect": f"{type(error).__name__}: {error}"}
            defects.append(f"section {name}: {type(error).__name__}: {error}")
    facts["summary"] = key_messages(facts)
    facts["digest"] = value_digest([facts, code_digest("report")])[:32]
    return facts, defects


def _either(*status: Facts) -> str:
    if any(s["status"] in ("supplied", "flagged") for s in status):
        return ""
    worst = next((s for s in status if s["status"] != "not supplied"), status[0])
    return f"{worst['status']}: {worst['why']}" if worst["why"] else str(worst["status"])


def _drug_why(status: Facts) -> str:
    return "" if status["status"] == "supplied" else f"drug list {status['status']}: {status['why']}"


def person(cohort: Cohort, patient: str) -> Facts:
    """Who the page is about, as the patient sheet has it; age in whole years at the index date."""
    row = cohort.patient(patient)
    return {"patient": patient, "cohort": cohort.name, "n_patients": len(cohort.sheets.patients), "mode": cohort.mode,
            "sex": row.sex, "birth_year": row.birth_year, "age": row.age, "site": row.site, "family": row.family,
            "index_date": row.index_date}  # fmt: skip


def methods(cohort: Cohort, config_digest: str) -> Facts:
    """Versions and models: what is needed to say how a statement of the page came about."""
    from consilium import __version__

    models = [
        {"task": t.name, "type": t.type, "outcome": t.outcome or f"{t.time}, {t.event}",
         "model": facts_models.shipped(cohort, t), "performance": facts_models.performance(cohort, t),
         "gates_open": [g for g in facts_models.gates(cohort, t) if g["verdict"] in ("fail", "warn")],
         "n_gates": len(facts_models.gates(cohort, t))}
        for t in cohort.tasks
    ]  # fmt: skip
    return {"consilium": __version__, "mode": cohort.mode, "config_digest": config_digest,
            "versions": versions(*PACKAGES), "models": models,
            "scores": cohort.distinct("polygenic", "score")}  # fmt: skip
