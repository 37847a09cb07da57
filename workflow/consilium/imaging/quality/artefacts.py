"""Traces that artefacts leave in any image: air, ghosts, wrap-around, k-space spikes, noise; one pure function each.

Voxels are (x, y, z) without NaN. Every function returns a float; NaN where it cannot be computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.quality.metrics import mad
from consilium.imaging.volume import Mask, Voxels

ARTEFACT_Z = 10.0  # of the air's spread: brighter voxels of air are artefacts (MRIQC)
NEAR_HEAD = 0.1  # of the longest distance to the head: nearer air is not judged
SIDE_PLANES = 2  # planes at a border that are looked at
BRIGHT = 0.4  # of the way from air to the head's median


def qi1(voxels: Voxels, head: Mask, hat: Mask) -> float:
    """Share of the air whose voxels are brighter than noise explains, after an opening (Mortamet et al. 2009,
    doi:10.1002/mrm.21992); lower is better: motion, ghosts and wrap-around raise it.

    hat: air that is judged (above the nose's root and the nape where the head's place is known). NaN where the air
    was blanked.
    """
    air = hat & ~head
    values = voxels[air]
    if (values > 0).sum() < 0.5 * values.size or values.size < 1000:
        return float("nan")
    spread = mad(values[values > 0])
    if spread <= 0:
        return float("nan")
    half = ndimage.distance_transform_edt(~head[::2, ::2, ::2])
    far = half.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)[tuple(slice(n) for n in head.shape)]
    outside = air & (voxels > ARTEFACT_Z * spread) & (far >= NEAR_HEAD * far[air].max())
    return float(ndimage.binary_opening(outside, ndimage.generate_binary_structure(3, 1)).sum() / values.size)


def ghost(voxels: Voxels, head: Mask, axis: int) -> float:
    """Ghost to signal ratio (Giannelli et al. 2010, doi:10.1120/jacmp.v11i4.3237); lower is better.

    Mean of the air where the head's half-field ghost along `axis` would lie, less the mean of the other air, over the
    head's median. NaN where either air is lacking.
    """
    air = ~head
    shifted = np.roll(head, head.shape[axis] // 2, axis=axis)[air]
    if not shifted.any() or shifted.all() or not head.any():
        return float("nan")
    values, signal = voxels[air], float(np.median(voxels[head]))
    apart = float(values[shifted].mean(dtype=np.float64) - values[~shifted].mean(dtype=np.float64))
    return apart / signal if signal > 0 else float("nan")


def edge(bright: Mask, axis: int, side: int) -> float:
    """Share of the largest cross-section along `axis` that the image's border cuts; 0 = all within, 1 = cut at the
    widest. bright: see `bright`; side: 0 = low end, -1 = high end."""
    areas = bright.sum(axis=tuple(a for a in range(3) if a != axis)).astype(np.float64)
    ends = areas[:SIDE_PLANES] if side == 0 else areas[-SIDE_PLANES:]
    return float(ends.max() / areas.max()) if areas.max() > 0 else float("nan")


def bright(voxels: Voxels, head: Mask) -> Mask:
    """Voxels that are not air, up to the image's border: after light smoothing, above a value 40 % of the way from the
    median of what is not head to the head's median."""
    if not head.any() or head.all():
        return np.asarray(head)
    air, level = float(np.median(voxels[~head])), float(np.median(voxels[head]))
    smooth = ndimage.gaussian_filter(voxels.astype(np.float32), 1.0, mode="nearest")
    return np.asarray(smooth > air + BRIGHT * (level - air))


def noise_share(voxels: Voxels, head: Mask) -> float:
    """Noise within the head by Donoho's estimate (doi:10.1093/biomet/81.3.425) over the head's median; lower is better.

    The finest diagonal Haar detail of each 2 x 2 x 2 block knows edges little; its spread is that of the noise. An
    interpolated image hides its noise: then it is too low.
    """
    x, y, z = (n // 2 * 2 for n in voxels.shape)
    along_x = voxels[0:x:2] - voxels[1:x:2]
    along_y = along_x[:, 0:y:2] - along_x[:, 1:y:2]
    whole = along_y[:, :, 0:z:2] - along_y[:, :, 1:z:2]
    inside = head[:x:2, :y:2, :z:2]
    signal = float(np.median(voxels[head])) if head.any() else 0.0
    detail = whole[inside]
    if detail.size < 100 or signal <= 0:
        return float("nan")
    return float(np.median(np.abs(detail))) / 0.6744898 / np.sqrt(8) / signal


def kspace_spike(voxels: Voxels) -> float:
    """How far the worst point of the slices' k-space stands out; lower is better, herring-bone patterns raise it.

    Amplitude over the geometric mean of its 7 x 7 neighbours, largest over points and slices; the centre and the two
    axes, where edges of anatomy and of the field of view gather, are left out.
    """
    worst = 0.0
    for k in range(voxels.shape[2]):
        plane = voxels[:, :, k].astype(np.float32)
        if plane.max() <= plane.min():
            continue
        half = np.abs(np.fft.rfft2(plane))
        log = np.log(half + 0.2 * float(half.mean()))
        ratio = log - ndimage.uniform_filter(log, size=7, mode="wrap")
        ratio[:, :4] = 0
        ratio[:4] = 0
        ratio[-3:] = 0
        worst = max(worst, float(np.exp(ratio.max())))
    return worst if worst > 0 else float("nan")


def clipped_share(voxels: Voxels, head: Mask) -> float:
    """Share of the head at the image's very highest value; lower is better: more than a few voxels are a saturated
    or clipped image."""
    return float((voxels[head] >= voxels.max()).mean()) if head.any() else float("nan")


def grey_levels(voxels: Voxels, head: Mask) -> float:
    """Number of different values within the head (more than 1000 count as 1000); higher is better."""
    return float(min(np.unique(voxels[head]).size, 1000)) if head.any() else float("nan")


def fwhm(voxels: NDArray, mask: Mask, axis: int) -> float:
    """Smoothness along `axis` in voxels: full width at half maximum of the Gaussian whose first differences have the
    ratio of variances seen in `mask` (Forman et al. 1995, doi:10.1002/mrm.1910330508; AFNI 3dFWHMx); lower is sharper.

    sqrt(-2 ln 2 / ln(1 - var(difference) / (2 var))). NaN where neighbours are not alike at all.
    """
    box = ndimage.find_objects(mask.astype(np.uint8))
    if not box:
        return float("nan")
    values, mask = voxels[box[0]], mask[box[0]]
    low = [slice(None)] * 3
    high = [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    both = mask[tuple(low)] & mask[tuple(high)]
    if both.sum() < 100:
        return float("nan")
    change = (values[tuple(high)] - values[tuple(low)])[both]
    whole = float(values[mask].var(dtype=np.float64))
    alike = 1 - 0.5 * float(change.var(dtype=np.float64)) / whole if whole > 0 else 0.0
    return float(np.sqrt(-2 * np.log(2) / np.log(alike))) if 0 < alike < 1 else float("nan")
