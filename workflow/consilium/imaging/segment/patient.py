"""One patient's prediction: mask, uncertainty, lesion features, picture; the work of a chunk stage."""

from __future__ import annotations

import gzip
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.chunks import Task
from consilium.core.errors import Problem
from consilium.core.store import atomic, read_facts, write_facts
from consilium.imaging.body import lesion
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.intake import reader
from consilium.imaging.outcome import rounded, write_volume
from consilium.imaging.segment import model as models
from consilium.imaging.segment import picture, pieces, predict, train
from consilium.imaging.segment.grid import scaled
from consilium.imaging.volume import Affine, Mask, Volume

NDArray = np.ndarray
FOLDER = "segmentation"  # of a patient's result folder
FILE, MASK, UNCERTAINTY = "segmentation.json", "mask.nii.gz", "uncertainty.nii.gz"
NEAR = 0.1  # probability from which a voxel counts for the uncertainty of the whole lesion


@cache
def _model(file: Path) -> tuple[models.Model, Any]:
    """Loaded once for all patients of a job."""
    model, where = models.load(file), train.device()
    for net in model.nets:
        net.to(where)
    return model, where


def registration(task: Task, patients: Path) -> list[Path]:
    """What else the work of a task reads: the facts that stage process wrote of its image."""
    return [patients / task.patient / "imaging" / task.samples[0].sample / "qc.json"]


def one_patient(task: Task, folder: Path, model_file: Path, part: str, patients: Path) -> list[Problem]:
    """Predict the image of a task (its first sample) and compare with the expert's mask (its second, if any).

    patients: the patients' result folders.
    """
    image = reader.read(task.samples[0])
    model, where = _model(model_file)
    seen = scaled(image.voxels, image.kind, float(image.spacing[0]))
    on_grid = model.grid.take(seen, image.affine, float(seen.min())).astype(np.float16)
    found = predict.predict(model.nets, on_grid, float(image.spacing[2]), model.settings, where)
    back = partial(model.grid.put_back, shape=image.voxels.shape, affine=image.affine)
    probability, entropy = back(found.probability), back(found.entropy)
    outline = pieces.cleaned(probability, image.voxel_ml, model.rule)
    expert = None
    if len(task.samples) > 1:
        expert = lesion.on_image(reader.read(task.samples[1]), image)[0]
    alignment = _alignment(read_facts(registration(task, patients)[0])["registration"])
    facts = _facts(image, outline, expert, probability, entropy, alignment)
    write_facts(folder / FILE, {
        "patient": task.patient, "part": part, "sample": task.samples[0].sample,
        "mask": task.samples[1].sample if expert is not None else "",
        "threshold": model.rule.threshold, "smallest_ml": model.rule.smallest_ml, **facts,
    })  # fmt: skip
    write_mask(folder / MASK, outline, image.affine)
    write_volume(folder / UNCERTAINTY, entropy, image.affine)
    picture.draw(folder / "preview.png", [picture.Case("", image, outline, expert, entropy)])
    return []


def _facts(image: Volume, outline: Mask, expert: Mask | None, probability: NDArray, entropy: NDArray,
           alignment: Alignment | None) -> dict[str, Any]:  # fmt: skip
    """Features of the predicted lesion and, with an expert's mask, agreement."""
    near = probability >= NEAR
    doubt = float(entropy[near].mean()) if near.any() else 0.0
    if outline.any():
        found = lesion.features(outline, image, image, alignment, lesion.reference_tissue(image))
        features = {f.name: {"value": rounded(f.value), "unit": f.unit} for f in found}
    else:  # nothing found is a result; what an empty mask has no value for stays out
        features = {"volume_ml": {"value": 0.0, "unit": "ml"}, "n_pieces": {"value": 0.0, "unit": "count"}}
    features["uncertainty"] = {"value": rounded(doubt), "unit": "bit"}
    out: dict[str, Any] = {"features": features, "dice": None, "expert_volume_ml": None}
    if expert is not None:
        out |= {"dice": rounded(pieces.dice(outline, expert)),
                "expert_volume_ml": rounded(float(expert.sum() * image.voxel_ml))}  # fmt: skip
    return out


def _alignment(kept: dict[str, Any] | None) -> Alignment | None:
    """The image's registration as imaging_process left it."""
    if not kept:
        return None
    matrix = np.array(kept["mni_to_image_mm"], dtype=float)
    return Alignment(matrix, kept["information"], kept["coverage"], kept["reason"])


def write_mask(file: Path, mask: Mask, affine: Affine) -> None:
    """NIfTI-1 int8, 0 or 1, in the image's own space; header holds geometry only; same voxels, same bytes."""
    import nibabel as nib

    image = nib.Nifti1Image(mask.astype(np.int8), affine, dtype=np.int8)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    with atomic(file) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), 4, mtime=0))
