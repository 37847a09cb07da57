"""Opens a 4D NIfTI as a series that is read volume by volume, after one pass that shows it is whole."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from consilium.imaging.frames import FileFrames, Layout
from consilium.imaging.volume import Affine


def is_run(header: Any) -> bool:
    """Four dimensions, several volumes."""
    dims = [int(d) for d in header["dim"]]
    return dims[0] >= 4 and dims[4] > 1 and all(d == 1 for d in dims[5 : dims[0] + 1])


def series(path: Path, header: Any, begin: int, affine: Affine) -> tuple[FileFrames, float]:
    """(the series of `path`, share of its values that are not finite). Voxels start at byte `begin` and lie as
    `affine` says.

    Every byte is read once: EOFError, gzip.BadGzipFile or zlib.error where the file is not whole.
    """
    import nibabel as nib
    from isal import igzip_lib

    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = math.isfinite(slope) and slope != 0
    x, y, z, n = (int(d) for d in header["dim"][1:5])
    layout = Layout(
        path, begin, (x, y, z, n), header.get_data_dtype(), slope if scaled else 1.0,
        inter if scaled and math.isfinite(inter) else 0.0, nib.orientations.io_orientation(affine),
    )  # fmt: skip
    try:
        low, high, bad = _span(FileFrames(layout))
    except igzip_lib.IsalError as error:
        raise zlib.error(str(error)) from None
    ends = sorted((low * layout.slope + layout.inter, high * layout.slope + layout.inter))
    return FileFrames(replace(layout, low=ends[0], high=ends[1])), bad / math.prod(layout.shape)


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
