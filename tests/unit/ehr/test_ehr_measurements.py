"""Values, units, dates: what is read, what is refused and with which words."""

from pathlib import Path

import pytest
from consilium.core.sheets import Patient
from consilium.ehr.measurements import read_measurements
from consilium.ehr.reference import Units, load_units, plain_unit
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = {
    "A": Patient("A", "female", 1960, index_date="2023-01-10"),
    "B": Patient("B", "male", 1970, index_date=""),
}


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "resources/analytes.tsv", ROOT / "resources/units.tsv")


def read(tmp_path: Path, units: Units, *rows: str, header: str = "patient\tanalyte\tvalue\tunit\ttaken_on"):
    path = tmp_path / "labs.tsv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_measurements(path, "labs", units, PEOPLE)


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "expected"),
    [
        ("Creatinine", "88.42", "µmol/L", 1.0),
        ("CREA", "88.42", "umol/l", 1.0),
        ("2160-0", "0.9", "mg/dL", 0.9),  # LOINC
        ("Glucose", "5.55", "mmol/L", 99.99),
        ("HbA1c", "48", "mmol/mol", 6.54),  # NGSP: 48 mmol/mol = 6.5 %
        ("Hemoglobin", "139", "g/L", 13.9),
        ("Platelets", "250000", "/µL", 250.0),
        ("Platelets", "250", "x10E9/L", 250.0),
        ("Platelets", "250", "10⁹/L", 250.0),
        ("WBC", "6,8", "10*3/uL", 6.8),
        ("CRP", "1.2", "mg/dL", 12.0),
        ("CRP", "<0.5", "mg/L", 0.25),
        ("CRP", "> 300", "mg/L", 300.0),
        ("Temp", "98.6", "°F", 37.0),
        ("Weight", "165.35", "lb", 75.0),
        ("ALT", "0.5", "µkat/L", 30.0),
        ("Calcium", "2.5", "mmol/L", 10.02),
        ("pH", "7.4", "", 7.4),
    ],
)
def test_conversions(tmp_path: Path, units: Units, analyte: str, value: str, unit: str, expected: float) -> None:
    table, problems, _ = read(tmp_path, units, f"A\t{analyte}\t{value}\t{unit}\t2022-12-01")
    assert problems == []
    assert table["value"].iloc[0] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A\tCreatinine\t1\tfurlong\t2022-12-01", "allowed: mg/dL, µmol/L"),
        ("A\tCreatinine\t1\t\t2022-12-01", "unit ''"),
        ("A\tSodium\t14000\tmmol/L\t2022-12-01", "80 to 200 mmol/L"),
        ("A\tSodium\thigh\tmmol/L\t2022-12-01", "value 'high'"),
        ("A\tSodium\tnan\tmmol/L\t2022-12-01", "value 'nan'"),
        ("A\tSodium\t140\tmmol/L\t2022-02-31", "a date that exists"),
        ("A\tSodium\t140\tmmol/L\t01/02/2022", "YYYY-MM-DD"),
        ("A\tSodium\t140\tmmol/L\t1950-01-01", "not before the year of birth"),
        ("Z\tSodium\t140\tmmol/L\t2022-12-01", "who is not in the patient sheet"),
        ("A\tPlatelets\t1,234\t10^9/L\t2022-12-01", "without thousands separators"),
        ("A\tSodium\t140\tmmol/L", "4 cells"),
    ],
)
def test_a_bad_row_is_refused_and_the_others_kept(tmp_path: Path, units: Units, row: str, words: str) -> None:
    table, problems, _ = read(tmp_path, units, "A\tPotassium\t4.1\tmmol/L\t2022-12-01", row)
    assert len(table) == 1
    assert len(problems) == 1
    assert words in problems[0].cause
    assert problems[0].line == 3


def test_decimal_commas_are_known_from_the_patients_other_values(tmp_path: Path, units: Units) -> None:
    rows = ["A\tCreatinine\t75,978\tµmol/L\t2022-12-01", "A\tPotassium\t4,1\tmmol/L\t2022-12-01"]
    table, problems, _ = read(tmp_path, units, *rows)
    assert problems == []
    assert table["value"].tolist() == pytest.approx([75.978 / 88.42, 4.1])


def test_after_the_index_date_dropped_and_counted_but_the_day_itself_kept(tmp_path: Path, units: Units) -> None:
    days = ["2023-01-09T10:00", "2023-01-10T23:00", "2023-01-11", "2023-02-01"]
    table, problems, counts = read(tmp_path, units, *(f"A\tNa\t140\tmmol/L\t{d}" for d in days))
    assert table["taken_on"].tolist() == days[:2]
    assert counts.after_index == {"A": 2}
    assert problems == []


def test_no_index_date_keeps_all_without_days(tmp_path: Path, units: Units) -> None:
    table, _, _ = read(tmp_path, units, "B\tNa\t140\tmmol/L\t2030-01-01")
    assert table["days"].isna().all()


def test_repeats_are_dropped_and_counted(tmp_path: Path, units: Units) -> None:
    row = "A\tNa\t140\tmmol/L\t2022-12-01"
    table, _, counts = read(tmp_path, units, row, row, "A\tSodium\t140\tmEq/L\t2022-12-02")
    assert (len(table), counts.duplicates) == (2, 1)


def test_unlisted_analyte_kept_with_one_unit_refused_with_two(tmp_path: Path, units: Units) -> None:
    table, problems, counts = read(
        tmp_path, units, "A\tZonulin\t3\tng/mL\t2022-12-01", "A\tFoo\t1\ta\t2022-12-01", "A\tFoo\t1\tb\t2022-12-01"
    )
    assert table["analyte"].tolist() == ["zonulin"]
    assert counts.unlisted == {"zonulin": "ng/mL"}
    assert len(problems) == 2


def test_lacking_column_is_one_problem_with_all_names(tmp_path: Path, units: Units) -> None:
    table, problems, _ = read(tmp_path, units, "A\tNa\t140\t2022-12-01", header="patient\tanalyte\tvalue\ttaken_on")
    assert table.empty
    assert [p.found for p in problems] == ["no column 'unit' (columns: patient, analyte, value, taken_on)"]


def test_a_thousand_bad_rows_are_twenty_lines_and_a_count(tmp_path: Path, units: Units) -> None:
    _, problems, counts = read(tmp_path, units, *["A\tNa\tx\tmmol/L\t2022-12-01"] * 1000)
    assert len(problems) == 21
    assert any("980 more" in p.found for p in problems)
    assert counts.refused == {"A": 1000}


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00p", b"\x1f\x8bbroken", b"patient\xe9\tx\n", b"PK\x03\x04\0\0"])
def test_broken_files_are_one_problem(tmp_path: Path, units: Units, raw: bytes) -> None:
    path = tmp_path / "labs.tsv"
    path.write_bytes(raw)
    table, problems, _ = read_measurements(path, "labs", units, PEOPLE)
    assert table.empty
    assert problems
    assert all(p.file == str(path) for p in problems)


cells = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters='\t\n\r"\0\x0b\x0c\x1c\x1d\x1e\x85'), max_size=12
)


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(st.sampled_from("AZ"), cells, cells, cells, cells), min_size=1, max_size=5))
def test_anything_in_the_cells_ends_in_a_row_or_a_problem(tmp_path_factory, rows) -> None:  # type: ignore[no-untyped-def]
    known = load_units(ROOT / "resources/analytes.tsv", ROOT / "resources/units.tsv")
    path = tmp_path_factory.mktemp("any") / "labs.tsv"
    lines = ["patient\tanalyte\tvalue\tunit\ttaken_on", *("\t".join(r) for r in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    table, problems, _ = read_measurements(path, "labs", known, PEOPLE)
    assert len(table) + len(problems) > 0


@pytest.mark.parametrize("text", ["10^9/L", "x10^9/L", "10*9/L", "10E9/L", "10⁹/L", "×10⁹/L", " 10^9 / l"])
def test_one_spelling_of_a_unit(text: str) -> None:
    assert plain_unit(text) == "10^9/l"
