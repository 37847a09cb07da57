"""Stores read without zarr give what zarr gives, or are left to zarr."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from consilium.genomics.cohort import chunkfiles
from consilium.genomics.cohort.chunkgroup import open_group
from hypothesis import given, settings
from hypothesis import strategies as st

BLOSC = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


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


def texts_in_chunks(folder: Path, texts: list[str], height: int, wide: int = 1) -> None:
    """An array (len(texts) // wide, wide) of texts, as the store has them."""
    shape = [len(texts) // wide, *([wide] if wide > 1 else [])]
    meta = {"zarr_format": 2, "shape": shape, "chunks": [height, *shape[1:]], "dtype": "|O", "order": "C",
            "fill_value": "", "compressor": BLOSC, "filters": [{"id": "vlen-utf8"}]}  # fmt: skip
    folder.mkdir(parents=True)
    (folder / ".zarray").write_text(json.dumps(meta))
    values = np.array(texts, dtype=object).reshape(shape)
    for number, start in enumerate(range(0, len(values), height)):
        chunkfiles.write(folder, number, values[start : start + height])


SHORT = st.text(alphabet="A.1", max_size=2)  # what looks like a length, too
LONG = st.just("A" * 70) | st.text(alphabet=st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=3)
TEXTS = st.lists(SHORT, max_size=40) | st.lists(SHORT | LONG, max_size=12)


@given(TEXTS, st.integers(1, 9), st.sampled_from([1, 2]))
@settings(max_examples=150)
def test_texts_are_read_as_they_were_written(tmp_path_factory, texts: list[str], height: int, wide: int) -> None:
    texts = texts[: len(texts) // wide * wide]
    folder = tmp_path_factory.mktemp("t") / "a"
    texts_in_chunks(folder, texts, height, wide)
    assert chunkfiles.read_all(folder).ravel().tolist() == texts
    read = chunkfiles.reader(folder)
    parts = [read(number).ravel().tolist() for number in range(-(-len(texts) // (height * wide)))]
    assert [text for part in parts for text in part][: len(texts)] == texts


def test_as_many_lengths_as_texts_prove_nothing(tmp_path: Path) -> None:
    texts = ["1", "", "A" * 70]  # the first and the empty one look like a third length, the last one's is too great
    texts_in_chunks(tmp_path / "a", texts, 3)
    assert chunkfiles.read_all(tmp_path / "a").tolist() == texts


def test_a_damaged_chunk_is_no_chunk(tmp_path: Path) -> None:
    texts_in_chunks(tmp_path / "a", ["A", "CG"] * 300, 100)
    file = tmp_path / "a" / "3"
    for content in (file.read_bytes()[:-1], b"\2\1", b"\0" * 40):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            chunkfiles.read_all(tmp_path / "a")
