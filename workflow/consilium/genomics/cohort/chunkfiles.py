"""Chunk files of Zarr (format 2) arrays in a folder, read and written without zarr.

zarr spends about a millisecond a chunk beside the work itself, and 0.2 s on being imported.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_SHORT = 64  # bytes; all texts of an array then take as many as the longest
_TEXTS = np.dtypes.StringDType()

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
    """Of the values as they are read: texts are numpy's StringDType."""
    stated = np.dtype(_meta(folder)["dtype"])
    return _TEXTS if stated.kind == "O" else stated


def read_all(folder: Path) -> Values:
    """All of an array that is chunked along its first axis alone."""
    (length, *tail), (height, *_) = shape(folder)
    out = np.empty((length, *tail), dtype=dtype(folder))
    if out.dtype == _TEXTS and (texts := _read_texts(folder)) is not None:
        out[:] = texts.reshape(out.shape)
        return out
    chunk = reader(folder)
    for number, start in enumerate(range(0, length, height)):
        out[start : start + height] = chunk(number)[: length - start]
    return out


def reader(folder: Path) -> Callable[[int], Values]:
    """Reads the chunks of one array by number: its description is looked up once, which takes longer than a chunk."""
    meta, kind, packed = _meta(folder), dtype(folder), _unpacker(folder)

    def chunk(number: int) -> Values:
        data = packed(number)
        if data is None:
            return np.full(meta["chunks"], meta["fill_value"], dtype=kind)
        for codec in reversed(meta["filters"] or []):
            data = _codec(codec).decode(data)
        values = np.frombuffer(data, dtype=kind) if kind.kind != "T" else np.asarray(data, dtype=kind)
        return values.reshape(meta["chunks"])

    return chunk


def _unpacker(folder: Path) -> Callable[[int], Any]:
    """Reads chunks by number, unpacked but not filtered; None: there is no such file."""
    meta = _meta(folder)
    stated = meta["compressor"]
    start, end = f"{folder}/", _name(meta, "")
    blosc = stated is not None and stated["id"] == "blosc" and _blosc() is not None
    decode = _unblosced if blosc else _codec(stated).decode if stated else lambda data: data

    def unpacked(number: int) -> Any:
        try:
            # Nothing between us and the file: a small one is then read in half the time.
            with open(f"{start}{number}{end}", "rb", buffering=0) as handle:
                data = handle.read()
        except FileNotFoundError:
            return None
        return decode(data)

    return unpacked


def _codec(stated: dict[str, Any]) -> Any:
    from numcodecs import get_codec

    return get_codec(stated)


@cache
def _blosc() -> Any:
    """The library Blosc within numcodecs, whose own import takes as long as reading a store's sites; None where its
    functions do not show."""
    import ctypes
    from importlib.util import find_spec

    spec = find_spec("numcodecs")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(folder).glob("blosc.*"):
            with contextlib.suppress(OSError, AttributeError):
                function = ctypes.CDLL(str(file)).blosc_decompress_ctx
                function.argtypes = (ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
                return function
    return None


def _unblosced(packed: bytes) -> npt.NDArray[np.uint8]:
    """What Blosc packed. Raises ValueError where it is damaged."""
    size, length = (int.from_bytes(packed[i : i + 4], "little") for i in (4, 12))
    out = np.empty(size, dtype=np.uint8)
    if len(packed) < 16 or length != len(packed) or _blosc()(packed, out.ctypes.data, size, 1) != size:
        raise ValueError("a damaged chunk")
    return out


def _read_texts(folder: Path) -> Values | None:
    """(item,) the texts of all chunks at once, as bytes; None where they are not all short."""
    (length, *tail), (height, *_) = shape(folder)
    wide = int(np.prod(tail))
    n_chunks = -(-length // height)
    found = [*map(_unpacker(folder), range(n_chunks))]
    parts = [bytes(part) for part in found if part is not None]
    spare = bytes(4 * wide * (n_chunks * height - length))  # empty texts behind the last row
    if _meta(folder)["filters"] != [{"id": "vlen-utf8"}] or not parts or len(parts) < n_chunks:
        return None
    if not parts[-1].endswith(spare):
        return None
    parts[-1] = parts[-1][: len(parts[-1]) - len(spare)]
    texts = _short_texts(np.frombuffer(b"".join(part[4:] for part in parts), dtype=np.uint8))
    return texts if texts is not None and len(texts) == length * wide else None


def _short_texts(packed: npt.NDArray[np.uint8]) -> Values | None:
    """The texts, each of which stands behind its length (numcodecs' VLenUTF8); None where one is longer than _SHORT.

    A small number that ends in three zero bytes is mostly a length, so that all are found at once; then it is proved
    that each text ends where the next length begins.
    """
    if len(packed) < 4:
        return None
    numbers = np.ndarray((len(packed) - 3,), dtype="<u4", buffer=packed.data, strides=(1,))
    at = np.flatnonzero(numbers <= _SHORT)
    size = numbers[at].astype(np.int64)
    if at[:1].any() or not len(at) or (np.diff(at, append=len(packed)) != size + 4).any():
        return None
    widest = max(1, int(size.max()))
    padded = np.append(packed, np.zeros(widest, dtype=np.uint8))
    texts = np.ndarray((len(packed) + 1,), dtype=f"S{widest}", buffer=padded.data, strides=(1,))[at + 4]
    letters = texts.view(np.uint8).reshape(-1, widest)
    letters *= np.arange(widest) < size[:, None]
    return texts


def write(folder: Path, number: int, values: Values) -> None:
    """Write chunk `number` along the first axis; a short last one is filled up. Nothing but the fill value: no file."""
    import numcodecs.blosc
    from numcodecs import get_codec

    numcodecs.blosc.use_threads = False  # processes share the work
    meta = _meta(folder)
    fill = meta["fill_value"]
    if not fill and values.dtype != object and not values.any():
        return
    if len(values) < meta["chunks"][0]:
        more = np.full((meta["chunks"][0] - len(values), *values.shape[1:]), fill, dtype=values.dtype)
        values = np.concatenate([values, more])
    content: Any = np.ascontiguousarray(values)
    for codec in meta["filters"] or []:
        content = get_codec(codec).encode(content)
    (folder / _name(meta, number)).write_bytes(get_codec(meta["compressor"]).encode(content))


def _name(meta: dict[str, Any], number: int | str) -> str:
    return ".".join([str(number), *["0"] * (len(meta["chunks"]) - 1)])
