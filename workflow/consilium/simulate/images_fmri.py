"""Simulated resting-state fMRI: networks of the Dosenbach nodes with planted coupling, and head motion."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from consilium.simulate.images_brain import Scan, grid_affine
from consilium.simulate.images_head import CSF, head, random_pose, sample, voxel_mm

PAIR = ("default", "fronto-parietal")  # networks whose coupling falls with z_image
TR_S, SPACING_MM = 2.0, 5.0


@cache
def _nodes() -> tuple[NDArray[np.float64], tuple[str, ...]]:
    from nilearn.datasets import fetch_coords_dosenbach_2010

    table = fetch_coords_dosenbach_2010()
    return np.asarray(table.rois[["x", "y", "z"]], dtype=float), tuple(str(n) for n in table.networks)


def coupling(z_image: float, rng: np.random.Generator) -> float:
    """Correlation of the two networks' signals; falls with z_image."""
    return float(np.clip(0.30 - 0.22 * z_image + rng.normal(0, 0.05), -0.4, 0.85))


def network_signals(names: list[str], rho: float, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(network, time) band-limited unit-variance signals whose SAMPLE correlation is rho for PAIR, .1 elsewhere."""
    spectrum = np.fft.rfft(rng.normal(0, 1, (len(names), n)))
    frequency = np.fft.rfftfreq(n, TR_S)
    spectrum[:, (frequency < 0.015) | (frequency > 0.09)] = 0
    raw = np.fft.irfft(spectrum, n)
    raw -= raw.mean(axis=1, keepdims=True)
    white = np.linalg.qr(raw.T)[0].T * np.sqrt(n)
    target = np.full((len(names), len(names)), 0.1)
    np.fill_diagonal(target, 1)
    i, j = (names.index(p) for p in PAIR)
    target[i, j] = target[j, i] = rho
    return np.linalg.cholesky(target) @ white


def _motion(rng: np.random.Generator, n: int, spikes: bool) -> tuple[NDArray[np.float64], list[int]]:
    """(time, 3) translations in mm: slow drift for everybody, 3 to 6 jumps for some."""
    drift = ndimage.gaussian_filter1d(rng.normal(0, 1, (n, 3)), 15, axis=0)
    path = 0.3 * drift / drift.std()
    when = sorted(int(t) for t in rng.choice(np.arange(4, n - 4), int(rng.integers(3, 7)), replace=False))
    if not spikes:
        return path, []
    for t in when:
        path[t] += rng.choice([-1, 1], 3) * rng.uniform(0.8, 2.0, 3)
    return path, when


def fmri(z_image: float, rng: np.random.Generator, n: int = 60) -> Scan:
    """4D EPI (x, y, z, time) int16, TR 2 s; truth holds the planted coupling and motion."""
    base = head()
    points, networks = _nodes()
    names = sorted(set(networks))
    rho = coupling(z_image, rng)
    signals = network_signals(names, rho, n, rng)
    shape = (33, 39, 34)
    affine = grid_affine(shape, SPACING_MM, rng)
    pose = random_pose(rng, scale_sd=0.025)
    mm = np.tensordot(pose[:3, :3], voxel_mm(shape, affine), 1) + pose[:3, 3].reshape(3, 1, 1, 1)
    gm, wm, brain = (sample(m.astype(np.float32), base.affine, mm) for m in (base.gm, base.wm, base.brain))
    # T2*: CSF brightest, white matter darkest; the scalp is faint.
    still = 100 * (0.75 * gm + 0.6 * wm + 1.0 * np.clip(brain - gm - wm, 0, 1))
    still += 20 * np.clip(sample(base.t1, base.affine, mm) - CSF, 0, 1) * (brain < 0.1)
    far, node = _nearest(mm, points)
    inside = (far < 13) & (gm > 0.15)
    own = ndimage.gaussian_filter1d(rng.normal(0, 1, (len(points), n)), 0.8, axis=1)
    course = signals[[names.index(x) for x in networks]] + 0.6 * own / own.std()
    path, spikes = _motion(rng, n, spikes=bool(rng.random() < 0.2))
    voxels = np.empty((*shape, n), dtype=np.int16)
    wave = np.zeros(shape, dtype=np.float32)
    for t in range(n):
        wave[inside] = 0.012 * course[node[inside], t]
        moved = ndimage.shift(still * (1 + wave), path[t] / SPACING_MM, order=1, mode="nearest")
        noisy = moved + rng.normal(0, 1, shape) * np.where(brain > 0.1, 0.8, 0.35)
        voxels[..., t] = np.clip(np.round(noisy), 0, 4095)
    jumps = ",".join(map(str, spikes))
    return Scan(voxels, affine, {"coupling": rho, "n_volumes": n, "spikes": jumps, "n_spikes": len(spikes)})


def _nearest(mm: NDArray[np.float64], points: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    from scipy.spatial import cKDTree

    far, node = cKDTree(points).query(mm.reshape(3, -1).T)
    return far.reshape(mm.shape[1:]), node.reshape(mm.shape[1:])
