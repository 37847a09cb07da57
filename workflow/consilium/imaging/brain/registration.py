"""Affine registration of a head image to the MNI152 template, repeatable to the bit, and whether it can be believed.

Mattes mutual information (doi:10.1109/TMI.2003.809072) inside the brain and a rim around it, over every voxel of a
4 mm grid, so nothing is drawn at random; several starts, since scanners place heads anywhere; one thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain.atlas import Template, coarse_template
from consilium.imaging.resampling import as_transform, at_spacing, coverage, to_image
from consilium.imaging.volume import Affine, Mask, Voxels

COARSE_MM = 4.0
RIM_MM = 8.0
BINS = 32
BRAIN_ML = (700.0, 2200.0)  # believable volume and sides of a roughly extracted brain
BRAIN_SIDES_MM = (172.0, 205.0, 180.0)
CENTRE = (0.0, -18.0, 10.0)  # of the template's brain, MNI mm
# Size and pose are sought on a very coarse grid (ends where finer grids end, in less than half the time); where the
# result is not believed, once more on finer ones.
SIMILARITY_LEVELS = (((3, 1.5),), ((2, 1.0), (1, 0.0)))
PITCHES = (0.0, -20.0, 20.0)  # degrees about the left-right axis tried at the start
# Limits of belief, set on simulated and real heads and on images of other body parts (docs/methods/imaging/brain.md).
MIN_INFORMATION = 0.13
MIN_COVERAGE = 0.85
STRETCH = (0.7, 1.45)
HEAD_MM = ((115.0, 215.0), (140.0, 255.0), (0.0, 260.0))  # across, front to back, from top to neck


@dataclass(frozen=True)
class Alignment:
    """matrix: MNI mm -> image mm. information: normalised mutual information with the template's tissue, 0..1 higher
    is better. coverage: share of the template's brain inside the image. reason: why not to be believed, "" if it is."""

    matrix: Affine
    information: float
    coverage: float
    reason: str

    @property
    def scale(self) -> float:
        """Volume of a ml of template in the image, in ml: head size relative to the template."""
        return float(abs(np.linalg.det(self.matrix[:3, :3])))

    @property
    def stretches(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.svd(self.matrix[:3, :3])[1], dtype=np.float64)


def head_mask(voxels: Voxels) -> Mask:
    """Foreground: above Otsu's threshold after smoothing, largest piece, holes filled."""
    import SimpleITK as sitk  # noqa: N813

    smooth = ndimage.gaussian_filter(np.nan_to_num(voxels).astype(np.float32), 1.0)
    limit = np.percentile(smooth, 99.5)
    image = sitk.GetImageFromArray(np.minimum(smooth, limit).T)
    threshold = sitk.OtsuThresholdImageFilter()
    threshold.SetInsideValue(0)
    threshold.SetOutsideValue(1)
    mask = sitk.GetArrayFromImage(threshold.Execute(image)).T > 0
    # Otsu's cut lies amid the tissue where fat is bright: half of it keeps dark grey matter and CSF.
    mask = smooth > 0.5 * threshold.GetThreshold() if mask.mean() < 0.6 else mask
    pieces, n = ndimage.label(mask)
    if n == 0:
        return np.ones(voxels.shape, dtype=bool)
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(largest, iterations=2))
    return np.asarray(closed if closed.any() else largest)  # closing eats what lies along the border


def rough_brain(coarse: Voxels) -> Mask:
    """Largest bright piece left when thin parts are eroded away, grown back: parts brain from scalp across the skull.

    Everything where no such piece has a brain's volume (image of the brain alone, or not of a head).
    """
    head = head_mask(coarse)
    smooth = ndimage.gaussian_filter(coarse, 0.5)
    for cut in (0.65, 0.8):
        bright = head & (smooth > cut * float(np.median(coarse[head])))
        for thickness in (1, 2, 3):
            core, n = ndimage.label(ndimage.binary_erosion(bright, iterations=thickness))
            if n == 0:
                break
            piece = core == 1 + int(np.argmax(np.bincount(core.ravel())[1:]))
            grown = ndimage.binary_fill_holes(ndimage.binary_dilation(piece, iterations=thickness))
            sides = (np.ptp(np.argwhere(grown), axis=0) + 1) * COARSE_MM
            if BRAIN_ML[0] < grown.sum() * COARSE_MM**3 / 1000 < BRAIN_ML[1] and (sides < BRAIN_SIDES_MM).all():
                return np.asarray(grown)
    return np.ones(coarse.shape, dtype=bool)


def align(voxels: Voxels, affine: Affine) -> Alignment:
    """Register (voxels, affine) to the template."""
    coarse, grid = at_spacing(voxels, affine, COARSE_MM)
    limit = float(np.percentile(coarse, 99.7))
    coarse = np.clip(coarse, 0, limit if limit > 0 else None)
    template = coarse_template(COARSE_MM)
    method = _method(template)
    fixed = to_image(template.t1, template.affine)
    bare = coarse * rough_brain(coarse)
    stripped = to_image(bare, grid)
    first = _best_start(method, fixed, stripped, bare, grid)
    everywhere = _method(None)
    found = []
    for levels in SIMILARITY_LEVELS:
        similar = _optimise(everywhere, fixed, stripped, first, "similarity", levels=levels)
        matrix = _optimise(everywhere, fixed, stripped, similar, "affine")
        found.append(_judged(coarse, grid, matrix, template))
        if not found[-1].reason:
            return found[-1]
    best = max(found, key=lambda a: a.information)
    return replace(best, reason=best.reason + size_doubt(coarse, grid))


def _method(template: Template | None) -> Any:
    """Metric over the template's brain and a rim, or over everything (for images without skull)."""
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.NONE)
    if template is not None:
        rim = ndimage.binary_dilation(template.brain, iterations=round(RIM_MM / COARSE_MM))
        method.SetMetricFixedMask(to_image(rim.astype(np.uint8), template.affine))
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _starts(coarse: Voxels, grid: Affine) -> list[Affine]:
    """Scanner space as it is; centre of the head's upper part on the template's centre; each with some pitches."""
    where = np.argwhere(head_mask(coarse))
    mm = where @ grid[:3, :3].T + grid[:3, 3]
    top = float(np.percentile(mm[:, 2], 99.5))
    upper = mm[mm[:, 2] > top - 150]
    middle = (upper.min(axis=0) + upper.max(axis=0)) / 2
    by_top = np.array([middle[0], middle[1], top - 80.0])
    shifts = [np.zeros(3), by_top - [0, -18, 0], mm.mean(axis=0) - [0, -18, 10]]
    starts = []
    for shift in shifts:
        for pitch in np.deg2rad(PITCHES):
            turn = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
            centre = np.array(CENTRE)
            start = np.eye(4)
            start[:3, :3] = turn
            start[:3, 3] = centre + shift - turn @ centre
            starts.append(start)
    return starts


def _best_start(method: Any, fixed: Any, moving: Any, coarse: Voxels, grid: Affine) -> Affine:
    """The start with the highest mutual information after a few coarse steps."""
    tried: list[tuple[float, int, Affine]] = []
    for start in _starts(coarse, grid):
        matrix = _optimise(method, fixed, moving, start, "rigid", steps=12, levels=((3, 1.5),))
        tried.append((method.GetMetricValue(), len(tried), matrix))
    return min(tried, key=lambda t: t[:2])[2]


def _optimise(method: Any, fixed: Any, moving: Any, start: Affine, freedom: str, steps: int = 80,
              levels: tuple[tuple[int, float], ...] = ((2, 1.0), (1, 0.0))) -> Affine:  # fmt: skip

    transform: Any
    if freedom == "affine":
        transform = as_transform(start)
        centre = np.array(CENTRE)
        transform.SetCenter(centre.tolist())
        # Changing the centre keeps matrix and translation fields: restore the mapping.
        transform.SetTranslation([float(v) for v in start[:3, :3] @ centre + start[:3, 3] - centre])
    else:
        transform = _rotation(start, freedom)
    method.SetInitialTransform(transform, True)
    method.SetShrinkFactorsPerLevel([s for s, _ in levels])
    method.SetSmoothingSigmasPerLevel([g for _, g in levels])
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(False)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.02, steps, 0.6, 1e-5)
    method.SetOptimizerScalesFromPhysicalShift()
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # no overlap left: the start stays
        return start
    return _matrix(transform)


def _rotation(start: Affine, freedom: str) -> Any:
    """Rigid or similarity transform nearest to `start`."""
    import SimpleITK as sitk  # noqa: N813

    u, s, vt = np.linalg.svd(start[:3, :3])
    rotation = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    transform: Any = sitk.Similarity3DTransform() if freedom == "similarity" else sitk.VersorRigid3DTransform()
    centre = np.array(CENTRE)
    transform.SetCenter(centre.tolist())
    scale = float(s.mean()) if freedom == "similarity" else 1.0
    if freedom == "similarity":
        transform.SetScale(scale)
    transform.SetMatrix([float(v) for v in (scale * rotation).ravel()])
    transform.SetTranslation([float(v) for v in start[:3, :3] @ centre + start[:3, 3] - centre])
    return transform


def _matrix(transform: Any) -> Affine:
    """4 x 4 matrix of a SimpleITK matrix-offset transform."""
    out = np.eye(4)
    out[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    for axis in range(3):
        unit = [0.0, 0.0, 0.0]
        unit[axis] = 1.0
        out[:3, axis] = np.array(transform.TransformPoint(unit)) - out[:3, 3]
    return out


def information(a: NDArray, b: NDArray, bins: int = BINS) -> float:
    """Mutual information over the entropy of `b`: 0 = independent, 1 = a tells b."""
    low, high = np.percentile(a, [1, 99])
    edges = np.linspace(low, high if high > low else low + 1, bins - 1)
    joint, _, _ = np.histogram2d(np.digitize(a, edges), np.digitize(b, np.linspace(0.05, 0.95, 10)), bins=(bins, 11))
    p = joint / joint.sum()
    pa, pb = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    seen = p > 0
    mutual = float((p[seen] * np.log(p[seen] / (pa @ pb)[seen])).sum())
    entropy = float(-(pb[pb > 0] * np.log(pb[pb > 0])).sum())
    return mutual / entropy if entropy > 0 else 0.0


def _judged(coarse: Voxels, grid: Affine, matrix: Affine, template: Template) -> Alignment:
    from consilium.imaging.resampling import resample

    inside = coverage(coarse.shape, grid, matrix, template.affine, template.brain)
    share = float(inside.sum() / template.brain.sum())
    rim = ndimage.binary_dilation(template.brain, iterations=round(RIM_MM / COARSE_MM))
    moved = resample(coarse, grid, matrix, rim.shape, template.affine)
    told = information(moved[rim], template.t1[rim]) if share > 0.05 else 0.0
    stretches = np.linalg.svd(matrix[:3, :3])[1]
    reason = ""
    if share < MIN_COVERAGE:
        reason = f"only {share:.0%} of the template's brain lie in the image"
    elif stretches.min() < STRETCH[0] or stretches.max() > STRETCH[1]:
        reason = f"registration stretches by {stretches.min():.2f} to {stretches.max():.2f}"
    elif told < MIN_INFORMATION:
        reason = f"registered image tells too little of the template's tissue ({told:.2f})"
    return Alignment(matrix, told, share, reason)


def size_doubt(coarse: Voxels, grid: Affine) -> str:
    """What is odd about the size of the foreground, as if it were a head; "" where nothing is."""
    places = np.argwhere(head_mask(coarse)) @ grid[:3, :3].T
    sides = np.ptp(np.percentile(places, [0.5, 99.5], axis=0), axis=0) + COARSE_MM
    if all(low <= side <= high for side, (low, high) in zip(sides, HEAD_MM, strict=True)):
        return ""
    size = " x ".join(f"{side:.0f}" for side in sides)
    return f"; what it shows is {size} mm large, no head's size: another part of the body, or a wrong voxel size"
