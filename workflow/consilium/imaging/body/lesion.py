"""First-order and shape features of a lesion mask on its image (mostly FLAIR)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain import atlas
from consilium.imaging.brain.regional import Feature
from consilium.imaging.brain.registration import Alignment, head_mask, rough_brain
from consilium.imaging.resampling import at_spacing, resample, to_image
from consilium.imaging.volume import Mask, Volume, Voxels

MIN_PIECE_ML = 0.05


def on_image(mask: Volume, image: Volume) -> tuple[Mask, float]:
    """(mask on the image's grid, share of the mask's volume that lies in the image); nearest neighbour."""
    lesion = np.nan_to_num(mask.voxels) > 0
    if mask.voxels.shape == image.voxels.shape and np.allclose(mask.affine, image.affine, atol=1e-3):
        return lesion, 1.0
    moved = resample(
        lesion.astype(np.float32), mask.affine, np.eye(4), image.voxels.shape[:3], image.affine, 0.0, nearest=True
    )
    inside = np.asarray(moved > 0.5)
    share = inside.sum() * image.voxel_ml / max(lesion.sum() * mask.voxel_ml, 1e-9)
    return inside, float(min(share, 1.0))


def shape(lesion: Mask, volume: Volume) -> list[Feature]:
    """Size and form. Surface by SimpleITK's Crofton estimate; roundness: surface of the ball of the same volume over
    the surface, 1 = ball; elongation and flatness: ratios of principal axes, 1 = equal."""
    import SimpleITK as sitk  # noqa: N813

    pieces, _ = ndimage.label(lesion, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())[1:] * volume.voxel_ml
    stats = sitk.LabelShapeStatisticsImageFilter()
    stats.SetNumberOfThreads(1)
    stats.Execute(to_image(lesion.astype(np.uint8), volume.affine))
    where = np.argwhere(lesion)
    sides = (np.ptp(where, axis=0) + 1) * volume.spacing
    return [
        Feature("volume_ml", float(lesion.sum() * volume.voxel_ml), "ml"),
        Feature("n_pieces", float((sizes >= MIN_PIECE_ML).sum()), "count"),
        Feature("largest_piece_ml", float(sizes.max()), "ml"),
        Feature("largest_piece_share", float(sizes.max() / sizes.sum()), "fraction"),
        *(Feature(f"extent_{a}_mm", float(s), "mm") for a, s in zip("xyz", sides, strict=True)),
        Feature("surface_cm2", float(stats.GetPerimeter(1)) / 100, "cm2"),
        Feature("roundness", float(stats.GetRoundness(1)), ""),
        Feature("elongation", float(stats.GetElongation(1)), ""),
        Feature("flatness", float(stats.GetFlatness(1)), ""),
    ]


def reference_tissue(image: Volume) -> Mask:
    """Rough brain (or head where the brain cannot be told) on the image's grid."""
    coarse, grid = at_spacing(image.voxels, image.affine, 4.0)
    brain = rough_brain(coarse)
    rough = head_mask(coarse) if brain.all() else brain
    moved = resample(rough.astype(np.float32), grid, np.eye(4), image.voxels.shape, image.affine, 0.0, nearest=True)
    return np.asarray(moved > 0.5)


def tissue_intensity(lesion: Mask, voxels: Voxels, reference: Mask) -> float:
    """Median of the reference tissue more than two voxels off the lesion; NaN where there is too little of it."""
    tissue = voxels[reference & ~ndimage.binary_dilation(lesion, iterations=2)]
    return float(np.median(tissue)) if tissue.size > 100 else float("nan")


def intensity(lesion: Mask, voxels: Voxels, reference: Mask) -> list[Feature]:
    """Intensities relative to the median of the surrounding tissue (1 = like it)."""
    unit = tissue_intensity(lesion, voxels, reference)
    values = voxels[lesion] / unit if unit > 0 else np.full(int(lesion.sum()), np.nan)
    mean, sd = float(values.mean()), float(values.std())
    skew = float(((values - mean) ** 3).mean() / sd**3) if sd > 0 else float("nan")
    entropy = _entropy(values)
    out = [Feature(f"ratio_{n}", v, "tissue = 1") for n, v in (("mean", mean), ("sd", sd))]
    out += [Feature(f"ratio_p{q}", float(np.percentile(values, q)), "tissue = 1") for q in (10, 50, 90)]
    return [*out, Feature("ratio_skewness", skew, ""), Feature("ratio_entropy", entropy, "bit")]


def _entropy(values: Voxels) -> float:
    """Shannon entropy of the ratios in bins of 0.05."""
    if not np.isfinite(values).all():
        return float("nan")
    _, counts = np.unique(np.floor(values / 0.05), return_counts=True)
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum())


def place(lesion: Mask, image: Volume, reference: Mask, alignment: Alignment | None) -> list[Feature]:
    """Where the lesion lies: centre relative to the brain's centre in mm (scanner axes), and in MNI mm where the
    registration can be believed."""
    centre = np.argwhere(lesion).mean(axis=0)
    mm = image.affine[:3, :3] @ centre + image.affine[:3, 3]
    middle = np.argwhere(reference).mean(axis=0) if reference.any() else np.full(3, np.nan)
    apart = mm - (image.affine[:3, :3] @ middle + image.affine[:3, 3])
    mni = np.full(3, np.nan)
    if alignment is not None and not alignment.reason:
        inverse = np.linalg.inv(alignment.matrix)
        mni = inverse[:3, :3] @ mm + inverse[:3, 3]
    out = [Feature(f"centre_{a}_mm", float(v), "mm from the brain's centre")
           for a, v in zip("xyz", apart, strict=True)]  # fmt: skip
    out += [Feature(f"mni_{a}_mm", float(v), "mm MNI") for a, v in zip("xyz", mni, strict=True)]
    return [*out, Feature("left_share", left_share(lesion, image, alignment), "fraction")]


def in_template(lesion: Mask, image: Volume, alignment: Alignment | None) -> NDArray[np.float64] | None:
    """(voxel, axis) MNI mm of the lesion's voxels; None where the registration cannot be believed."""
    if alignment is None or alignment.reason:
        return None
    to_mni = np.linalg.inv(alignment.matrix) @ image.affine
    return np.asarray(np.argwhere(lesion) @ to_mni[:3, :3].T + to_mni[:3, 3])


def left_share(lesion: Mask, image: Volume, alignment: Alignment | None) -> float:
    """Share of the lesion left of the template's midline; NaN where the registration cannot be believed."""
    mm = in_template(lesion, image, alignment)
    return float("nan") if mm is None else float((mm[:, 0] < 0).mean())


def regions_hit(lesion: Mask, image: Volume, alignment: Alignment | None) -> dict[str, float]:
    """Atlas region -> share of the lesion in it, largest first; "no region" holds white matter and what lies outside.
    Empty where the registration cannot be believed."""
    mm = in_template(lesion, image, alignment)
    if mm is None:
        return {}
    atlas_regions, grid = atlas.regions(), atlas.template().affine
    back = np.linalg.inv(grid)
    voxel = np.rint(mm @ back[:3, :3].T + back[:3, 3]).astype(int)
    size = np.array(atlas_regions.labels.shape)
    within = ((voxel >= 0) & (voxel < size)).all(axis=1)
    labels = np.zeros(len(voxel), dtype=np.int64)
    labels[within] = atlas_regions.labels[tuple(voxel[within].T)]
    share = np.bincount(labels, minlength=len(atlas_regions.names) + 1) / len(labels)
    names = ("no region", *atlas_regions.names)
    return {names[i]: float(f"{share[i]:.3g}") for i in np.argsort(-share, kind="stable") if share[i] > 0}


def features(lesion: Mask, image: Volume | None, mask: Volume, alignment: Alignment | None, reference: Mask
             ) -> list[Feature]:  # fmt: skip
    """All lesion features; without an image only the shape, the rest NaN. reference: see reference_tissue."""
    grid = image if image is not None else mask
    out = shape(lesion, grid)
    if image is None:
        names = [f.name for f in (*intensity(lesion, lesion.astype(np.float32), lesion), *_no_place())]
        return out + [Feature(n, float("nan"), "") for n in names]
    voxels = np.nan_to_num(image.voxels)
    return out + intensity(lesion, voxels, reference) + place(lesion, image, reference, alignment)


def _no_place() -> list[Feature]:
    places = [Feature(f"{kind}_{a}_mm", float("nan"), "mm") for kind in ("centre", "mni") for a in "xyz"]
    return [*places, Feature("left_share", float("nan"), "fraction")]
