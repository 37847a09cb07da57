"""From the patients' predictions to the cohort: feature block, table, picture of best, median and worst."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core import blocks
from consilium.core.errors import Problem
from consilium.core.sheets import Sample
from consilium.core.store import read_facts
from consilium.imaging.body import lesion
from consilium.imaging.intake import reader
from consilium.imaging.segment import picture
from consilium.imaging.segment.patient import FILE, MASK, UNCERTAINTY

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TITLE = "Lesion predicted by the network: size, shape, intensity, place, uncertainty"
Facts = dict[str, Any]


def found(entries: Sequence[Facts]) -> dict[str, tuple[Path, Facts]]:
    """Patient -> (folder, facts) of everybody with a prediction. entries: of the manifests of stage segment_predict."""
    folders = {str(e["patient"]): Path(e["folder"]) for e in entries}
    return {p: (f, read_facts(f / FILE)) for p, f in sorted(folders.items()) if (f / FILE).exists()}


def records(done: dict[str, tuple[Path, Facts]], store: Facts) -> dict[str, Facts]:
    """Patient -> {features, reason}: of each patient what a network says that did not learn from that patient.

    store: content of store.json; its skipped patients get their reason.
    """
    out = {p: {"features": f["features"], "reason": ""} for p, (_, f) in done.items()}
    known = {e["patient"] for e in store["patients"]}
    out |= {p: {"features": {}, "reason": "prediction failed, see the quarantine list"} for p in known - set(out)}
    out |= {p: {"features": {}, "reason": why} for p, why in store["skipped"].items()}
    return dict(sorted(out.items()))


def blocks_of(records_file: str, patients: Sequence[str]) -> dict[str, xr.Dataset]:
    """The room's blocks of predicted lesions: one or none. records_file: "" without segmentation."""
    found_block = block(read_facts(Path(records_file))["patients"], patients) if records_file else None
    return {} if found_block is None else {"segmentation": found_block}


def problems_of(records_file: str) -> list[Problem]:
    """What stage segment_predict could not use. records_file: "" without segmentation."""
    return [Problem(**p) for p in read_facts(Path(records_file))["problems"]] if records_file else []


def block(kept: dict[str, Facts], patients: Sequence[str]) -> xr.Dataset | None:
    """Feature block "segmentation" from what `records` gave; None where nobody has a prediction."""
    units = {n: f["unit"] for record in kept.values() for n, f in record["features"].items()}
    if not units:
        return None
    nobody: Facts = {"features": {}, "reason": "not supplied"}
    rows = [kept.get(p, nobody) for p in patients]
    values = np.array([[_value(row["features"].get(n)) for n in units] for row in rows], dtype=np.float32)
    reasons = [row["reason"] for row in rows]
    return blocks.table("imaging", TITLE, patients, values, list(units), list(units.values()), reasons)


def _value(feature: Facts | None) -> float:
    return float("nan") if feature is None or feature["value"] is None else float(feature["value"])


def table(done: dict[str, tuple[Path, Facts]]) -> pd.DataFrame:
    """Table "segmentation": one row a patient with a prediction."""
    import pandas as pd

    rows = [
        (p, f["sample"], f["part"], f["features"]["volume_ml"]["value"], f["expert_volume_ml"], f["dice"],
         f["features"]["uncertainty"]["value"], f["features"]["n_pieces"]["value"], f["threshold"], f["smallest_ml"])
        for p, (_, f) in done.items()
    ]  # fmt: skip
    columns = ["patient", "sample", "part", "volume_ml", "expert_volume_ml", "dice", "uncertainty", "n_pieces",
               "threshold", "smallest_ml"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def shown(done: dict[str, tuple[Path, Facts]]) -> list[tuple[str, str]]:
    """(what, patient): best, median and worst Dice of those with an expert's mask; fewer where there are fewer."""
    scored = sorted((f["dice"], p) for p, (_, f) in done.items() if f["dice"] is not None)
    if not scored:
        return []
    places = {"best": len(scored) - 1, "median": len(scored) // 2, "worst": 0}
    out: dict[str, str] = {}
    for what, at in places.items():
        out.setdefault(scored[at][1], f"{what}, Dice {scored[at][0]:.2f}")
    return [(what, patient) for patient, what in out.items()]


def cases(done: dict[str, tuple[Path, Facts]], samples: dict[tuple[str, str], Sample]) -> list[picture.Case]:
    """What the cohort's picture shows. samples: of the sheet, by patient and sample."""
    out = []
    for what, patient in shown(done):
        folder, facts = done[patient]
        image = reader.read(samples[(patient, facts["sample"])])
        outline, entropy = (_voxels(folder / name) for name in (MASK, UNCERTAINTY))
        expert = lesion.on_image(reader.read(samples[(patient, facts["mask"])]), image)[0]
        out.append(picture.Case(f"{patient}: {what}", image, outline > 0, expert, entropy))
    return out


def _voxels(file: Path) -> np.ndarray:
    """Voxels of a volume that this room has written (axes run to right, anterior, superior)."""
    import nibabel as nib

    return np.asarray(nib.Nifti1Image.from_bytes(gzip.decompress(file.read_bytes())).dataobj, dtype=np.float32)
