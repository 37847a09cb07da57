"""Stores read without zarr give what zarr gives, or are left to zarr."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from consilium.genomics.cohort.chunkgroup import open_group


def made(path: Path, **how: object) -> zarr.Group:
    group = zarr.open_group(str(path), mode="w", zarr_format=how.pop("zarr_format", 2))
    rng = np.random.default_rng(1)
    for name, values in (("call", rng.integers(-1, 3, (25, 4, 2), dtype=np.int8)), ("score", rng.random(25))):
        chunks = how.get("chunks", (7, *values.shape[1:])) if values.ndim > 1 else (7,)
        group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=chunks, fill_value=3)[:] = values
    group.create_array("empty", shape=(25, 2), dtype="i4", chunks=(10, 2), fill_value=-1)  # no chunk is written
    return group


def test_slices_and_rows_are_those_of_zarr(tmp_path: Path) -> None:
    theirs, ours = made(tmp_path / "s"), open_group(tmp_path / "s")
    assert ours is not None and sorted(ours.array_keys()) == sorted(theirs.array_keys())
    assert "call" in ours and "other" not in ours
    for name in theirs.array_keys():
        a, b = ours[name], theirs[name]
        assert a.shape == b.shape and a.chunks == b.chunks
        for part in (slice(None), slice(5, 9), slice(20, 40), slice(3, 3)):
            assert np.array_equal(a[part], b[part]) and a[part].dtype == b.dtype
        for rows in ([24, 0, 7, 7, 13], [], range(25)):
            assert np.array_equal(a.oindex[rows], b.oindex[np.array(list(rows), dtype=int)])


@pytest.mark.parametrize("how", [{"chunks": (7, 2, 2)}, {"zarr_format": 3}])
def test_what_it_cannot_read_is_left_to_zarr(tmp_path: Path, how: dict) -> None:
    made(tmp_path / "s", **how)
    assert open_group(tmp_path / "s") is None
    assert open_group(tmp_path / "nothing") is None
