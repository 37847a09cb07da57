"""Brain images that are registered to the template: T1, T2, FLAIR and PET."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.imaging import preview
from consilium.imaging.brain import anatomy, atlas, bias, deform, pictures, regional, uptake
from consilium.imaging.brain.choice import Choice
from consilium.imaging.brain.registration import Alignment, align, head_mask
from consilium.imaging.outcome import Block, Outcome
from consilium.imaging.quality import structural as quality
from consilium.imaging.reading import COARSE_MM
from consilium.imaging.resampling import at_spacing, coverage, resample
from consilium.imaging.volume import Affine, Mask, Volume, Voxels

LOWRES = {"T1": "t1_volume", "FLAIR": "flair_volume"}


def structural(volume: Volume, folder: Path, grid_mm: float, choice: Choice) -> Outcome:
    """Bias field, registration, tissues, brain mask, regional features, coarse volume of a T1, T2 or FLAIR image."""
    coarse, coarse_grid = volume.coarse or at_spacing(volume.voxels, volume.affine, COARSE_MM)
    log_field, grid = _log_field(coarse, coarse_grid)
    field = np.exp(resample(log_field, grid, np.eye(4), coarse.shape, coarse_grid))
    coarse = (coarse / field).astype(np.float32)
    alignment = align(coarse, coarse_grid)
    found, reason = anatomy.find(volume, alignment, log_field, grid, choice.regions, choice.deformable)
    tissue = found.tissue if found else None
    head = _on_grid(head_mask(coarse), coarse_grid, volume)
    scores = common_metrics(volume) | quality.of_image(volume, head, log_field, grid, alignment, tissue)
    scores |= registration_metrics(alignment)
    name = f"{volume.kind.lower()}_regions"
    out = Outcome(scores, list(volume.notes), {name: Block(reason=reason)}, alignment=alignment)
    out.details["voxel_hash"] = volume.digest()
    if found is None:
        out.notes.append(f"not registered: {reason}")
        out.not_assessed[name] = reason
        out.volume = (coarse, coarse_grid)
        preview.draw(folder / "preview.png", coarse, coarse_grid)
        return out
    _measure(out, name, found, alignment, choice)
    affine = found.maps.affine
    out.volume = (found.tissue.intensity, affine)
    out.mask = (anatomy.native_brain(found, alignment, volume), volume.affine)
    if volume.kind in LOWRES:
        lowres, _ = at_spacing(found.tissue.intensity, affine, grid_mm)
        out.lowres[LOWRES[volume.kind]] = np.transpose(lowres, (2, 1, 0))
    pictures.steps(folder / pictures.NAME, found)
    return out


def _measure(out: Outcome, name: str, found: anatomy.Anatomy, alignment: Alignment, choice: Choice) -> None:
    """Regional features of a registered image and how they were found."""
    out.blocks[name].features = regional.structural(found.tissue, found.regions, found.maps, alignment.scale)
    out.details |= {
        "gm_ml": _region_ml(found, alignment),
        "atlas": choice.atlas,
        "registration": "deformable" if choice.deformable else "affine",
    }
    if found.field is not None:
        out.details["folded_share"] = deform.fold_share(found.field, found.maps.brain)


def _region_ml(found: anatomy.Anatomy, alignment: Alignment) -> dict[str, float]:
    """Grey matter per region in ml of the patient (not corrected for head size)."""
    ml = regional.sums(found.tissue.gm, found.regions) * abs(np.linalg.det(found.maps.affine[:3, :3])) / 1000
    return {n: float(f"{v * alignment.scale:.4g}") for n, v in zip(found.regions.names, ml, strict=True)}


def _log_field(coarse: Voxels, coarse_grid: Affine) -> tuple[Voxels, Affine]:
    some, grid = bias.thinned(coarse, coarse_grid)
    return np.log(bias.field(some, grid, head_mask(some))).astype(np.float32), grid


def _on_grid(mask: Mask, grid: Affine, volume: Volume) -> Mask:
    moved = resample(
        mask.astype(np.float32), grid, np.eye(4), volume.voxels.shape[:3], volume.affine, 0.0, nearest=True
    )
    return np.asarray(moved > 0.5)


def common_metrics(volume: Volume) -> dict[str, float]:
    """Geometry and share of unusable voxels."""
    sides = volume.spacing * volume.voxels.shape[:3]
    out = {"nan_share": volume.nan_share}
    out |= {f"spacing_{a}": float(s) for a, s in zip("xyz", volume.spacing, strict=True)}
    return out | {f"fov_{a}": float(s) for a, s in zip("xyz", sides, strict=True)}


def registration_metrics(alignment: Alignment) -> dict[str, float]:
    """Coverage counts for the verdict only where the registration is believed: a thigh is no brain cut off."""
    covered = float("nan") if alignment.reason else alignment.coverage
    return {"registration_information": alignment.information, "registration_coverage": covered}


def pet(volume: Volume, folder: Path, choice: Choice) -> Outcome:
    """Uptake ratios per region where the image is of a brain, SUV of the whole image where its units are known."""
    alignment = align(volume.voxels, volume.affine)
    template, regions = atlas.template(), choice.regions
    found = common_metrics(volume) | registration_metrics(alignment)
    features, lack = _suv_features(volume)
    if volume.unit == "SUV":
        found["suv_mean_head"] = next(f.value for f in features if f.name == "suv_mean")
    out = Outcome(found, list(volume.notes), {"pet": Block()}, alignment=alignment)
    out.details["voxel_hash"] = volume.digest()
    if lack:
        out.not_assessed["suv"] = lack
    if alignment.reason:
        out.not_assessed["suvr"] = f"not registered to the brain template: {alignment.reason}"
        ratios = [regional.Feature(f"suvr.{n}", float("nan"), "not assessed") for n in regions.names]
        coarse, grid = at_spacing(volume.voxels, volume.affine, COARSE_MM)
        out.volume = (coarse, grid)
        preview.draw(folder / "preview.png", coarse, grid)
    else:
        moved = resample(volume.voxels, volume.affine, alignment.matrix, template.brain.shape, template.affine)
        inside = coverage(volume.voxels.shape, volume.affine, alignment.matrix, template.affine, template.brain)
        ratios, reference = uptake.ratios(moved, inside, regions, choice.pet_reference)
        out.details["suvr_reference"] = reference
        small, grid = at_spacing(moved * template.brain, template.affine, COARSE_MM)
        out.volume = (small, grid)
        out.details |= {"atlas": choice.atlas}
        pictures.registered(folder / pictures.NAME, moved)
    out.blocks["pet"].features = features + ratios
    if all(np.isnan(f.value) for f in out.blocks["pet"].features):
        out.blocks["pet"].reason = "neither SUV (units unknown) nor uptake ratios (not registered) could be computed"
    return out


def _suv_features(volume: Volume) -> tuple[list[regional.Feature], str]:
    """(mean, median, 95th percentile and peak within the foreground, why they are NaN)."""
    names = ("suv_mean", "suv_median", "suv_p95", "suv_max")
    if volume.unit != "SUV":
        reason = volume.unit_reason or "units unknown"
        return [regional.Feature(n, float("nan"), "SUV") for n in names], reason
    values = volume.voxels[head_mask(volume.voxels)]
    numbers = (values.mean(), np.median(values), np.percentile(values, 95), values.max())
    return [regional.Feature(n, float(v), "SUV") for n, v in zip(names, numbers, strict=True)], ""
