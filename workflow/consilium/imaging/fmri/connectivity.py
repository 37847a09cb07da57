"""Functional connectivity between the networks of the Dosenbach nodes.

Node signals from a realigned series; linear and quadratic trends, motion parameters and their changes, the signals of
white matter and CSF are removed together with everything outside the band (one regression, so that nothing removed
comes back: doi:10.1002/hbm.24528); volumes with much motion are left out (scrubbing,
doi:10.1016/j.neuroimage.2011.10.018); Pearson correlation, Fisher z, mean over the pairs of nodes of two networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.regional import Feature
from consilium.imaging.volume import Affine, Mask, Voxels

BAND_HZ = (0.01, 0.1)
NODE_MM = 7.0  # radius; half a voxel's diagonal is added where voxels are large
MAX_DISPLACEMENT_MM = 0.5  # of a volume that is used
MIN_VOLUMES = 30
MIN_FREEDOM = 10  # left after all is removed
ROOMY = 40  # degrees of freedom that a low-pass must leave


@dataclass(frozen=True)
class Connectivity:
    """features: mean Fisher z per pair of networks; reason: why not assessed, "" if it is. n_used: volumes used."""

    features: list[Feature]
    reason: str
    n_used: int
    n_nodes: int


def node_signals(series: Voxels, affine: Affine, matrix: Affine, points: NDArray[np.float64], mask: Mask
                 ) -> NDArray[np.float64]:  # fmt: skip
    """(node, time) mean signal around each node; NaN where no voxel of `mask` is near. `matrix`: MNI mm -> image mm."""
    from scipy.spatial import cKDTree

    where = np.argwhere(mask)
    to_mni = np.linalg.inv(matrix) @ affine
    mni = where @ to_mni[:3, :3].T + to_mni[:3, 3]
    size = np.linalg.norm(to_mni[:3, :3], axis=0)
    radius = max(NODE_MM, 0.9 * float(np.linalg.norm(size)) / 2 + 1)
    far, node = cKDTree(points).query(mni)
    near = far <= radius
    values = series[tuple(where[near].T)]
    out = np.full((len(points), series.shape[3]), np.nan)
    for i in range(len(points)):
        own = values[node[near] == i]
        if len(own):
            out[i] = own.mean(axis=0)
    return out


def nuisance(parameters: NDArray[np.float64], tissue: NDArray[np.float64], tr_s: float | None
             ) -> tuple[NDArray[np.float64], str]:  # fmt: skip
    """((time, column) what is removed, its description).

    Short series cannot afford a low-pass and the motion parameters' changes: both are left out (by the length of the
    series, not by the patient's motion) where fewer than ROOMY degrees of freedom would remain. Without a repetition
    time no band can be told.
    """
    n = len(parameters)
    time = np.linspace(-1, 1, n)
    base = [np.ones(n), time, time**2, *parameters.T, *tissue]
    slow, fast, told = [], [], "trends, 6 motion parameters, white matter, CSF"
    if tr_s is not None:
        slow, fast = _waves(n, tr_s, 0, BAND_HZ[0]), _waves(n, tr_s, BAND_HZ[1], np.inf)
        told += f", frequencies below {BAND_HZ[0]} Hz"
    changes = [*np.gradient(parameters, axis=0).T]
    roomy = n - len(base) - len(slow) - len(fast) - len(changes) >= ROOMY
    columns = base + slow + (fast + changes if roomy else [])
    if roomy:
        told += ", changes of the motion parameters" + (f", frequencies above {BAND_HZ[1]} Hz" if fast else "")
    matrix = np.stack(columns, axis=1)
    spread = matrix.std(axis=0)
    spread[0] = 1
    kept = matrix[:, spread > 1e-9 * np.maximum(1, np.abs(matrix).max(axis=0))]
    return np.asarray(kept / np.maximum(np.linalg.norm(kept, axis=0), 1e-12)), told


def _waves(n: int, tr_s: float, above: float, below: float) -> list[NDArray[np.float64]]:
    """Cosines and sines of the series' own frequencies strictly between two frequencies in Hz."""
    phase = 2 * np.pi * np.arange(n) / n
    inside = [k for k in range(1, n // 2 + 1) if above < k / (n * tr_s) < below]
    return [f(k * phase) for k in inside for f in (np.cos, np.sin)]


def residual(signals: NDArray[np.float64], removed: NDArray[np.float64], used: NDArray[np.bool_]
             ) -> tuple[NDArray[np.float64], int]:  # fmt: skip
    """((node, used volumes) what is left, degrees of freedom left)."""
    basis, scale, _ = np.linalg.svd(removed[used], full_matrices=False)
    basis = basis[:, scale > 1e-6 * scale[0]]
    rest = signals[:, used]
    return rest - (rest @ basis) @ basis.T, int(used.sum()) - basis.shape[1]


def connect(signals: NDArray[np.float64], networks: tuple[str, ...], removed: NDArray[np.float64],
            displacement: NDArray[np.float64]) -> Connectivity:  # fmt: skip
    """Mean Fisher z between (and within) networks. Positive = rise and fall together."""
    quiet = displacement <= MAX_DISPLACEMENT_MM
    have: NDArray[np.bool_] = np.asarray(~np.isnan(signals).any(axis=1))
    n_used, n_nodes = int(quiet.sum()), int(have.sum())
    reason = ""
    if n_used < MIN_VOLUMES:
        reason = f"{n_used} volumes without much motion, at least {MIN_VOLUMES} needed"
    elif n_nodes < len(signals) * 0.7:
        reason = f"{n_nodes} of {len(signals)} network nodes in the image"
    left, freedom = residual(signals[have], removed, quiet) if not reason else (signals, 0)
    if not reason and freedom < MIN_FREEDOM:
        reason = f"{freedom} degrees of freedom left after nuisance and band, at least {MIN_FREEDOM} needed"
    if reason:
        return Connectivity([], reason, n_used, n_nodes)
    left = left / np.maximum(left.std(axis=1, keepdims=True), 1e-12)
    z = np.arctanh(np.clip(left @ left.T / left.shape[1], -0.999, 0.999))
    return Connectivity(_between(z, [n for n, h in zip(networks, have, strict=True) if h]), "", n_used, n_nodes)


def _between(z: NDArray[np.float64], networks: list[str]) -> list[Feature]:
    names = sorted(set(networks))
    member = np.array([[n == name for n in networks] for name in names])
    out = []
    for i, a in enumerate(names):
        for j in range(i, len(names)):
            block = z[np.ix_(member[i], member[j])]
            values = block[np.triu_indices(len(block), 1)] if i == j else block.ravel()
            mean = float(values.mean()) if len(values) else float("nan")
            out.append(Feature(f"connectivity.{a}.{names[j]}", mean, "Fisher z"))
    return out
