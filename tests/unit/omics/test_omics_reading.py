"""Matrices in either orientation, every flaw named with its line."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.omics.reading import read_matrix
from hypothesis import example, given, settings
from hypothesis import strategies as st

KNOWN = {"A", "B", "C"}
ROWS = "gene\tA\tB\tC\nTP53\t1\t2\t3\nEGFR\t4\tNA\t6\n"


def read(tmp_path: Path, text: str | bytes, name: str = "m.tsv"):  # type: ignore[no-untyped-def]
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_matrix(path, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        ROWS.replace("\t", ","),
        ROWS.replace("\t", ";"),
        ROWS.replace("\n", "\r\n"),
        "\ufeff" + ROWS,
        ROWS.replace("gene\t", "", 1),  # as R writes it
        "id\tTP53\tEGFR\nA\t1\t4\nB\t2\t\nC\t3\t6\n",
        "site\tpatient\tTP53\tEGFR\n1\tA\t1\t4\n1\tB\t2\tNaN\n2\tC\t3\t6\n",
        '"gene","A","B","C"\n"TP53",1,2,3\n"EGFR",4,,6\n',
        gzip.compress(ROWS.encode(), mtime=0),
        ROWS.replace("4\t", "4,0\t"),  # decimal comma in a table separated by tabs
    ],
)
def test_all_ways_to_write_one_matrix(tmp_path: Path, text: str | bytes) -> None:
    matrix = read(tmp_path, text)
    assert matrix.problems == []
    frame = matrix.values[["TP53", "EGFR"]]
    assert frame.index.tolist() == ["A", "B", "C"]
    np.testing.assert_array_equal(frame.to_numpy(), [[1, 4], [2, np.nan], [3, 6]])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (ROWS.replace("\t2\t", "\thigh\t"), 2, "'high' for TP53"),
        (ROWS.replace("\t2\t", "\tinf\t"), 2, "'inf' for TP53"),
        (ROWS + "TP53\t1\t1\t1\n", 4, "feature 'TP53' again"),
        (ROWS + "KRAS\t1\t1\n", 4, "3 cells"),
        (ROWS.replace("\tC", "\tZ"), 1, "patient 'Z'"),
        (ROWS.replace("\tC", "\tB"), 1, "patient 'B' again"),
        ("gene\tX\tY\nTP53\t1\t2\n", 0, "no patient of the sheet"),
        ("gene\tA\n", 0, "no rows"),
        ("", 0, "no rows"),
        (b"\x00\x01\x02", 0, "binary"),
        (b"gene\tA\nT\xe9\t1\n", 0, "byte 8 is not UTF-8"),
        (b"\x1f\x8bnogzip", 0, "cannot be read"),
    ],
)
def test_flaws(tmp_path: Path, text: str | bytes, line: int, words: str) -> None:
    matrix = read(tmp_path, text)
    assert [p.line for p in matrix.problems] == [line]
    assert words in matrix.problems[0].found


def test_a_bad_cell_is_missing_and_the_rest_stays(tmp_path: Path) -> None:
    matrix = read(tmp_path, ROWS.replace("\t2\t", "\thigh\t"))
    assert np.isnan(matrix.values.loc["B", "TP53"])
    assert matrix.values.loc["C", "TP53"] == 3
    assert matrix.problems[0].patient == "B"


def test_many_bad_cells_are_twenty_and_a_count(tmp_path: Path) -> None:
    matrix = read(tmp_path, "gene\tA\tB\n" + "".join(f"G{i}\tx\ty\n" for i in range(500)))
    assert len(matrix.problems) == 21
    assert any("980 more" in p.found for p in matrix.problems)


@pytest.mark.parametrize(("turned", "line"), [(False, 1), (True, 3)])
def test_a_table_of_more_patients_than_the_sheet_is_one_problem_that_is_not_the_files(tmp_path, turned, line) -> None:  # type: ignore[no-untyped-def]
    table = pd.DataFrame({p: [1, 2] for p in ["A", *(f"S{i:02}" for i in range(30))]}, index=["TP53", "EGFR"])
    matrix = read(tmp_path, (table.T if turned else table).to_csv(sep="\t", index_label="name"))
    (problem,) = matrix.problems
    assert problem.found.startswith("30 patients who are not in the patient sheet: 'S00', 'S01'")
    assert problem.found.endswith("'S19' and 10 more") and problem.line == line
    assert list(matrix.values.index) == ["A"]


@settings(max_examples=60)
@given(st.binary(max_size=80) | st.text(alphabet='AB,\t"\n12.x;', max_size=80).map(str.encode))
@example(b'\n"')  # a row of one empty quoted cell
def test_any_bytes_give_a_matrix_or_problems(tmp_path_factory, raw: bytes) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("any") / "m.tsv"
    path.write_bytes(raw)
    matrix = read_matrix(path, KNOWN)
    assert matrix.problems or set(matrix.values.index) <= KNOWN


def test_numbers_survive_a_round_trip(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        np.random.default_rng(0).normal(size=(3, 50)), index=list("ABC"), columns=map("G{}".format, range(50))
    )
    frame.to_csv(tmp_path / "m.csv")
    np.testing.assert_allclose(read_matrix(tmp_path / "m.csv", KNOWN).values.to_numpy(), frame.to_numpy(), rtol=1e-13)
