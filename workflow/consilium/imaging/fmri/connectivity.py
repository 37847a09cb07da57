"""Functional connectivity between the networks of the Dosenbach nodes: correlation and partial correlation.

Signals around the nodes of a realigned and cleaned run (nuisance.py); Pearson correlation, and partial correlation
from the covariance shrunk after Ledoit and Wolf (doi:10.1016/S0047-259X(03)00096-4); Fisher z, mean over the pairs of
nodes of two networks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.regional import Feature
from consilium.imaging.volume import Affine, Mask

NODE_MM = 7.0  # radius; half a voxel's diagonal is added where voxels are large
MIN_NODES = 0.7  # share of the nodes that must lie in the image
MOST = 0.999  # correlation beyond which Fisher's z is cut

Matrix = NDArray[np.float64]


def node_labels(mask: Mask, affine: Affine, matrix: Affine, points: Matrix) -> NDArray[np.int64]:
    """(voxel of `mask`,) number of the node that each voxel lies near, from 1; 0 = none. `matrix`: MNI mm -> image
    mm."""
    from scipy.spatial import cKDTree

    to_mni = np.linalg.inv(matrix) @ affine
    mni = np.argwhere(mask) @ to_mni[:3, :3].T + to_mni[:3, 3]
    size = np.linalg.norm(to_mni[:3, :3], axis=0)
    radius = max(NODE_MM, 0.9 * float(np.linalg.norm(size)) / 2 + 1)
    far, node = cKDTree(points).query(mni)
    return np.asarray(np.where(far <= radius, node + 1, 0), dtype=np.int64)


def fisher_z(correlation: Matrix) -> Matrix:
    return np.asarray(np.arctanh(np.clip(correlation, -MOST, MOST)))


def pearson(signals: Matrix) -> Matrix:
    """(node, node) correlation of (time, node) signals; a signal without variance correlates with none (0)."""
    centred = signals - signals.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
    return np.asarray(unit.T @ unit)


def shrunk_covariance(signals: Matrix) -> Matrix:
    """(node, node) covariance shrunk towards a multiple of the identity, by as much as Ledoit and Wolf find best."""
    from sklearn.covariance import ledoit_wolf

    return np.asarray(ledoit_wolf(signals)[0])


def partial(signals: Matrix) -> Matrix:
    """(node, node) correlation of each pair given all other nodes; of unit-variance signals, so that no node's
    amplitude decides how much the others are shrunk."""
    scaled = (signals - signals.mean(axis=0)) / np.maximum(signals.std(axis=0), 1e-12)
    precision = np.linalg.inv(shrunk_covariance(scaled))
    scale = np.sqrt(np.diag(precision))
    out = -precision / np.outer(scale, scale)
    np.fill_diagonal(out, 1.0)
    return np.asarray(out)


def between(z: Matrix, networks: list[str], measure: str) -> list[Feature]:
    """Mean Fisher z between (and within) networks. Positive = rise and fall together."""
    names = sorted(set(networks))
    member = np.array([[n == name for n in networks] for name in names])
    out = []
    for i, a in enumerate(names):
        for j in range(i, len(names)):
            block = z[np.ix_(member[i], member[j])]
            values = block[np.triu_indices(len(block), 1)] if i == j else block.ravel()
            mean = float(values.mean()) if len(values) else float("nan")
            out.append(Feature(f"{measure}.{a}.{names[j]}", mean, "Fisher z"))
    return out
