"""A 4D series that is read volume by volume, so that a run larger than memory's share can be worked on.

What holds for both forms: `shape` (x, y, z, time) in RAS order; iterating yields (x, y, z) float32 volumes, NaN where
not finite, from the first to the last, as often as wanted. A file is inflated anew for every pass: at some GB/s that
costs less than keeping what it holds.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Voxels

BLOCK_BYTES = 32_000_000  # read at once
RAS = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])  # nibabel's orientation of voxels in RAS order


class Frames(ABC):
    """A series; also looks enough like an array for what asks its shape, one volume, or all of it."""

    ndim = 4
    dtype = np.dtype(np.float32)
    shape: tuple[int, int, int, int]

    @abstractmethod
    def __iter__(self) -> Iterator[Voxels]:
        """Volumes in order of time."""

    def __getitem__(self, key: tuple[Any, int]) -> Voxels:
        """`series[..., t]`: one volume, found by reading up to it."""
        where, t = key
        assert where is Ellipsis
        return next(v for i, v in enumerate(self) if i == t)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        out = np.empty(self.shape, dtype=dtype or np.float32)
        for t, volume in enumerate(self):
            out[..., t] = volume
        return out

    def digest(self) -> str:
        """Hash of shape and voxels, the same whatever file they came from."""
        whole = hashlib.sha256(str(self.shape).encode())
        for volume in self:
            whole.update(np.ascontiguousarray(volume).data)
        return whole.hexdigest()[:32]


class ArrayFrames(Frames):
    """Volumes of an array in memory, from `first` on."""

    def __init__(self, array: Voxels, first: int = 0) -> None:
        self.array, self.first = array, first
        x, y, z, n = array.shape
        self.shape = (x, y, z, n - first)

    def __iter__(self) -> Iterator[Voxels]:
        for t in range(self.first, self.array.shape[3]):
            yield self.array[..., t]


@dataclass(frozen=True)
class Layout:
    """How voxels lie in a file. shape: as stored; turn: nibabel orientation that makes them RAS."""

    path: Path
    begin: int  # byte of the first voxel
    shape: tuple[int, int, int, int]
    dtype: np.dtype
    slope: float
    inter: float
    turn: NDArray[np.float64] = field(default_factory=lambda: RAS)
    low: float = 0.0  # lowest and highest finite value
    high: float = 0.0


class FileFrames(Frames):
    """Volumes of a NIfTI file (.nii or .nii.gz), from volume `first` on."""

    def __init__(self, layout: Layout, first: int = 0) -> None:
        self.layout, self.first = layout, first
        axes = np.argsort(layout.turn[:, 0])
        x, y, z = (layout.shape[int(a)] for a in axes)
        self.shape = (x, y, z, layout.shape[3] - first)

    def turned(self, turn: NDArray[np.float64]) -> FileFrames:
        """The same series with its axes in another order and direction."""
        return FileFrames(replace(self.layout, turn=turn), self.first)

    def __iter__(self) -> Iterator[Voxels]:
        for block in self.blocks():
            for row in block:
                yield self._volume(row)

    def blocks(self) -> Iterator[NDArray]:
        """(volumes, voxels in stored order) in the stored type, a few volumes at a time.

        EOFError where the file ends too early; gzip's checksum is verified after the last volume.
        """
        layout = self.layout
        each = int(np.prod(layout.shape[:3], dtype=np.int64))
        size = each * layout.dtype.itemsize
        many = max(1, BLOCK_BYTES // size)
        with opened(layout.path) as handle:
            skip(handle, layout.begin + self.first * size)
            for start in range(self.first, layout.shape[3], many):
                n = min(many, layout.shape[3] - start)
                yield np.frombuffer(exactly(handle, n * size), dtype=layout.dtype).reshape(n, each)
            handle.read(1)  # lets gzip verify its checksum

    def _volume(self, row: NDArray) -> Voxels:
        import nibabel as nib

        values = row.astype(np.float32)
        if (self.layout.slope, self.layout.inter) != (1.0, 0.0):
            values *= np.float32(self.layout.slope)
            values += np.float32(self.layout.inter)
        if row.dtype.kind == "f":
            values[~np.isfinite(values)] = np.nan
        turned = nib.orientations.apply_orientation(values.reshape(self.layout.shape[:3], order="F"), self.layout.turn)
        return np.asarray(turned, dtype=np.float32)

    def stored_order(self, voxels: NDArray) -> NDArray:
        """(voxels,) of a RAS map (labels, a mask) in the order in which `blocks` yields them."""
        import nibabel as nib

        back = nib.orientations.ornt_transform(RAS, self.layout.turn)
        return np.asarray(nib.orientations.apply_orientation(voxels, back).ravel(order="F"))


def frames_of(voxels: Voxels | Frames, first: int = 0) -> Frames:
    """The series from volume `first` on, read from where it is."""
    if isinstance(voxels, FileFrames):
        return FileFrames(voxels.layout, voxels.first + first)
    if isinstance(voxels, ArrayFrames):
        return ArrayFrames(voxels.array, voxels.first + first)
    return ArrayFrames(np.asarray(voxels, dtype=np.float32), first)


def extremes(voxels: Voxels | Frames) -> tuple[float, float]:
    """Lowest and highest finite value."""
    if isinstance(voxels, FileFrames):
        return voxels.layout.low, voxels.layout.high
    return float(np.nanmin(voxels)), float(np.nanmax(voxels))


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, inflated where it is gzipped."""
    with open(path, "rb") as handle:
        zipped = handle.read(2) == b"\x1f\x8b"
    if not zipped:
        return open(path, "rb")
    from isal import igzip

    stream: IO[bytes] = igzip.open(path, "rb")
    return stream


def skip(handle: IO[bytes], n: int) -> None:
    while n > 0:
        n -= len(exactly(handle, min(n, BLOCK_BYTES)))


def exactly(handle: IO[bytes], n: int) -> bytes:
    found = handle.read(n)
    if len(found) < n:
        raise EOFError
    return found
