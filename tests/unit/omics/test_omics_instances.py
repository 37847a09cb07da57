"""Long tables of cells or tiles: what is read, kept and refused, whatever the order of the lines, and the block."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from consilium.core.contract import check_block
from consilium.core.sheets import Patient, Sample
from consilium.core.store import read_features, read_table
from consilium.omics import stages
from consilium.omics.bags import block, read_bags
from consilium.omics.instances import read_instances
from hypothesis import given, settings
from hypothesis import strategies as st

PEOPLE = [Patient("B", site="s1"), Patient("A", site="s2"), Patient("C", site="s1")]


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def causes(problems) -> list[tuple[int, str]]:
    return [(p.line, p.found) for p in problems]


def test_what_cannot_be_used_is_said_by_line_and_the_rest_is_read(tmp_path: Path) -> None:
    text = (
        "instance\tpatient\tg1\tg2\n"
        "c1\tA\t1,5\tNA\n"  # decimal comma, missing without a word
        "c2\tA\tx\t2\n"
        "c1\tA\t9\t9\n"
        "\n"
        "c3\tZ\t1\t1\n"
        "c4\tA\t1\n"
        "\tA\t1\t1\n"
        "c5\tB\tinf\t7\n"
    )
    features, bags, problems = read_instances(written(tmp_path / "t.tsv", text), {"A", "B"}, 9)
    assert features == ["g1", "g2"] and sorted(bags) == ["A", "B"]
    rows = sorted(map(tuple, np.nan_to_num(bags["A"].rows(), nan=-1).tolist()))
    assert rows == [(-1, 2), (1.5, -1)]
    assert causes(sorted(problems, key=lambda p: p.line)) == [
        (3, "'x' for g1"), (4, "instance 'c1' again"), (6, "patient 'Z', who is not in the patient sheet"),
        (7, "3 cells"), (8, "an empty instance"), (9, "'inf' for g1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no column patient, instance"), (b"patient,cell,g\n", "no column instance"),
     (b"patient,instance\nA,1\n", "no column of a feature"), (b"patient,instance,g,g\nA,1,2,3\n", "column 'g' again"),
     (b"patient,instance,g\n", "no rows below the header"), (b"patient,instance,g\nA,1,\xe9\n", "no text table"),
     (gzip.compress(b"patient,instance,g\nA,1,2\n", mtime=0)[:-9], "a file that cannot be read"),
     (None, "a file that cannot be read: No such file")],
)  # fmt: skip
def test_files_that_are_no_such_table(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    _, bags, problems = read_instances(str(tmp_path / "t.csv"), {"A"}, 9)
    assert len(problems) == 1 and said in problems[0].found and not bags


@settings(max_examples=25)
@given(st.permutations(range(12)), st.integers(1, 12))
def test_the_same_instances_are_kept_whatever_the_order_of_the_lines(tmp_path_factory, order, most) -> None:
    lines = [f"A,cell{i},{i}" for i in range(12)]
    path = tmp_path_factory.mktemp("t") / "t.csv"
    kept = []
    for given_order in (range(12), order):
        text = "\n".join(["patient,instance,g", *(lines[i] for i in given_order)])
        kept.append(read_instances(written(path, text), {"A"}, most)[1]["A"])
    assert np.array_equal(kept[0].rows(), kept[1].rows()) and len(kept[1].rows()) == most and kept[1].supplied == 12


def test_many_problems_of_one_cause_are_counted(tmp_path: Path) -> None:
    text = "patient,instance,g\n" + "".join(f"A,{i},1,2\n" for i in range(50))
    problems = read_instances(written(tmp_path / "t.csv", text), {"A"}, 9)[2]
    assert len(problems) == 21 and problems[-1].found == "30 more lines with a wrong number of cells"
    assert problems[-1].line == 22  # of the first that is not listed: it does not concern the file as a whole


def test_patients_of_no_sheet_are_one_problem(tmp_path: Path) -> None:
    text = "patient,instance,g\n" + "".join(f"{p},{i},1\n" for p in "AZ" for i in range(50))
    _, bags, (problem,) = read_instances(written(tmp_path / "t.csv", text), {"A"}, 9)
    assert problem.found == "patient 'Z', who is not in the patient sheet (50 rows)" and problem.line == 52
    assert list(bags) == ["A"]


def test_memory_does_not_grow_with_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consilium.omics.instances.LINES", 200)
    names, cells = ",".join(f"g{j}" for j in range(40)), ",".join(["1.5"] * 40)
    text = f"patient,instance,{names}\n" + "".join(f"A,cell{i},{cells}\n" for i in range(4_000))
    with gzip.open(tmp_path / "t.csv.gz", "wt", compresslevel=1) as handle:
        handle.write(text)
    tracemalloc.start()
    bag = read_instances(str(tmp_path / "t.csv.gz"), {"A"}, 200)[1]["A"]
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bag.supplied == 4_000 and len(bag.rows()) == 200
    assert kept < 3e5 and peak < 2e6  # every part that was read: 7e5; all lines as lists: 1e7


def test_block_of_several_files(tmp_path: Path) -> None:
    one = written(tmp_path / "1.csv", "patient,instance,g1,gap\nA,1,1,\nA,2,3,\nA,3,,\nB,1,5,1\n")
    two = written(tmp_path / "2.csv", "patient,instance,g0,g1\nA,9,9,9\nC,1,,\n")
    samples = [Sample("*", "omics", "cells", p, "", "cells", 2) for p in (one, two)]
    found = read_bags("cells", samples, PEOPLE, 0.5, 4)
    assert found is not None
    made = block(found, PEOPLE)
    check_block("cells", made)
    assert made["feature"].values.tolist() == ["g1"]  # gap and g0 have too few values
    assert made["reason"].values.tolist() == ["", "", "no usable value"]
    assert sorted(made["values"].sel(patient="A", feature="g1").values[:2]) == [1, 3]
    assert np.isnan(made["values"].values[:, 2:]).all()
    assert causes(found.problems) == [(0, f"patient 'A' also in {one}")]
    assert found.qc.set_index("patient").loc["A", "note"] == "2 of 3 instances kept"


def test_stage_writes_the_block_and_the_same_bytes_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "tiles.tsv", "patient\tinstance\tf\n" + "".join(f"A\t{i}\t{i}\n" for i in range(9)))
    patients, samples = tmp_path / "patients.tsv", tmp_path / "samples.tsv"
    patients.write_text("patient\tsex\nA\tmale\nB\tmale\n")
    samples.write_text(f"patient\tmodality\tkind\tpath\n*\tomics\ttiles\t{path}\n")
    for name in "ab":
        out = tmp_path / name
        stages.harmonise(
            samples=samples, patients=patients, max_missing_rate=0.3, max_instances=4, features=out / "omics.zarr.zip",
            qc=out / "qc.tsv", features_qc=out / "features_qc.tsv", notes=out / "notes.json",
            quarantine=out / "quarantine.tsv",
        )  # fmt: skip
    tiles = read_features(out / "omics.zarr.zip")["tiles"]
    assert tiles["values"].shape == (2, 4, 1) and tiles["present"].values.tolist() == [True, False]
    assert read_table(out / "qc.tsv", "omics_qc")["note"].tolist() == ["4 of 9 instances kept"]
    for file in sorted(out.iterdir()):
        assert file.read_bytes() == (tmp_path / "a" / file.name).read_bytes(), file.name
