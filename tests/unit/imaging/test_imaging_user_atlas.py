"""A user's atlas: brought to the template's grid as it is, and refused with the cause where it cannot be meant."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.imaging.brain import atlas, user_atlas
from hypothesis import given, settings
from hypothesis import strategies as st


def written(folder: Path, labels: np.ndarray, affine: np.ndarray, table: str) -> tuple[Path, Path]:
    image, names = folder / "atlas.nii.gz", folder / "atlas.tsv"
    nib.Nifti1Image(labels.astype(np.int32), affine).to_filename(image)
    names.write_text(table, encoding="utf-8")
    return image, names


def problems(image: Path, names: Path) -> str:
    with pytest.raises(InputError) as refused:
        user_atlas.load(image, names)
    return "\n".join(map(str, refused.value.problems))


def table(names: tuple[str, ...], offset: int = 0) -> str:
    return "index\tname\n" + "".join(f"{offset + i + 1}\t{n}\n" for i, n in enumerate(names))


def test_the_default_atlas_comes_back_from_its_own_file(tmp_path: Path) -> None:
    own = atlas.regions()
    flipped = own.labels[::-1].copy()  # stored towards left: the header says so
    affine = atlas.template().affine @ np.diag([-1.0, 1, 1, 1])
    affine[:3, 3] = (atlas.template().affine @ [own.labels.shape[0] - 1, 0, 0, 1])[:3]
    shifted = np.where(flipped > 0, flipped + 1000, 0)
    back = user_atlas.load(*written(tmp_path, shifted, affine, table(own.names, 1000)))
    assert back.names == own.names
    inside = atlas.template().brain
    assert np.array_equal(back.labels, np.where(inside, own.labels, 0))
    where = np.argwhere(back.labels == 1) @ atlas.template().affine[:3, :3].T + atlas.template().affine[:3, 3]
    assert np.allclose(back.centres[0], where.mean(axis=0))


def test_a_finer_grid_keeps_volumes(tmp_path: Path) -> None:
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 3] = [-40.3, -60.2, -20.1]
    labels = np.zeros((80, 90, 60), dtype=int)
    labels[5:35, 10:50, 10:40] = 7
    labels[45:75, 10:50, 10:40] = 9
    found = user_atlas.load(*written(tmp_path, labels, affine, "name\tindex\nblock_L\t7\nblock right\t9\n"))
    assert found.names == ("block_L", "block right")
    assert np.bincount(found.labels.ravel())[1:] * 8 == pytest.approx([36_000, 36_000], rel=0.03)
    assert found.centres[0] == pytest.approx([-20.8, -30.7, 4.4], abs=1.0)  # half a voxel of the grid


def test_all_that_is_wrong_is_said(tmp_path: Path) -> None:
    own = atlas.regions()
    grid = atlas.template().affine
    image, names = written(tmp_path, own.labels, grid, "index\tname\n1\tx\n1\ty\nb\tz\n4\tx\n5\t\n")
    said = problems(image, names)
    for part in ("atlas.tsv:3", "index '1' again", "index 'b'", "name 'x' again", "name ''"):
        assert part in said
    short = table((*own.names[:-1], "elsewhere", "nowhere")).replace(f"{len(own.names)}\telsewhere", "500\telsewhere")
    said = problems(*written(tmp_path, own.labels, grid, short))
    assert f"no row for label {len(own.names)}" in said and "no voxel of label" in said


def test_space_is_checked(tmp_path: Path) -> None:
    own, grid = atlas.regions(), atlas.template().affine
    moved = grid.copy()
    moved[:3, 3] += [0, 60, 40]
    assert "lie in the MNI152 brain" in problems(*written(tmp_path, own.labels, moved, table(own.names)))
    mirrored = written(tmp_path, own.labels[::-1], grid, table(own.names))
    user_atlas.load.cache_clear()
    assert "on the other side than its name says" in problems(*mirrored)


@pytest.mark.parametrize("kind", ["probabilities", "negative", "absent", "no header", "no image", "single voxel"])
def test_files_that_are_no_atlas(tmp_path: Path, kind: str) -> None:
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = [-20, -40, 0]
    labels = np.ones((20, 20, 20))
    names = table(("one",)) if kind != "no header" else "1\tone\n"
    if kind == "single voxel":
        labels[0, 0, 0], names = 2, table(("one", "two"))
        affine[0, 0] = affine[1, 1] = affine[2, 2] = 0.4
    image, rows = written(tmp_path, labels, affine, names)
    if kind in ("probabilities", "negative"):
        values = labels * (0.5 if kind == "probabilities" else -1)
        nib.Nifti1Image(values.astype(np.float32), affine).to_filename(image)
    if kind == "absent":
        rows.unlink()
        image.write_bytes(b"nothing")
    if kind == "no image":
        image.unlink()
    said = problems(image, rows)
    wanted = {"probabilities": "not labels", "negative": "not labels", "absent": "not a NIfTI", "no header": "no col",
              "no image": "cannot be read", "single voxel": "two"}  # fmt: skip
    assert wanted[kind] in said
    if kind == "absent":
        assert "atlas.tsv: cannot be read" in said  # both files at once


def test_sides_in_names() -> None:
    left = ("Left-Hippocampus", "hippocampus_L", "ctx-lh-insula", "L caudate", "Insula left")
    assert [user_atlas.side(n) for n in left] == [-1] * 5
    assert [user_atlas.side(n) for n in ("rh.V1", "amygdala_R", "RIGHT pole")] == [1] * 3
    assert [user_atlas.side(n) for n in ("Brain-Stem", "lingual", "L and R", "cerebral")] == [0] * 4


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_any_table_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.tsv"
    file.write_text("index\tname\n" + text, encoding="utf-8")
    try:
        rows = user_atlas._rows(file)
    except InputError as error:
        assert error.problems
    else:
        assert len({i for i, _ in rows}) == len({n for _, n in rows}) == len(rows) > 0
