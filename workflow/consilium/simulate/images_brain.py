"""Simulated T1 MRI and brain PET from the template head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.simulate.images_head import Array, atrophied, head, random_pose, sample, smooth_field, voxel_mm

# Scanners differ: intensity of white matter, noise (share of white matter), strength of the bias field.
SCANNERS = {"site_1": (280.0, 0.025, 0.10), "site_2": (430.0, 0.035, 0.16), "site_3": (190.0, 0.03, 0.22)}
HALF_LIFE_F18_S = 6586.2


@dataclass(frozen=True)
class Scan:
    """Voxels, their affine (voxel -> scanner mm) and what was planted."""

    voxels: NDArray
    affine: NDArray[np.float64]
    truth: dict[str, object]


def planted_atrophy(z_image: float, rng: np.random.Generator) -> float:
    """Share of medial-temporal grey matter lost; grows with z_image."""
    return float(np.clip(0.28 + 0.10 * z_image + rng.normal(0, 0.025), 0, 0.75))


def grid_affine(shape: tuple[int, ...], spacing_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A grid around the head, off the template's by a random part of a voxel."""
    affine = np.diag([spacing_mm] * 3 + [1.0])
    centre = np.array([0.0, -18.0, 12.0]) + rng.uniform(-2, 2, 3)
    affine[:3, 3] = centre - spacing_mm * (np.array(shape) - 1) / 2
    return affine


def t1(z_image: float, sex: str, site: str, rng: np.random.Generator, spacing_mm: float = 2.5) -> Scan:
    """T1-weighted head, int16, with pose, warp, atrophy, bias field and Rician noise."""
    base, fraction = head(), planted_atrophy(z_image, rng)
    shape = tuple(round(s / spacing_mm) for s in (188, 226, 196))
    affine = grid_affine(shape, spacing_mm, rng)
    pose = random_pose(rng)
    pose[:3, :3] *= 1.0 if sex == "male" else 1.03  # a smaller head spans more of the template per mm
    mm = voxel_mm(shape, affine)
    warped = np.tensordot(pose[:3, :3], mm, 1) + pose[:3, 3].reshape(3, 1, 1, 1)
    for axis in range(3):
        warped[axis] += smooth_field(rng, shape, 1.5)
    signal = sample(atrophied(base, fraction)[0], base.affine, warped)
    scale, noise, bias = SCANNERS.get(site, SCANNERS["site_1"])
    noise *= float(rng.uniform(0.8, 1.25))
    signal *= np.exp(smooth_field(rng, shape, bias, knots=4)) / 0.87
    real, imaginary = (rng.normal(0, noise, (2, *shape))).astype(np.float32)
    voxels = np.round(scale * np.hypot(signal + real, imaginary)).astype(np.int16)
    truth = {
        "atrophy_fraction": fraction,
        "noise": noise,
        "bias_sd": bias,
        "intensity_scale": scale,
        "scanner_to_mni": ",".join(f"{v:.8g}" for v in pose[:3].ravel()),
    }
    return Scan(voxels, affine, truth)


def pet(z_image: float, rng: np.random.Generator, spacing_mm: float = 4.0) -> Scan:
    """FDG-like brain PET in Bq/ml (float32) with weight, dose and times in truth; uptake falls with z_image in the
    atrophy zone."""
    base = head()
    drop = float(np.clip(0.16 + 0.06 * z_image + rng.normal(0, 0.05), 0, 0.6))
    global_suv = float(rng.normal(7.0, 0.7))
    uptake = base.gm + 0.35 * base.wm + 0.08 * base.brain
    uptake = np.where(base.zone, uptake * np.float32(1 - drop), uptake).astype(np.float32)
    shape = tuple(round(s / spacing_mm) for s in (188, 226, 192))
    affine = grid_affine(shape, spacing_mm, rng)
    pose = random_pose(rng)
    warped = np.tensordot(pose[:3, :3], voxel_mm(shape, affine), 1) + pose[:3, 3].reshape(3, 1, 1, 1)
    suv = global_suv * sample(_blurred(uptake), base.affine, warped)
    suv = np.maximum(suv + np.sqrt(suv + 0.05) * rng.normal(0, 0.12, shape), 0).astype(np.float32)
    weight, dose = float(rng.uniform(55, 98)), float(rng.uniform(180, 370)) * 1e6
    delay = float(rng.uniform(2700, 4200))
    at_scan = dose * 2 ** (-delay / HALF_LIFE_F18_S)
    truth: dict[str, object] = {
        "temporal_drop": drop,
        "grey_suv": global_suv,
        "weight_kg": round(weight, 1),
        "dose_bq": round(dose),
        "delay_s": round(delay),
    }
    return Scan((suv * (at_scan / (weight * 1000))).astype(np.float32), affine, truth)


def _blurred(volume: Array) -> Array:
    """Point spread of a PET scanner: 6 mm full width at half maximum on the 2 mm grid."""
    from scipy import ndimage

    return ndimage.gaussian_filter(volume, 6 / 2.355 / 2).astype(np.float32)
