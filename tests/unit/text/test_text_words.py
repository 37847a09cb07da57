"""Words of reports: what is left out as a name, date or number, what must stay, and the block."""

import string
import time

import numpy as np
import pytest
from consilium.core.contract import check_block
from consilium.core.sheets import Patient
from consilium.text import identifiers, words
from consilium.text.reading import Document
from hypothesis import given, settings
from hypothesis import strategies as st

LETTER = """PATIENT NAME: WARREN, JOHN A
MRN: 12345678  DOB: 01/02/1950
Dr. Jane Houten reviewed the CT of May 12, 2011. Warren was seen by Mary O'Brien, M.D. at Boston General.
There may be a small nodule in the left lung (pT2a N0), HER2 positive, 3.5 cm. Gleason score 3+4=7.
Call 617-555-1234 or j.warren@example.org, ward S12-3456. Dictated by: Robert Q. Public on Tuesday 3/4/2011.
No evidence of Hodgkin disease. Houten agrees. IMPRESSION: Benign.
"""
PERSONAL = {"warren", "john", "jane", "houten", "mary", "brien", "boston", "robert", "public", "example", "tuesday"}


def report(text: str, taken_on: str = "", name: str = "pathology", patient: str = "P1") -> Document:
    return Document(patient, name, "pathology", taken_on, text)


def said(letters: list[Document], patient: str = "P1") -> str:
    return " ".join(w for _, w in words.of_patient(letters, Patient(patient), 500))


def test_names_dates_and_numbers_are_left_out_and_findings_stay() -> None:
    text = said([report(LETTER)])
    assert not PERSONAL & {*text.split()}
    assert not [w for w in text.split() if len(w) > 5 and any(c.isdigit() for c in w)]
    assert "there may be a small nodule in the left lung pt2a n0 her2 positive <number> cm ." in text
    assert ". no evidence of hodgkin disease . <name> agrees . impression benign ." in text
    assert "gleason score <number>" in text and "of <date> <number> ." in text


def test_a_name_found_once_is_left_out_of_all_reports_of_the_patient_and_of_no_other() -> None:
    letters = [report("Dr. Houten called."), report("houten saw a nodule.", name="b")]
    assert said(letters) == "<report> <name> saw a nodule . <report> dr . <name> called ."
    assert said(letters[1:]) == "<report> houten saw a nodule ."
    assert said(letters[1:], "Houten") == "<report> <name> saw a nodule ."


def test_newest_report_first_none_after_the_index_date_and_no_more_than_asked() -> None:
    dated = [report("old.", "2020-01-01", "a"), report("new.", "2021-05-01", "b"), report("late.", "2022-01-02", "c"),
             report("sometime.", "", "d")]  # fmt: skip
    person = Patient("P1", index_date="2022-01-01")
    every = words.of_patient(dated, person, 99)
    assert [w for _, w in every if w not in ("<report>", ".")] == ["new", "old", "sometime"]
    assert every[0] == ("b", "<report>") and words.of_patient(dated, person, 4) == every[:4]


def test_a_run_in_capitals_does_not_hide_what_was_done() -> None:
    found = words.words("DR. SMITH WAS CALLED ABOUT THE NODULE", identifiers.hidden(["DR. SMITH WAS CALLED"]))
    assert found[-3:] == ["about", "the", "nodule"] and "smith" not in found


@settings(max_examples=100)
@given(st.text(alphabet=string.ascii_letters + string.digits + " .,:;/-@\n'é", max_size=200))
def test_no_word_holds_more_than_two_digits_or_a_capital(text: str) -> None:
    for word in words.words(text):
        assert word in words.MARKS or sum(c.isdigit() for c in word) <= 2
        assert word == word.lower() and word.strip() and "@" not in word


@pytest.mark.parametrize("odd", ["A", "a", "_", "A-", "1.", "A.", "1", "a@", "Dr ", "A ", "name:", "A'", "1/", "aA"])
def test_odd_texts_take_no_longer_than_others(odd: str) -> None:
    begin = time.process_time()
    words.of_patient([report(odd * (60_000 // len(odd)))], Patient("P1"), 100)
    assert time.process_time() - begin < 2  # quadratic: minutes


def test_block() -> None:
    people = [Patient("B"), Patient("A"), Patient("C")]
    block = words.block([("A", "x"), ("A", "y"), ("B", "y")], {"A": "", "B": "", "C": "not supplied"}, people, 3)
    check_block("words", block)
    assert block["feature"].values.tolist() == ["x", "y"]
    np.testing.assert_array_equal(block["values"], [[1, np.nan, np.nan], [0, 1, np.nan], [np.nan] * 3])
