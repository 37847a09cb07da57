"""What processing one image gives, and how it is written: qc.json, features.json, lowres.npy, the image after BIDS."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.core.sheets import Sample
from consilium.core.store import atomic, write_facts
from consilium.imaging import bids
from consilium.imaging.brain.regional import Feature
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.quality.measures import METRICS
from consilium.imaging.quality.verdict import judge
from consilium.imaging.volume import Affine, Mask, Volume, Voxels

RELATIONS, SKETCH, LOWRES = "relations.json", "sketch.npy", "lowres.npy"
DIGITS = 6  # significant digits of written numbers


@dataclass
class Block:
    """Features of one block; reason: why the block as a whole is not assessed, "" if it is."""

    features: list[Feature] = field(default_factory=list)
    reason: str = ""


@dataclass
class Outcome:
    """Everything known of one processed image. volume: (voxels, affine) to keep; lowres: (z, y, x) for the network."""

    metrics: dict[str, float]
    notes: list[str]
    blocks: dict[str, Block]
    not_assessed: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    volume: tuple[Voxels, Affine] | None = None
    mask: tuple[Mask, Affine] | None = None  # of the brain, on the image's own grid
    lowres: dict[str, Voxels] = field(default_factory=dict)
    alignment: Alignment | None = None
    sketch: NDArray[np.float16] | None = None  # likeness by which copies are found


def write(outcome: Outcome, image: Volume, sample: Sample, folder: Path) -> tuple[str, str]:
    """Write the outcome of `sample` into its folder; returns (verdict, reason)."""
    folder.mkdir(parents=True, exist_ok=True)
    verdict, reason = judge(sample.kind, outcome.metrics, outcome.notes)
    head = {"patient": sample.patient, "sample": sample.sample, "kind": sample.kind}
    write_facts(folder / "qc.json", {**head, "verdict": verdict, "reason": reason, **_quality(outcome, image)})
    write_facts(folder / "features.json", {**head, **_features(outcome)})
    for voxels in outcome.lowres.values():
        np.save(folder / LOWRES, voxels.astype(np.float16))
    if outcome.sketch is not None:
        np.save(folder / SKETCH, outcome.sketch)
    if outcome.volume is not None:
        registered = outcome.alignment is not None and not outcome.alignment.reason and sample.kind != "mask"
        name = bids.stem(sample, registered)
        write_volume(folder / f"{name}.nii.gz", *outcome.volume)
        write_facts(folder / f"{name}.json", bids.sidecar(image, registered))
    if outcome.mask is not None:
        write_mask(folder / "brain_mask.nii.gz", *outcome.mask)
    return verdict, reason


def _quality(outcome: Outcome, image: Volume) -> dict[str, Any]:
    """What qc.json says beside the verdict."""
    metrics = {
        name: {"value": rounded(value), "unit": METRICS[name].unit, "better": METRICS[name].better}
        for name, value in outcome.metrics.items()
    }
    return {
        "metrics": metrics,
        "notes": outcome.notes,
        "source": image.source,
        "header": image.seen,
        "unit": image.unit,
        "shape": list(image.voxels.shape),
        "technical": {k: rounded(v) for k, v in sorted(image.technical.items())},
        "voxel_hash": outcome.details.get("voxel_hash", ""),
        "registration": _registration(outcome.alignment),
        "not_assessed": outcome.not_assessed,
    }


def _features(outcome: Outcome) -> dict[str, Any]:
    """What features.json says: the blocks, in which file each volume lies, how the features were found."""
    blocks = {
        name: {
            "reason": block.reason,
            "features": {f.name: {"value": rounded(f.value), "unit": f.unit} for f in block.features},
        }
        for name, block in outcome.blocks.items()
    }
    details = {k: v for k, v in outcome.details.items() if k != "voxel_hash"}
    return {"blocks": blocks, "volumes": dict.fromkeys(outcome.lowres, LOWRES), "details": details}


def rounded(value: float) -> float:
    """To DIGITS significant digits: enough for a feature, and too few to hide digits of an identifier."""
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else float("nan")


def _registration(alignment: Alignment | None) -> dict[str, Any] | None:
    if alignment is None:
        return None
    return {
        "template": "MNI152 (ICBM 2009a symmetric, as shipped by nilearn)",
        "mni_to_image_mm": [[rounded(v) for v in row] for row in alignment.matrix],
        "information": rounded(alignment.information),
        "coverage": rounded(alignment.coverage),
        "stretches": [rounded(v) for v in alignment.stretches],
        "believed": alignment.reason == "",
        "reason": alignment.reason,
    }


def write_volume(file: Path, voxels: Voxels, affine: Affine) -> None:
    """A fresh NIfTI-1 (int16, scaled) whose header holds geometry and nothing else; same voxels, same bytes."""
    import nibabel as nib

    high = float(np.abs(voxels).max())
    step = high / 16000 if high > 0 else 1.0
    image = nib.Nifti1Image(np.round(voxels / step).astype(np.int16), affine)
    image.header.set_slope_inter(step, 0.0)
    _write(file, image, affine)


def write_mask(file: Path, mask: Mask, affine: Affine) -> None:
    """A fresh NIfTI-1 of 0 and 1 (uint8)."""
    import nibabel as nib

    _write(file, nib.Nifti1Image(mask.astype(np.uint8), affine), affine)


def _write(file: Path, image: Any, affine: Affine) -> None:
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    with atomic(file) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), 4, mtime=0))
