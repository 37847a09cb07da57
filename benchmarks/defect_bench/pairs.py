"""Defects between images: copies under other names, another person's head, left and right exchanged."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from consilium.imaging.quality import cohort, relations, sketch
from consilium.imaging.resampling import at_spacing, resample
from consilium.imaging.volume import Volume
from consilium.simulate import images_defects as plant
from consilium.simulate.images_brain import pet, t1
from consilium.simulate.images_ct import chest
from consilium.simulate.images_head import random_pose

from defect_bench.heads import Head

Rng = np.random.Generator


def _same(original: np.ndarray, grid: np.ndarray, copy: np.ndarray, copy_grid: np.ndarray, kind: str = "T1") -> str:
    pair = [Volume(v, g, kind, "nifti") for v, g in ((original, grid), (copy, copy_grid))]
    if pair[0].digest() == pair[1].digest():
        return "same voxels as"
    found = cohort.copies(np.stack([sketch.draw(v.voxels, v.affine) for v in pair]), [kind, kind])
    return "" if not found else "a mirrored copy of" if found[0][3] else "nearly the same image as"


def exact(head: Head, rng: Rng) -> str:
    moved = head.affine.copy()
    moved[:3, 3] += rng.uniform(-20, 20, 3)
    return _same(head.voxels, head.affine, head.voxels.copy(), moved)


def _bent(voxels: np.ndarray, rng: Rng) -> np.ndarray:
    bent = np.power(voxels, rng.uniform(0.6, 1.5)) * rng.uniform(0.01, 50) + rng.uniform(0, 100)
    return np.asarray(bent, dtype=np.float32)


def rescaled(head: Head, rng: Rng) -> str:
    return _same(head.voxels, head.affine, _bent(head.voxels, rng), head.affine)


def resampled(head: Head, rng: Rng) -> str:
    copy, grid = at_spacing(head.voxels, head.affine, float(rng.uniform(2.5, 5.0)))
    return _same(head.voxels, head.affine, copy, grid)


def _turned(voxels: np.ndarray, rng: Rng) -> np.ndarray:
    noisy = voxels[::-1] + rng.normal(0, 0.01 * voxels.std(), voxels.shape)
    return np.ascontiguousarray(noisy, np.float32)


def mirrored(head: Head, rng: Rng) -> str:
    return _same(head.voxels, head.affine, _turned(head.voxels, rng), head.affine)


def other_people(head: Head, rng: Rng) -> str:
    """Clean: two people are no copies of each other."""
    scan = t1(float(rng.normal()), "female", "site_1", rng, 4.0)
    return _same(head.voxels, head.affine, scan.voxels.astype(np.float32), scan.affine)


def _drawn(kind: str, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    scan = pet(float(rng.normal()), rng) if kind == "PET" else chest(rng)[0]
    return scan.voxels, scan.affine


def coarse_rescaled(kind: str, rng: Rng) -> str:
    voxels, grid = _drawn(kind, rng)
    return _same(voxels, grid, _bent(voxels - voxels.min(), rng), grid, kind)


def coarse_resampled(kind: str, rng: Rng) -> str:
    voxels, grid = _drawn(kind, rng)
    return _same(voxels, grid, *at_spacing(voxels, grid, float(rng.uniform(4.5, 6.0))), kind)


def coarse_mirrored(kind: str, rng: Rng) -> str:
    voxels, grid = _drawn(kind, rng)
    return _same(voxels, grid, _turned(voxels, rng), grid, kind)


def coarse_of_two(kind: str, rng: Rng) -> str:
    """Clean: two people."""
    return _same(*_drawn(kind, rng), *_drawn(kind, rng), kind)


def flair_of(voxels: np.ndarray, affine: np.ndarray, rng: Rng) -> np.ndarray:
    """A FLAIR of the head of a T1, in another pose, with its own noise."""
    white = float(np.median(voxels[voxels > np.percentile(voxels, 85)]))
    turned = resample(plant.other_contrast(voxels, white), affine, random_pose(rng, 0.0), voxels.shape, affine)
    return np.abs(turned + rng.normal(0, 9, voxels.shape)).astype(np.float32)


def _head(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    scan = t1(float(rng.normal()), "female", "site_1", rng, 3.5)
    return scan.voxels.astype(np.float32), scan.affine


def fits(rng: Rng) -> str:
    """Clean: T1 and FLAIR of one head."""
    voxels, affine = _head(rng)
    return relations.compare(voxels, affine, flair_of(voxels, affine, rng), affine).finding


def flipped(rng: Rng) -> str:
    """The FLAIR's header has left and right exchanged."""
    voxels, affine = _head(rng)
    flair = np.ascontiguousarray(flair_of(voxels, affine, rng)[::-1])
    return relations.compare(voxels, affine, flair, affine).finding


def wrong_size(rng: Rng) -> str:
    """The FLAIR's header has one voxel size wrong by 5 to 20 %."""
    voxels, affine = _head(rng)
    flair, grid = flair_of(voxels, affine, rng), affine.copy()
    grid[:3, rng.integers(3)] *= np.exp(rng.choice([-1, 1]) * rng.uniform(0.05, 0.2))
    return relations.compare(voxels, affine, flair, grid).finding


def another(rng: Rng) -> str:
    """The FLAIR is another person's."""
    (voxels, affine), (other, grid) = _head(rng), _head(rng)
    return relations.compare(voxels, affine, flair_of(other, grid, rng), grid).finding


DEFECTS: dict[str, tuple[str, Callable[[Head, Rng], str]]] = {
    "copy under another name": ("same voxels", exact),
    "copy with other grey values": ("nearly the same", rescaled),
    "copy on another grid": ("nearly the same", resampled),
    "mirrored copy": ("mirrored copy", mirrored),
}
COARSE: dict[str, tuple[str, Callable[[Rng], str]]] = {
    name.format(kind): (words, partial(draw, kind))
    for kind in ("PET", "CT")
    for name, words, draw in (
        ("{} copy with other grey values", "nearly the same", coarse_rescaled),
        ("{} copy on another grid", "nearly the same", coarse_resampled),
        ("mirrored {} copy", "mirrored copy", coarse_mirrored),
        ("{}s of two people", "", coarse_of_two),
    )
}
SLOW: dict[str, tuple[str, Callable[[Rng], str]]] = {
    "left-right flipped against the patient's T1": ("left and right are exchanged", flipped),
    "another patient's FLAIR": ("not the same head", another),
    "voxel size wrong by 5 to 20 % against the patient's T1": ("wrong voxel size", wrong_size),
}
