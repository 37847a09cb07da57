"""Grey level co-occurrence (IBSI 3.6, LFYI): pairs of neighbours at distance 1, both ways."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.radiomics.lattice import Lattice
from consilium.imaging.radiomics.prepare import Reals


def matrices(grid: Lattice) -> Reals:
    """(slice, direction, level, level) symmetric counts; one slice stands for all where neighbours are 3D."""
    n_slices = grid.n_slices if grid.flat else 1
    n_dirs, wide = len(grid.offsets), grid.ng + 1
    near = grid.ahead
    matrix = np.arange(n_dirs)[:, None] + (grid.slice_of * n_dirs if grid.flat else 0)
    key = (matrix * wide + grid.level) * wide + near
    counts = np.bincount(key[near > 0], minlength=n_slices * n_dirs * wide * wide)
    one_way = counts.reshape(n_slices, n_dirs, wide, wide)[:, :, 1:, 1:]
    return (one_way + one_way.swapaxes(2, 3)).astype(np.float64)


def features(counts: Reals) -> dict[str, Reals]:
    """Feature -> value of each matrix (matrix, level, level); NaN where a matrix holds no pair.

    The correlations are NaN where all pairs have one level (IBSI leaves them open).
    """
    total = counts.sum(axis=(1, 2))
    p = counts / np.where(total > 0, total, np.nan)[:, None, None]
    ng = p.shape[1]
    level = np.arange(1, ng + 1, dtype=np.float64)
    px = p.sum(axis=2)
    mean = px @ level
    var = px @ level**2 - mean**2
    auto = np.einsum("mij,i,j->m", p, level, level)
    hx, hxy = _entropy(px), _entropy(p.reshape(len(p), -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        out = {
            "joint_max": p.max(axis=(1, 2)),
            "joint_avg": mean,
            "joint_var": var,
            "joint_entr": hxy,
            "energy": (p**2).sum(axis=(1, 2)),
            "auto_corr": auto,
            "corr": (auto - mean**2) / np.where(var > 1e-12, var, np.nan),
            # Symmetric matrices: both cross entropies of the marginals are twice the marginal's own.
            "info_corr1": (hxy - 2 * hx) / np.where(hx > 0, hx, np.nan),
            "info_corr2": np.sqrt(1 - np.exp(np.minimum(-2 * (2 * hx - hxy), 0))),
        }
    return out | _differences(p, level) | _sums(p, mean)


def _differences(p: Reals, level: Reals) -> dict[str, Reals]:
    ng = len(level)
    apart = np.abs(level[:, None] - level).astype(np.int64).ravel()
    q = _gathered(p, apart, ng)
    k = np.arange(ng, dtype=np.float64)
    mean, square = q @ k, q @ k**2
    return {
        "diff_avg": mean,
        "diff_var": square - mean**2,
        "diff_entr": _entropy(q),
        "contrast": square,
        "dissimilarity": mean,
        "inv_diff": q @ (1 / (1 + k)),
        "inv_diff_norm": q @ (1 / (1 + k / ng)),
        "inv_diff_mom": q @ (1 / (1 + k**2)),
        "inv_diff_mom_norm": q @ (1 / (1 + (k / ng) ** 2)),
        "inv_var": q[:, 1:] @ (1 / k[1:] ** 2),
    }


def _sums(p: Reals, mean: Reals) -> dict[str, Reals]:
    ng = p.shape[1]
    both = (np.arange(ng)[:, None] + np.arange(ng)).ravel()
    q = _gathered(p, both, 2 * ng - 1)
    k = np.arange(2, 2 * ng + 1, dtype=np.float64)
    apart = k - 2 * mean[:, None]
    return {
        "sum_avg": q @ k,
        "sum_var": (q * apart**2).sum(axis=1),
        "sum_entr": _entropy(q),
        "clust_tend": (q * apart**2).sum(axis=1),
        "clust_shade": (q * apart**3).sum(axis=1),
        "clust_prom": (q * apart**4).sum(axis=1),
    }


def _gathered(p: Reals, where: NDArray[np.int64], size: int) -> Reals:
    """(matrix, bin) sum of the cells of each matrix that belong to each bin."""
    return np.stack([np.bincount(where, weights=m.ravel(), minlength=size) for m in p]).astype(np.float64)


def _entropy(p: Reals) -> Reals:
    """Shannon entropy in bit along the last axis."""
    logs = np.log2(p, where=p > 0, out=np.zeros_like(p))
    return np.asarray(-(p * logs).sum(axis=-1))
