"""One image in memory: voxels in RAS order, where they lie, in which unit, and what was noticed while reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]
Voxels = NDArray[np.float32]
Mask = NDArray[np.bool_]

STRUCTURAL = ("T1", "T2", "FLAIR")


@dataclass
class Volume:
    """voxels: (x, y, z) or (x, y, z, time) float32 with axes towards right, anterior, superior; NaN where not finite.
    A run from NIfTI is a frames.FileFrames, read volume by volume.

    affine: voxel index -> scanner mm (RAS). unit: arbitrary, HU, SUV, Bq/ml or unknown. tr_s: seconds between volumes,
    None where not 4D or not said. technical: numbers of the header that say nothing of the person. notes: what is odd
    but usable. nan_share: share of voxels that were not finite. slice_times_s: seconds from the start of a volume to
    each slice, in the order of `voxels` along slice_axis; None where not said. phase_encoding: i, i-, j, j-, k or k-
    (BIDS letters, but of the axes of `voxels`: i towards right, j anterior, k superior), "" where not said. sidecar:
    acquisition facts under their BIDS names, only from the keep-list. seen: what the header says the image is (kind,
    body part, series), in closed words.
    """

    voxels: Voxels
    affine: Affine
    kind: str
    source: str  # nifti | dicom
    unit: str = "arbitrary"
    unit_reason: str = ""
    tr_s: float | None = None
    technical: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    nan_share: float = 0.0
    slice_times_s: tuple[float, ...] | None = None
    slice_axis: int = 2
    phase_encoding: str = ""
    sidecar: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    person: str = ""  # hash of whom DICOM headers name; in memory only
    coarse: tuple[Voxels, Affine] | None = None  # copy of T1, T2 and FLAIR on an isotropic grid of 4 mm

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel size in mm along the three axes."""
        return voxel_size(self.affine)

    @property
    def voxel_ml(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    def digest(self) -> str:
        """Hash of shape and voxels: the same for the same image under another name or header."""
        if not isinstance(self.voxels, np.ndarray):  # a run that is read volume by volume
            return str(self.voxels.digest())
        whole = hashlib.sha256(str(self.voxels.shape).encode())
        whole.update(np.ascontiguousarray(self.voxels).tobytes())
        return whole.hexdigest()[:32]


def voxel_size(affine: Affine) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0), dtype=np.float64)


def canonical(voxels: NDArray, affine: Affine) -> tuple[NDArray, Affine]:
    """Permute and flip axes so that they run nearest to right, anterior, superior; no interpolation."""
    import nibabel as nib

    turn = nib.orientations.io_orientation(affine)
    moved = np.asarray(affine @ nib.orientations.inv_ornt_aff(turn, voxels.shape[:3]), dtype=np.float64)
    if not isinstance(voxels, np.ndarray):  # a run that is read volume by volume
        return voxels.turned(turn), moved
    return nib.orientations.apply_orientation(voxels, turn), moved


def shear(affine: Affine) -> float:
    """Largest |cosine| between two axes: 0 for a rectangular grid."""
    unit = affine[:3, :3] / voxel_size(affine)
    return float(np.abs(unit.T @ unit - np.eye(3)).max())


def clean(voxels: NDArray) -> tuple[Voxels, float]:
    """(float32 voxels with NaN where not finite, their share)."""
    out = np.asarray(voxels, dtype=np.float32)
    bad = ~np.isfinite(out)
    share = float(bad.mean()) if out.size else 0.0
    if share:
        out = np.where(bad, np.float32(np.nan), out)
    return out, share
