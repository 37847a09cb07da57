"""Facts of one patient from the imaging room: samples with verdict, quality metrics, measured values, picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consilium.core.provenance import file_digest
from consilium.core.store import read_facts
from consilium.report.tables import Cohort

Facts = dict[str, Any]
PICTURES = ("preview.png", "overlay.png")
# Thousands of connectivity edges are no reading matter: the page says how many more the file holds.
MOST_VALUES = 60
_NOT_VALUES = {"schema_version", "sample", "patient", "kind", "block", "unit", "room"}


def images(cohort: Cohort, patient: str, why: str) -> Facts:
    """One entry a sample that the imaging room has judged or written a folder for."""
    if "imaging" not in cohort.rooms:
        return {"why": why or "images were not processed in this run", "samples": []}
    metrics: dict[str, list[Facts]] = {}
    for row in cohort.rows("image_qc", patient):
        metrics.setdefault(row["sample"], []).append(row)
    samples = [_sample(cohort, patient, name, rows) for name, rows in sorted(metrics.items())]
    return {"why": "" if samples else why or "no image of this patient could be processed", "samples": samples}


def _sample(cohort: Cohort, patient: str, sample: str, rows: list[Facts]) -> Facts:
    folder = cohort.patients_folder / patient / "imaging" / sample
    values = list(_values(folder / "features.json"))
    first = rows[0]
    return {
        "sample": sample,
        "kind": first["kind"],
        "verdict": first["verdict"],
        "reason": first["reason"] or "",
        "metrics": [{k: r[k] for k in ("metric", "value", "unit", "better")} for r in rows],
        "values": values[:MOST_VALUES],
        "n_values": len(values),
        "pictures": [_picture(folder / p, cohort.patients_folder / patient) for p in PICTURES if (folder / p).exists()],
    }


def _picture(path: Path, base: Path) -> Facts:
    return {"path": path.relative_to(base).as_posix(), "sha256": file_digest(path)}


def _values(path: Path) -> Iterator[Facts]:
    """Name, value and unit of everything numeric in a features file, whatever its nesting."""
    if path.exists():
        yield from _walk(read_facts(path), "", "")


def _walk(node: Any, name: str, unit: str) -> Iterator[Facts]:
    if isinstance(node, dict):
        units = node.get("unit", unit)
        if "value" in node:
            title = str(node.get("name") or node.get("feature") or name)
            yield {"name": title, "value": _number(node["value"]), "unit": str(units or "")}
            return
        for key, child in node.items():
            if key in _NOT_VALUES or key.endswith("_unit"):
                continue
            own = units.get(key, "") if isinstance(units, dict) else units
            yield from _walk(child, str(key) if not name or name in _CONTAINERS else f"{name} {key}", own)
    elif isinstance(node, list):
        if node and all(isinstance(child, dict) for child in node):
            for child in node:
                yield from _walk(child, name, unit)
    elif node is None or (isinstance(node, int | float) and not isinstance(node, bool)):
        yield {"name": name, "value": _number(node), "unit": str(unit or "")}


_CONTAINERS = {"features", "values", "blocks"}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None
