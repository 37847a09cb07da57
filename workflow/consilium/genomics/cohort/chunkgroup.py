"""A store of genotypes in a folder, read without zarr, which takes half a second to be imported.

group = open_group(folder)                      # None where only zarr can read it
group["variant_position"][:]; group["call_genotype"].oindex[rows]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort import chunkfiles

Values = npt.NDArray[Any]


class Array:
    """An array of the group, as zarr shows one: shape, chunks, slices along the first axis, rows by `oindex`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shape, self.chunks = chunkfiles.shape(folder)
        self._dtype, self._chunk = chunkfiles.dtype(folder), chunkfiles.reader(folder)

    @property
    def oindex(self) -> _Rows:
        return _Rows(self)

    def __getitem__(self, wanted: slice) -> Values:
        if wanted == slice(None):
            return chunkfiles.read_all(self._folder)
        return self.rows(np.arange(self.shape[0])[wanted])

    def rows(self, wanted: npt.NDArray[np.int64]) -> Values:
        """Some rows, in any order; every chunk is read once."""
        order = np.argsort(wanted, kind="stable")
        numbers, first = np.unique(wanted[order] // self.chunks[0], return_index=True)
        if self._dtype.kind == "T" and 2 * len(numbers) * self.chunks[0] > self.shape[0]:
            return np.asarray(self[:][wanted])  # texts are read faster all at once
        out = np.empty((len(wanted), *self.shape[1:]), dtype=self._dtype)
        for number, places in zip(numbers, np.split(order, first[1:]), strict=False):
            out[places] = self._chunk(int(number))[wanted[places] % self.chunks[0]]
        return out


class _Rows:
    def __init__(self, array: Array) -> None:
        self._array = array

    def __getitem__(self, rows: Iterable[int]) -> Values:
        return self._array.rows(np.asarray(rows, dtype=np.int64))


class Group:
    """The arrays of a folder by name; root: the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def array_keys(self) -> Iterator[str]:
        return (path.parent.name for path in sorted(self.root.glob("*/.zarray")))

    def __contains__(self, name: str) -> bool:
        return (self.root / name).is_dir()

    def __getitem__(self, name: str) -> Array:
        return Array(self.root / name)


def open_group(path: Path) -> Group | None:
    """The group in the folder `path`; None where it is none of format 2, or an array is not as `chunkfiles` reads it:
    chunked along its first axis alone, in C order."""
    try:
        stated = [json.loads((path / ".zgroup").read_text())["zarr_format"]]
        arrays = [json.loads(file.read_text()) for file in path.glob("*/.zarray")]
        plain = all(
            meta["chunks"][1:] == meta["shape"][1:] and meta["order"] == "C" and meta["fill_value"] is not None
            and meta.get("dimension_separator", ".") == "." for meta in arrays
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Group(path) if stated == [2] and plain else None
