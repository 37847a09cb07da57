"""Heads with a known answer, for the controls of learning: the MNI152 template with planted bilateral atrophy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.core.provenance import seed_from
from consilium.simulate.images_head import ATROPHY, voxel_mm

FIELD_SD, FIELD_MM = 0.08, 18.0  # a person's own smooth variation of intensity, and its width
NOISE_SD, GAIN_SD = 0.05, 0.10  # of single voxels, and of the whole image


@dataclass(frozen=True)
class Phantoms:
    """values (patient, z, y, x) float32; y (patient,) 1 = atrophy; lesion, brain (z, y, x); spacing_mm of the grid."""

    values: NDArray[np.float32]
    y: NDArray[np.int64]
    lesion: NDArray[np.bool_]
    brain: NDArray[np.bool_]
    spacing_mm: int


def phantoms(n: int = 140, effect: float = 0.3, seed: int = 0, spacing_mm: int = 6) -> Phantoms:
    """n heads, half of them with atrophy of the hippocampal zone on both sides.

    effect: mean share of intensity lost there (each patient's own share is 0.5 to 1.5 times that); 0 = the labels mean
    nothing. Every head has its own smooth field, noise and gain.
    """
    from nilearn.datasets import load_mni152_template
    from scipy import ndimage

    image = load_mni152_template(resolution=spacing_mm)
    t1 = np.clip(image.get_fdata(dtype=np.float32), 0, 1)
    brain = t1 > 0.1
    mm = voxel_mm(t1.shape, np.asarray(image.affine, dtype=np.float64))
    centre, axes = ATROPHY[0]
    near = sum(((a - c) / s) ** 2 for a, c, s in zip((np.abs(mm[0]), mm[1], mm[2]), centre, axes, strict=True))
    lesion = (near <= 1) & brain
    rng = np.random.default_rng(seed_from(seed, "phantom"))
    y = rng.permutation(np.arange(n) % 2)
    values = np.zeros((n, *t1.shape), dtype=np.float32)
    for i in range(n):
        field = ndimage.gaussian_filter(rng.standard_normal(t1.shape), FIELD_MM / spacing_mm)
        head = t1 * (1 + FIELD_SD * field / field.std())
        head = head * (1 - lesion * y[i] * effect * rng.uniform(0.5, 1.5))
        noisy = (head + NOISE_SD * rng.standard_normal(t1.shape)) * (1 + GAIN_SD * rng.standard_normal())
        values[i] = noisy * brain
    turned = (0, 3, 2, 1)
    return Phantoms(values.transpose(turned).copy(), y, lesion.T.copy(), brain.T.copy(), spacing_mm)
