"""Grey matter, white matter and CSF of a registered head image: Gaussian mixture with template priors and bias field.

Expectation-maximisation in the spirit of unified segmentation (Ashburner and Friston 2005,
doi:10.1016/j.neuroimage.2005.02.018): three classes, priors from the template softened so that intensity decides, and
a smooth field of low-order cosines estimated along. No random start: same image, same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.atlas import Template
from consilium.imaging.volume import Mask, Voxels

CLASSES = ("csf", "gm", "wm")
ROUNDS = 12
FIELD_ROUNDS = (3, 6, 9)  # rounds after which the field is estimated anew
FIELD_ORDER = 3
PRIOR_FLOOR = 0.08  # probability that a place may hold another tissue than the template's
STRIDE = 3  # voxels used for the field: every third


@dataclass(frozen=True)
class Tissue:
    """On the template's grid. csf, gm, wm: posterior 0..1, 0 outside `mask`. intensity: field-corrected, median of
    white matter = 1, 0 outside `mask`. means, sds: per class of CLASSES, in units of that intensity."""

    csf: Voxels
    gm: Voxels
    wm: Voxels
    intensity: Voxels
    mask: Mask
    means: NDArray[np.float64]
    sds: NDArray[np.float64]


def segment(voxels: Voxels, mask: Mask, template: Template) -> Tissue:
    """Classify the voxels of `mask`. Raises ValueError when fewer than 1000 voxels can be classified."""
    inside = mask & np.isfinite(voxels) & (voxels > 0)
    if inside.sum() < 1000:
        raise ValueError("too few voxels inside the brain")
    values = voxels[inside].astype(np.float64)
    values /= np.median(values)
    prior = np.stack([template.csf[inside], template.gm[inside], template.wm[inside]]).astype(np.float64)
    prior = prior + PRIOR_FLOOR
    prior /= prior.sum(axis=0)
    basis = _cosines(inside)
    field, posterior = np.ones_like(values), prior
    means, sds, share = _moments(values, posterior)
    for done in range(ROUNDS):
        posterior = _posterior(values / field, means, sds, share, prior)
        if done in FIELD_ROUNDS:
            field = _field(values, posterior, means, basis)
        means, sds, share = _moments(values / field, posterior)
    unit = float(np.median((values / field)[posterior[2] > 0.8])) if (posterior[2] > 0.8).any() else means[2]
    csf, gm, wm = (_filled(p, inside) for p in posterior)
    return Tissue(csf, gm, wm, _filled(values / field / unit, inside), inside, means / unit, sds / unit)


def _filled(values: NDArray, inside: Mask) -> Voxels:
    out = np.zeros(inside.shape, dtype=np.float32)
    out[inside] = values
    return out


def _moments(values: NDArray, posterior: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    weight = posterior.sum(axis=1)
    means = posterior @ values / weight
    spread = np.array([p @ (values - m) ** 2 for p, m in zip(posterior, means, strict=True)]) / weight
    return means, np.sqrt(np.maximum(spread, 1e-4)), weight / weight.sum()


def _posterior(values: NDArray, means: NDArray, sds: NDArray, share: NDArray, prior: NDArray) -> NDArray:
    log = [-0.5 * ((values - m) / s) ** 2 - np.log(s) for m, s in zip(means, sds, strict=True)]
    # Values far outside every class (vessels, fat) must not underflow.
    logs = np.stack(log) - np.max(log, axis=0)
    likely = np.exp(logs) * prior
    return np.asarray(likely / likely.sum(axis=0))


def _cosines(inside: Mask) -> NDArray[np.float64]:
    """(function, voxel) products of cosines up to total order FIELD_ORDER, without the constant."""
    where = np.argwhere(inside)
    low, high = where.min(axis=0), where.max(axis=0)
    unit = (where - low) / np.maximum(high - low, 1)
    lines = [[np.cos(np.pi * k * unit[:, axis]) for k in range(FIELD_ORDER + 1)] for axis in range(3)]
    orders = [(i, j, k) for i in range(4) for j in range(4) for k in range(4) if 0 < i + j + k <= FIELD_ORDER]
    return np.stack([lines[0][i] * lines[1][j] * lines[2][k] for i, j, k in orders])


def _field(values: NDArray, posterior: NDArray, means: NDArray, basis: NDArray) -> NDArray:
    """Smooth factor by which the image exceeds the class means, from grey and white matter."""
    some = slice(None, None, STRIDE)
    expected = means @ posterior[:, some]
    weight = (posterior[1, some] + posterior[2, some]) ** 2
    ratio = np.log(np.maximum(values[some], 1e-3) / np.maximum(expected, 1e-3))
    trusted = weight * (np.abs(ratio) < 0.5)
    columns = np.vstack([np.ones_like(ratio), basis[:, some]])
    normal = (columns * trusted) @ columns.T + 1e-6 * len(ratio) * np.eye(len(columns))
    coefficients = np.linalg.solve(normal, (columns * trusted) @ ratio)
    return np.asarray(np.exp(coefficients[1:] @ basis))
