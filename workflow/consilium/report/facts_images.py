"""Facts of one patient from the imaging room: samples with verdict, quality metrics, measured values, picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from consilium.core.provenance import file_digest
from consilium.core.store import read_facts
from consilium.report.image_values import grouped
from consilium.report.tables import Cohort

Facts = dict[str, Any]
PICTURES = ("preview.webp", "preview.png", "overlay.png", "carpet.webp")


def images(cohort: Cohort, patient: str, why: str) -> Facts:
    """One entry a sample that the imaging room has judged or written a folder for."""
    if "imaging" not in cohort.rooms:
        return {"why": why or "images were not processed in this run", "samples": []}
    metrics: dict[str, list[Facts]] = {}
    for row in cohort.rows("image_qc", patient):
        metrics.setdefault(row["sample"], []).append(row)
    samples = [_sample(cohort, patient, name, rows) for name, rows in sorted(metrics.items())]
    samples += [_predicted(cohort, patient, row) for row in cohort.rows("segmentation", patient)]
    return {"why": "" if samples else why or "no image of this patient could be processed", "samples": samples}


def _sample(cohort: Cohort, patient: str, sample: str, rows: list[Facts]) -> Facts:
    folder = cohort.patients_folder / patient / "imaging" / sample
    first = rows[0]
    return {
        "sample": sample,
        "kind": first["kind"],
        "verdict": first["verdict"],
        "reason": first["reason"] or "",
        "metrics": [
            {"title": cohort.titles.get(r["metric"], r["metric"])} | {k: r[k] for k in ("value", "unit", "better")}
            for r in rows
        ],
        "blocks": _blocks(folder / "features.json", cohort),
        "pictures": [_picture(folder / p, cohort.patients_folder / patient) for p in PICTURES if (folder / p).exists()],
    }


def _predicted(cohort: Cohort, patient: str, row: Facts) -> Facts:
    """The lesion that the network outlined, as a further entry: a person has to check it."""
    folder = cohort.patients_folder / patient / "segmentation"
    agreed = "" if row["dice"] is None else f", overlap with the expert's mask (Dice) {row['dice']:.2f}"
    features = read_facts(folder / "segmentation.json")["features"]
    return {
        "sample": f"Predicted lesion in {row['sample']}",
        "kind": "predicted lesion",
        "verdict": "flag",
        "reason": f"outlined by a network that did not learn from this patient, not checked by a person{agreed}",
        "metrics": [],
        "blocks": [{"reason": "", "groups": grouped(features, cohort.titles)}],
        "pictures": [_picture(folder / p, cohort.patients_folder / patient) for p in PICTURES if (folder / p).exists()],
    }


def _picture(path: Path, base: Path) -> Facts:
    return {"path": path.relative_to(base).as_posix(), "sha256": file_digest(path)}


def _blocks(path: Path, cohort: Cohort) -> list[Facts]:
    """One entry a feature block of the sample: why it has no values, or its values in groups."""
    if not path.exists():
        return []
    return [
        {"reason": block["reason"], "groups": grouped(_shown(name, block["features"]), cohort.titles)}
        for name, block in read_facts(path)["blocks"].items()
    ]


def _shown(block: str, features: Facts) -> Facts:
    """What of a block goes on the page: of the many radiomic features, only how many there are."""
    if block != "radiomics" or not features:
        return features
    return {"radiomic_features": {"value": sum(f["value"] is not None for f in features.values()), "unit": ""}}
