"""Chunk files of a Zarr (format 2) array in a folder, read and written without zarr: a thousandth of a second each."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@lru_cache(maxsize=64)
def _meta(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / ".zarray").read_text()))


def shape(folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(shape, chunk shape)."""
    meta = json.loads((folder / ".zarray").read_text())
    return tuple(meta["shape"]), tuple(meta["chunks"])


def read(folder: Path, number: int) -> npt.NDArray[Any]:
    """Chunk `number` along the first axis of an array that is chunked there alone."""
    from numcodecs import get_codec

    meta = _meta(folder)
    raw = (folder / _name(meta, number)).read_bytes()
    codec = get_codec(meta["compressor"]) if meta["compressor"] else None
    data = codec.decode(raw) if codec else raw
    return np.frombuffer(data, dtype=np.dtype(meta["dtype"])).reshape(meta["chunks"])


def write(folder: Path, number: int, values: npt.NDArray[Any]) -> None:
    """Write chunk `number` along the first axis; a shorter last chunk is padded with the fill value."""
    from numcodecs import get_codec

    meta = _meta(folder)
    chunk = values
    if len(values) < meta["chunks"][0]:
        chunk = np.full(meta["chunks"], meta["fill_value"] or 0, dtype=values.dtype)
        chunk[: len(values)] = values
    codec = get_codec(meta["compressor"])
    (folder / _name(meta, number)).write_bytes(codec.encode(np.ascontiguousarray(chunk)))


def _name(meta: dict[str, Any], number: int) -> str:
    return ".".join([str(number), *["0"] * (len(meta["chunks"]) - 1)])


def read_all(folder: Path) -> npt.NDArray[Any]:
    (length, *_), (height, *_) = shape(folder)
    parts = [read(folder, i) for i in range(-(-length // height))]
    return np.concatenate(parts)[:length] if parts else np.empty(0, dtype=np.uint8)
