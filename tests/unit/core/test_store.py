"""Feature stores and tables: what is written is read back, wrong shapes are refused, same content gives same bytes."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from consilium.core import contract, register, store
from consilium.core.provenance import code_digest, file_digest, seed_from


def block(values: np.ndarray, present: list[bool]) -> xr.Dataset:
    patients = [f"P{i}" for i in range(len(present))]
    features = [f"f{i}" for i in range(values.shape[1])]
    return xr.Dataset(
        {
            "values": (("patient", "feature"), values.astype("float32")),
            "present": ("patient", np.array(present)),
            "reason": ("patient", np.array(["" if p else "not supplied" for p in present])),
        },
        coords={"patient": patients, "feature": features, "unit": ("feature", np.array(["mg"] * len(features)))},
        attrs={"room": "omics", "title": "t", "layout": "table"},
    )


def test_features_come_back_and_same_content_gives_same_bytes(tmp_path):
    data = block(np.array([[1.0, np.nan], [np.nan, np.nan]]), [True, False])
    digests = []
    for name in ("a.zarr.zip", "b.zarr.zip"):
        store.write_features(tmp_path / name, {"expression": data})
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    back = store.read_features(tmp_path / "a.zarr.zip")
    assert list(back) == ["expression"]
    xr.testing.assert_identical(back["expression"].drop_vars("unit"), data.drop_vars("unit"))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda b: b.assign(values=b["values"].astype("float64")), "not float32"),
        (lambda b: b.assign(present=("patient", np.array([False, False]))), "present=False has values"),
        (lambda b: b.assign_attrs(layout="cube"), "layout"),
        (lambda b: b.assign(reason=("patient", np.array(["", ""]))), "reason must be empty"),
        (lambda b: b.drop_vars("unit"), "unit"),
    ],
)
def test_blocks_of_another_shape_are_refused(change, words):
    good = block(np.array([[1.0, 2.0], [np.nan, np.nan]]), [True, False])
    contract.check_block("x", good)
    with pytest.raises(ValueError, match=words):
        contract.check_block("x", change(good))


def test_tables_keep_types_and_missing_values(tmp_path):
    table = pd.DataFrame(
        {
            "patient": ["P1", "P2"], "drug": ["warfarin", "x"], "dose": [5.0, np.nan], "unit": ["mg", None],
            "start": ["", ""], "stop": ["", ""], "supplied_as": ["Coumadin", "x"],
        }
    )  # fmt: skip
    store.write_table(tmp_path / "d.tsv", "drugs", table)
    back = store.read_table(tmp_path / "d.tsv", "drugs")
    assert back["dose"].tolist()[0] == 5.0 and np.isnan(back["dose"][1]) and back["unit"].tolist() == ["mg", ""]


@pytest.mark.parametrize("name", ["observations", "polygenic_matches"])
def test_a_parquet_table_without_rows_keeps_its_types(tmp_path, name):
    path = tmp_path / "t.parquet"
    store.write_table(path, name, register.TABLES[name].empty())
    column = next(c.name for c in register.TABLES[name].columns if c.dtype == "str")
    assert pd.read_parquet(path, filters=[(column, "in", ["P1"])]).empty
    assert store.read_table(path, name).empty


def test_tables_refuse_unknown_lacking_and_empty_cells():
    drugs = register.TABLES["drugs"]
    with pytest.raises(ValueError, match="lacking"):
        drugs.check(pd.DataFrame({"patient": ["P1"]}))
    full = drugs.empty()
    with pytest.raises(ValueError, match="unknown"):
        drugs.check(full.assign(colour="red"))
    with pytest.raises(ValueError, match="empty cells"):
        drugs.check(pd.DataFrame({c: [None] for c in full.columns}))


def test_atomic_write_keeps_the_old_file_when_the_new_one_fails(tmp_path):
    path = tmp_path / "x.json"
    store.write_facts(path, {"a": float("nan")})
    assert store.read_facts(path) == {"schema_version": 1, "a": None}
    with pytest.raises(RuntimeError), store.atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert store.read_facts(path)["a"] is None and list(tmp_path.iterdir()) == [path]


def test_digests_follow_content(tmp_path):
    (tmp_path / "a").write_text("1")
    before = file_digest(tmp_path)
    (tmp_path / "a").write_text("2")
    assert file_digest(tmp_path) != before
    assert code_digest("text") != code_digest("omics")
    assert seed_from("a", 1) == seed_from("a", 1) != seed_from("a", 2)


def test_what_a_killed_run_left_is_gone_after_the_next(tmp_path):
    """kill -9 leaves the temporary folder behind: no `finally` runs."""
    (tmp_path / ".imaging.k1lled_8").mkdir()
    (tmp_path / ".imaging.k1lled_8" / "image.nii").write_text("pixels")
    (tmp_path / ".imaging.json.beside").write_text("a file of another write")
    with store.atomic_folder(tmp_path / "imaging") as folder:
        (folder / "new").write_text("x")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".imaging.json.beside", "imaging"]
    (tmp_path / ".check").mkdir()
    (tmp_path / ".check" / "image.nii").write_text("pixels")
    with store.scratch_folder(tmp_path / ".check") as folder:
        assert list(folder.iterdir()) == []
    assert not (tmp_path / ".check").exists()
