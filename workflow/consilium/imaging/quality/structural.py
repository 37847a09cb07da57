"""All quality metrics of a T1, T2 or FLAIR image, on the image's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.imaging.brain import atlas
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.brain.tissue import Tissue
from consilium.imaging.quality import artefacts, metrics, slices
from consilium.imaging.resampling import resample
from consilium.imaging.volume import Affine, Mask, Volume, Voxels

SURE = 0.9  # probability above which a voxel counts as one tissue
MIN_TISSUE = 100  # voxels of a tissue
NOSE_ROOT_MM = -14.0  # MNI height of glabella and inion (MRIQC): air above them is judged


@dataclass(frozen=True)
class Brain:
    """What registration tells. tissue: name -> probability on the image's grid. field: bias field there.
    height_mm: MNI height of each voxel, for the air above nose and nape. stretches: of the template, per axis."""

    tissue: dict[str, Voxels]
    height_mm: Voxels
    stretches: NDArray[np.float64]


def of_image(volume: Volume, head: Mask, log_field: Voxels, field_grid: Affine, alignment: Alignment,
             tissue: Tissue | None) -> dict[str, float]:  # fmt: skip
    """Metrics of a processed image. head: foreground on its grid; log_field: of the bias, on a coarse grid."""
    shape, grid = volume.voxels.shape, volume.affine
    field = np.exp(resample(log_field, field_grid, np.eye(4), shape, grid))
    if tissue is None:
        return structural(volume.voxels, head, field, None)
    return structural(volume.voxels, head, field, brain_of(tissue, alignment, shape, grid))


def brain_of(tissue: Tissue, alignment: Alignment, shape: tuple[int, ...], grid: Affine) -> Brain:
    """What registration tells, brought onto the image's own grid."""
    back = np.asarray(np.linalg.inv(alignment.matrix), dtype=np.float64)
    place = atlas.template().affine
    maps = {n: resample(getattr(tissue, n), place, back, shape, grid) for n in ("csf", "gm", "wm")}
    return Brain(maps, heights(alignment.matrix, shape, grid), alignment.stretches)


def structural(voxels: Voxels, head: Mask, field: Voxels, brain: Brain | None) -> dict[str, float]:
    """head: foreground; field: bias field on the same grid, NaN-free. brain: None where the image is not registered."""
    finite = np.nan_to_num(voxels)
    grown = _grown(head)
    air = finite[~grown]
    out = {
        "snr_air": metrics.snr_air(finite[head], air),
        "efc": metrics.efc(finite),
        "fber": metrics.fber(finite[head], air),
        "qi1": artefacts.qi1(finite, grown, ~grown if brain is None else brain.height_mm > NOSE_ROOT_MM),
    }
    out["inu_range"], out["inu_median"] = metrics.inu(field[head]) if head.any() else (float("nan"), float("nan"))
    out["shading"] = metrics.shading(finite, head)
    return out | anywhere(finite, head) | ({} if brain is None else _tissues(finite / field, brain, air))


def anywhere(finite: Voxels, head: Mask) -> dict[str, float]:
    """Metrics that need no more than a foreground, of MRI of any part of the body."""
    lit = artefacts.bright(finite, head)
    out = {
        "noise_share": artefacts.noise_share(finite, head),
        "ghost_x": artefacts.ghost(finite, head, 0),
        "ghost_y": artefacts.ghost(finite, head, 1),
        "kspace_spike": artefacts.kspace_spike(finite),
        "clipped_share": artefacts.clipped_share(finite, head),
        "grey_levels": artefacts.grey_levels(finite, head),
        "edge_x": min(artefacts.edge(lit, 0, 0), artefacts.edge(lit, 0, -1)),
        "edge_y": min(artefacts.edge(lit, 1, 0), artefacts.edge(lit, 1, -1)),
        "edge_top": artefacts.edge(lit, 2, -1),
    }
    out |= {f"fwhm_{a}": artefacts.fwhm(finite, head, i) for i, a in enumerate("xyz")}
    return out | of_slices(finite)


def of_slices(finite: Voxels) -> dict[str, float]:
    """Metrics of slices, of an image of any kind."""
    return {
        "blank_slices": slices.blank(finite),
        "repeated_slices": slices.repeated(finite),
        "slice_disorder": slices.disorder(finite),
        "slice_stripe": slices.stripe(finite),
    }


def _tissues(corrected: Voxels, brain: Brain, air: NDArray) -> dict[str, float]:
    """SNR per tissue, contrast, shares, stretches of a registered image."""
    values = {name: corrected[p > SURE] for name, p in brain.tissue.items()}
    found = {name: v for name, v in values.items() if v.size > MIN_TISSUE}
    long_names = {"gm": "grey_matter", "wm": "white_matter", "csf": "csf"}
    out = {f"snr_{long_names[n]}": metrics.snr_tissue(v) for n, v in found.items()}
    out |= {f"snr_air_{long_names[n]}": metrics.snr_air(v, air) for n, v in found.items()}
    if "gm" in found and "wm" in found:
        gm, wm = found["gm"], found["wm"]
        air_sd = metrics.air_spread(air)
        out |= {"cnr": metrics.cnr(gm, wm, 0.0 if np.isnan(air_sd) else air_sd), "cjv": metrics.cjv(gm, wm)}
        out |= {"wm2max": metrics.wm2max(corrected, wm), "wm_to_gm": _ratio(wm, gm)}
        if "csf" in found:
            out["csf_to_gm"] = _ratio(found["csf"], gm)
    whole = float(sum(p.sum(dtype=np.float64) for p in brain.tissue.values()))
    out |= {f"{n}_share": float(p.sum(dtype=np.float64)) / whole for n, p in brain.tissue.items() if whole > 0}
    low, high = float(brain.stretches.min()), float(brain.stretches.max())
    return out | {"stretch_min": low, "stretch_max": high, "stretch_ratio": high / low}


def _ratio(a: NDArray, b: NDArray) -> float:
    below = float(np.median(b))
    return float(np.median(a)) / below if below > 0 else float("nan")


def heights(matrix: Affine, shape: tuple[int, ...], grid: Affine) -> Voxels:
    """MNI z in mm of every voxel of the image's grid; matrix: MNI mm -> image mm."""
    row = (np.linalg.inv(matrix) @ grid)[2]
    steps = [row[i] * np.arange(n) for i, n in enumerate(shape)]
    return np.asarray(steps[0][:, None, None] + steps[1][None, :, None] + steps[2][None, None, :] + row[3], np.float32)


def _grown(mask: Mask) -> Mask:
    """A rim of partial volume is neither head nor air."""
    return np.asarray(ndimage.binary_dilation(mask, iterations=2))
