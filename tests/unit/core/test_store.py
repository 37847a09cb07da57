"""Feature stores and tables: what is written is read back, wrong shapes are refused, same content gives same bytes."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from consilium.core import contract, refused, register, store, tsv
from consilium.core.errors import Problem
from consilium.core.provenance import code_digest, file_digest, seed_from
from hypothesis import given as drawn
from hypothesis import strategies as st


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


CELLS = st.text(alphabet='a"\t\n ,é', max_size=4)
ROWS = st.tuples(
    CELLS, st.none() | st.integers(-(10**12), 10**12), st.sampled_from([np.nan, -0.1, 1e300, 1 / 3]) | st.floats(),
    st.none() | st.booleans(), st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
)  # fmt: skip


@drawn(st.lists(ROWS, max_size=7), st.integers(1, 5), st.integers(1, 4))
def test_tables_are_written_as_pandas_writes_them(rows, width, slab):
    kinds = ("object", "Int64", "float64", "boolean", "int64")
    table = pd.DataFrame({k: pd.Series([r[i] for r in rows], dtype=k) for i, k in enumerate(kinds[:width])})
    texts = table.copy()
    if width > 2:
        texts["float64"] = ["" if v != v else f"{v:.10g}" for v in table["float64"]]
    expected = texts.to_csv(sep="\t", index=False, lineterminator="\n").encode()
    assert b"".join(tsv.lines({name: store._cells(table[name]) for name in table.columns}, slab)) == expected


ODD_CELLS = st.text(alphabet='a"\t\n\0é', max_size=3) | st.just("b" * 200)


@drawn(st.lists(st.tuples(ODD_CELLS, st.sampled_from([np.nan, -0.1]) | st.floats(), st.integers(-5, 10**9)),
                max_size=7), st.integers(1, 4))  # fmt: skip
def test_tables_are_written_alike_whatever_holds_their_texts(rows, slab):
    texts = np.array([r[0].rstrip("\0") for r in rows], dtype=object)
    more = {"float": np.array([r[1] for r in rows], dtype=float), "int": np.array([r[2] for r in rows], dtype=int),
            "bool": np.array([r[2] > 3 for r in rows], dtype=bool)}  # fmt: skip
    for kind in (np.dtypes.StringDType(), bytes)[: 1 + all(t.isascii() for t in texts)]:
        columns = {"text": texts.astype(kind), **more, "last": texts.astype(kind)}
        expected = tsv.lines({"text": texts, **more, "last": texts}, slab)
        assert b"".join(tsv.lines(columns, slab)) == b"".join(expected)


@pytest.mark.parametrize("beside", [{}, {"b": np.array([True, False] * 105)}])
def test_small_integers_are_written_whatever_their_width(beside):
    values = np.array([-100, 100, 7] * 70, dtype=np.int8)  # their range is wider than the type
    written = b"".join(tsv.lines({"n": values, **beside})).split(b"\n")[1:-1]
    assert [line.split(b"\t")[0] for line in written] == [str(v).encode() for v in values.tolist()]


def test_a_cell_with_a_carriage_return_is_read_back(tmp_path):
    problem = Problem("a\rb.txt", "x", "y", "z", 3)
    refused.write_quarantine(tmp_path / "q.tsv", "text", [problem, problem])
    assert store.read_table(tmp_path / "q.tsv", "quarantine")["file"].tolist() == ["a\rb.txt"]


@pytest.mark.parametrize("sizes", [(0,), (3,), (2, 0, 4), (0, 5)])
def test_parts_below_one_another_are_the_table(tmp_path, monkeypatch, sizes):
    def some(first: int, n: int) -> pd.DataFrame:
        sites = pd.DataFrame({"pos": range(first, first + n), "what": "site", "patient": "", "chrom": "chr1"})
        people = pd.DataFrame({"pos": pd.array([pd.NA] * min(n, 1), dtype="Int64"), "what": "patient",
                               "patient": "P1", "chrom": ""})  # fmt: skip
        return pd.concat([sites.astype({"pos": "Int64"}), people], ignore_index=True).assign(
            ref="A", alt='"', step="s", action="flagged", rule="missing rate 0.6")  # fmt: skip

    parts = [some(10 * i, n) for i, n in enumerate(sizes)]
    store.write_parts(tmp_path / "parts.tsv", "dropped", iter(parts))
    store.write_table(tmp_path / "whole.tsv", "dropped", pd.concat(parts, ignore_index=True))
    assert (tmp_path / "parts.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    monkeypatch.setattr(store, "_PART_ROWS", 2)
    whole = store.read_table(tmp_path / "whole.tsv", "dropped")
    read = list(store.read_parts(tmp_path / "whole.tsv", "dropped", ("what", "pos")))
    assert all(len(part) <= 2 for part in read)
    assert [row for part in read for row in part[["what", "pos"]].astype(str).to_numpy().tolist()] == whole[
        ["what", "pos"]
    ].astype(str).to_numpy().tolist()


@pytest.mark.parametrize("problems", [[], [("b.txt", "x", 2, ""), ("b.txt", "y", 1, "P1"), ("a\tb", 'say "x"', 7, "")]])
def test_refused_input_is_written_as_the_table_is(tmp_path, problems):
    given = [Problem(file, found, "y", "z", line, patient) for file, found, line, patient in problems]
    refused.write_quarantine(tmp_path / "a.tsv", "text", given)
    rows = [(p.patient or "*", "text", p.file, p.line, p.cause) for p in given]
    table = pd.DataFrame(rows, columns=["patient", "room", "file", "line", "cause"])
    table = table.sort_values(["file", "line", "patient", "cause"])
    store.write_table(tmp_path / "b.tsv", "quarantine", table)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()


def test_arrow_arrays_are_written_as_the_table_is(tmp_path):
    columns = {"score": ["s", "s"], "line": [2, 3], "chrom": ["1", ""], "pos": [7, 0], "effect_allele": ["A", "é"],
               "other_allele": ["", "G"], "weight": [0.5, np.nan], "effect": ["additive"] * 2, "match": ["x", "y"],
               "used": [True, False]}  # fmt: skip
    store.write_table(tmp_path / "a.parquet", "polygenic_matches", pd.DataFrame(columns))
    arrays = {name: pa.array(values) for name, values in reversed(columns.items())}
    arrays["weight"] = pa.array(columns["weight"], from_pandas=True)
    parts = [{name: array[at : at + 1] for name, array in arrays.items()} for at in range(2)]
    store.write_arrow(tmp_path / "b.parquet", "polygenic_matches", parts)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


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
    """kill -9 leaves the temporary folder or file behind: no `finally` runs."""
    (tmp_path / ".imaging.k1lled_8").mkdir()
    (tmp_path / ".imaging.k1lled_8" / "image.nii").write_text("pixels")
    (tmp_path / ".imaging.json.beside").write_text("a file of another write")
    with store.atomic_folder(tmp_path / "imaging") as folder:
        (folder / "new").write_text("x")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".imaging.json.beside", "imaging"]
    (tmp_path / ".0.json.k1lled_8.json").write_text("half")
    (tmp_path / ".10.json.k1lled_8.json").write_text("half of another file")
    store.write_text(tmp_path / "0.json", "whole")
    left = {p.name for p in tmp_path.iterdir()}
    assert {"0.json", ".10.json.k1lled_8.json"} < left and ".0.json.k1lled_8.json" not in left
    (tmp_path / ".check").mkdir()
    (tmp_path / ".check" / "image.nii").write_text("pixels")
    with store.scratch_folder(tmp_path / ".check") as folder:
        assert list(folder.iterdir()) == []
    assert not (tmp_path / ".check").exists()
