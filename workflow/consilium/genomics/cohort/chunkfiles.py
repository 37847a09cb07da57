"""Chunk files of Zarr (format 2) arrays in a folder, read and written without zarr.

zarr spends about a millisecond a chunk beside the work itself, and 0.2 s on being imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / ".zarray"
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(path: Path, changed: int) -> dict[str, Any]:
    """Once for each state of the file: a chunk takes less time to read than its description."""
    return dict(json.loads(path.read_text()))


def shape(folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(shape, chunk shape)."""
    meta = _meta(folder)
    return tuple(meta["shape"]), tuple(meta["chunks"])


def dtype(folder: Path) -> np.dtype[Any]:
    return np.dtype(_meta(folder)["dtype"])


def read(folder: Path, number: int) -> Values:
    """Chunk `number` along the first axis of an array that is chunked there alone."""
    return next(_read(folder, [number]))


def read_all(folder: Path) -> Values:
    """All of an array that is chunked along its first axis alone."""
    (length, *tail), (height, *_) = shape(folder)
    parts = [*_read(folder, range(-(-length // height)))]
    return np.concatenate(parts)[:length] if parts else np.empty((0, *tail), dtype=dtype(folder))


def _read(folder: Path, numbers: Iterable[int]) -> Iterator[Values]:
    """Chunks of one array: its description is looked up once, which takes longer than a small chunk."""
    from numcodecs import get_codec

    meta, kind = _meta(folder), dtype(folder)
    codecs = [get_codec(codec) for codec in (meta["compressor"], *reversed(meta["filters"] or [])) if codec]
    for number in numbers:
        try:
            data = (folder / _name(meta, number)).read_bytes()
        except FileNotFoundError:
            yield np.full(meta["chunks"], meta["fill_value"], dtype=kind)
            continue
        for codec in codecs:
            data = codec.decode(data)
        values = data if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=kind)
        yield values.reshape(meta["chunks"])


def write(folder: Path, number: int, values: Values) -> None:
    """Write chunk `number` along the first axis; a short last one is filled up. Nothing but the fill value: no file."""
    import numcodecs.blosc
    from numcodecs import get_codec

    numcodecs.blosc.use_threads = False  # processes share the work
    meta = _meta(folder)
    fill = meta["fill_value"]
    if values.dtype != object and not values.any() and not fill:
        return
    if len(values) < meta["chunks"][0]:
        more = np.full((meta["chunks"][0] - len(values), *values.shape[1:]), fill, dtype=values.dtype)
        values = np.concatenate([values, more])
    content: Any = np.ascontiguousarray(values)
    for codec in meta["filters"] or []:
        content = get_codec(codec).encode(content)
    (folder / _name(meta, number)).write_bytes(get_codec(meta["compressor"]).encode(content))


def _name(meta: dict[str, Any], number: int) -> str:
    return ".".join([str(number), *["0"] * (len(meta["chunks"]) - 1)])
