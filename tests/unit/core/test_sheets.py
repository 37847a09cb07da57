"""Sheets: every problem of both files at once, with file and line; good sheets read as written."""

from pathlib import Path

import pytest
from consilium.core import sheets
from consilium.core.errors import InputError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "a.vcf.gz").write_text("x")

    def _write(patients: str, samples: str) -> tuple[Path, Path]:
        p, s = tmp_path / "patients.tsv", tmp_path / "samples.tsv"
        p.write_text(patients)
        s.write_text(samples.replace("FILE", str(tmp_path / "a.vcf.gz")))
        return p, s

    return _write


GOOD_PATIENTS = (
    "patient\tsex\tbirth_year\tsite\tfamily\tindex_date\tresponse\n"
    "P1\tfemale\t1950\ts1\t\t2024-01-31\t1\nP2\t\t\t\tF1\t\t0\n"
)
GOOD_SAMPLES = (
    "patient\tmodality\tkind\tpath\ttaken_on\nP1\tgenomics\tvcf\tFILE\t\n*\tgenomics\tvcf\tFILE\t2024-01-01\n"
)


def test_good_sheets_are_read_as_written(write):
    found = sheets.load(*write(GOOD_PATIENTS, GOOD_SAMPLES), outcomes=["response"])
    assert found.ids == ["P1", "P2"]
    assert found.patients[0].birth_year == 1950 and found.patients[0].outcomes == {"response": "1"}
    assert found.patients[1].sex == "unknown" and found.patients[1].family == "F1"
    assert [s.patient for s in found.of("genomics")] == ["P1", "*"]
    assert found.of("genomics", ["P1"])[0].line == 2


def test_samples_of_one_kind_are_numbered(write):
    rows = "patient\tmodality\tkind\tpath\nP1\timaging\tT1\tFILE\nP1\timaging\tT1\tFILE.\n"
    _, s = write(GOOD_PATIENTS, rows)
    assert [x.sample for x in sheets.read_samples(s)] == ["T1", "T1-2"]


def test_every_problem_of_both_sheets_is_reported_at_once_with_its_line(write):
    patients = (
        "patient\tsex\tbirth_year\tage\tresponse\n"
        "P1\tfemale\t1950\t3\t1\n"
        "P1\tmale\t1950\t3\t1\n"
        "P 3\tmale\t1950\t3\t1\n"
        "P4\tman\t1492\t3\t1\n"
        "P5\tmale\n"
    )
    samples = (
        "patient\tmodality\tkind\tpath\ttaken_on\n"
        "P9\tgenomics\tvcf\tFILE\t\n"
        "P1\tgenome\tvcf\tFILE\t\n"
        "P1\tgenomics\tdoc\tFILE\t\n"
        "P1\tgenomics\tvcf\t/no/such\t\n"
        "P1\tehr\tlabs\tFILE\t\n"
        "*\timaging\tT1\tFILE\t\n"
        "P1\tgenomics\tvcf\tFILE\t31.1.2024\n"
        "P1\tgenomics\tvcf\tFILE\t\n"
    )
    with pytest.raises(InputError) as caught:
        sheets.load(*write(patients, samples), outcomes=["response"])
    places = {(Path(p.file).name, p.line) for p in caught.value.problems}
    assert places >= {("patients.tsv", n) for n in (1, 3, 4, 5, 6)}
    assert places >= {("samples.tsv", n) for n in (2, 3, 4, 5, 6, 7, 8, 9)}
    text = str(caught.value)
    for words in ("unknown column 'age'", "again (first in line 2)", "not in the patient sheet", "does not exist",
                  "the same row as line 8", "sex 'man'", "birth_year '1492'"):  # fmt: skip
        assert words in text, words


def test_a_row_with_one_fault_is_judged_to_its_end(write):
    patients = "patient\tsex\tindex_date\nP1\tmale\t\nP1\tman\t1.1.2024\nP 2\tman\t1.1.2024\n"
    samples = "patient\tmodality\tkind\tpath\ttaken_on\nP9\tgenome\tvcf\t/no/such\t31.1.2024\n"
    with pytest.raises(InputError) as caught:
        sheets.load(*write(patients, samples))
    told = [(Path(p.file).name, p.line, p.found.split(" '")[0]) for p in caught.value.problems]
    twice = ["index_date", "patient", "sex"]
    assert [(line, what) for name, line, what in told if name == "patients.tsv"] == [
        *((3, what) for what in twice), *((4, what) for what in twice)]  # fmt: skip
    assert {what for name, _, what in told if name == "samples.tsv"} == {"patient", "modality", "path", "taken_on"}


def test_age_is_of_the_index_date_and_never_negative(write):
    head = "patient\tsex\tbirth_year\tindex_date\n"
    found = sheets.load(
        *write(f"{head}P1\tmale\t1950\t2020-06-01\nP2\t\t1950\t\nP3\tmale\t\t2020-06-01\n", GOOD_SAMPLES)
    )
    assert [p.age for p in found.patients] == [70, None, None]
    assert [bool(p.lacks_demographics) for p in found.patients] == [False, True, False]
    with pytest.raises(InputError, match="before birth_year '2021'"):
        sheets.load(*write(f"{head}P1\tmale\t2021\t2020-06-01\n", GOOD_SAMPLES))


def test_names_and_years_that_cannot_be_are_problems(write):
    patients = f"patient\tsex\tbirth_year\nP1\tmale\t{'1' * 5000}\n"
    samples = f"patient\tmodality\tkind\tpath\nP1\tgenomics\tvcf\t{'x' * 5000}\n"
    with pytest.raises(InputError) as caught:
        sheets.load(*write(patients, samples))
    assert [p.found.split(" '")[0] for p in caught.value.problems] == ["birth_year", "path"]


@pytest.mark.parametrize("mark", [";", ",", "|"])
def test_columns_that_are_not_separated_by_tabs_are_one_problem(write, mark):
    with pytest.raises(InputError) as caught:
        sheets.load(*write(f"patient{mark}sex\nP1{mark}male\n", GOOD_SAMPLES))
    (problem,) = caught.value.problems  # the samples' patients are not called unknown, too
    assert problem.found == f"columns separated by '{mark}'" and "tabs" in problem.allowed


@pytest.mark.parametrize("cells, words", [("1\n", "constant: 1"), ("\n", "is empty")])
def test_an_outcome_without_two_values_is_refused(write, cells, words):
    patients = f"patient\tsex\tresponse\nP1\tmale\t{cells}P2\tmale\t{cells}"
    with pytest.raises(InputError, match=words):
        sheets.load(*write(patients, GOOD_SAMPLES.replace("P1\t", "P2\t")), outcomes=["response"])


def test_missing_and_undecodable_sheets(tmp_path):
    (tmp_path / "s.tsv").write_bytes(b"patient\tmodality\xff\n")
    with pytest.raises(InputError) as caught:
        sheets.load(tmp_path / "none.tsv", tmp_path / "s.tsv")
    assert "no such file" in str(caught.value) and "not UTF-8" in str(caught.value)


def test_header_only_sheet_says_what_to_do(write):
    with pytest.raises(InputError, match="no patients"):
        sheets.load(*write("patient\tsex\n", "patient\tmodality\tkind\tpath\n"))


@given(st.text(alphabet="ab1\t\n\r*#\"' é,", max_size=200), st.text(alphabet="ab1\t\n*\"'", max_size=200))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_makes_a_traceback(tmp_path, patients, samples):
    p, s = tmp_path / "p.tsv", tmp_path / "s.tsv"
    for heads in (("patient\tsex\n", "patient\tmodality\tkind\tpath\n"), ("", "")):
        p.write_text(heads[0] + patients, newline="")
        s.write_text(heads[1] + samples, newline="")
        try:
            sheets.load(p, s)
        except InputError as error:
            assert error.problems


def test_when_a_model_is_applied_outcomes_may_be_there_but_need_not(write):
    patients = "patient\tsex\tresponse\nP1\tmale\t1\nP2\tmale\t1\n"
    files = write(patients, GOOD_SAMPLES)
    found = sheets.load(*files, outcomes=["response", "other"], outcomes_needed=False)
    assert found.patients[0].outcomes == {"response": "1"}


def test_a_series_is_a_number_and_only_of_images(write):
    head = "patient\tmodality\tkind\tpath\tseries\n"
    patients, samples = write("patient\tsex\nP1\tmale\n", head + "P1\timaging\tT1\t.\t3\nP1\timaging\tT1\t.\t4\n")
    assert [(s.sample, s.series) for s in sheets.load(patients, samples).samples] == [("T1", 3), ("T1-2", 4)]
    patients, samples = write("patient\tsex\nP1\tmale\n", head + "P1\timaging\tT1\t.\tx\nP1\ttext\tpathology\t.\t3\n")
    with pytest.raises(InputError) as error:
        sheets.load(patients, samples)
    assert sorted((p.line, p.found) for p in error.value.problems) == [
        (2, "series 'x' for imaging T1"),
        (3, "series '3' for text pathology"),
    ]
