"""Opens a 4D NIfTI as a series that is read volume by volume, after one pass that shows it is whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from consilium.imaging.frames import FileFrames, Layout
from consilium.imaging.volume import Voxels


def series(path: Path, header: Any, begin: int, shape: tuple[int, ...]) -> tuple[Voxels, float]:
    """(the series of `path` with its axes as stored, share of its values that are not finite).

    Voxels start at byte `begin`. The series is a FileFrames, which stands for the array. Every byte is read once:
    EOFError, gzip.BadGzipFile or isal's IsalError where the file is not whole.
    """
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = math.isfinite(slope) and slope != 0
    x, y, z, n = shape
    layout = Layout(
        path, begin, (x, y, z, n), header.get_data_dtype(), slope if scaled else 1.0,
        inter if scaled and math.isfinite(inter) else 0.0,
    )  # fmt: skip
    low, high, bad = _span(FileFrames(layout))
    ends = sorted((low * layout.slope + layout.inter, high * layout.slope + layout.inter))
    whole = FileFrames(replace(layout, low=ends[0], high=ends[1]))
    return cast(Voxels, whole), bad / math.prod(shape)


def _span(found: FileFrames) -> tuple[float, float, int]:
    """(lowest, highest, number not finite) of the stored values."""
    low, high, bad = math.inf, -math.inf, 0
    for block in found.blocks():
        values = block
        if block.dtype.kind == "f":
            values = block[np.isfinite(block)]
            bad += block.size - values.size
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, high, bad
