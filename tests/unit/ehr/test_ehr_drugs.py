"""Drug names: brands, salts, strengths, one typing error; never a guess beyond that."""

from pathlib import Path

import pytest
from consilium.ehr.prescriptions import generic_name, one_error, read_diagnoses, read_drugs
from consilium.ehr.reference import load_drugs
from hypothesis import given
from hypothesis import strategies as st

NAMES = load_drugs(Path(__file__).resolve().parents[3] / "resources/drug_names.tsv")


@pytest.mark.parametrize(
    ("supplied", "generic"),
    [
        ("Plavix", "clopidogrel"),
        ("CLOPIDOGREL", "clopidogrel"),
        ("clopidogel", "clopidogrel"),
        ("Warfarin sodium 5 mg", "warfarin"),
        ("metoprolol succinate ER", "metoprolol"),
        ("5-FU", "fluorouracil"),
        ("acetaminophen (Tylenol)", "paracetamol"),
        ("Obscurimab", "obscurimab"),
        ("nortriptylin", "nortriptyline"),
        ("codein", "codein"),  # too short to mend
    ],
)
def test_generic_names(supplied: str, generic: str) -> None:
    assert generic_name(supplied, NAMES)[0] == generic


def test_every_mended_or_unknown_name_is_said() -> None:
    assert "clopidogrel" in generic_name("clopidogel", NAMES)[1]
    assert "kept as supplied" in generic_name("Obscurimab", NAMES)[1]
    assert generic_name("Plavix", NAMES)[1] == ""


def test_no_two_names_are_so_near_that_a_typing_error_could_join_them() -> None:
    long = sorted(n for n in NAMES if len(n) >= 8)
    near = [(a, b) for i, a in enumerate(long) for b in long[i + 1 :] if one_error(a, b) and NAMES[a] != NAMES[b]]
    # This one pair is near: a wrong last letter is near both, and so is not mended.
    assert near == [("peginterferon alfa-2a", "peginterferon alfa-2b")]
    assert "kept" in generic_name("peginterferon alfa-2c", NAMES)[1]


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_error_is_damerau_distance_one(a: str, b: str) -> None:
    letters = "abc"
    cuts = [(a[:i], a[i:]) for i in range(len(a) + 1)]
    near = {x + y[1:] for x, y in cuts if y} | {x + c + y for x, y in cuts for c in letters}
    near |= {x + c + y[1:] for x, y in cuts if y for c in letters} | {
        x + y[1] + y[0] + y[2:] for x, y in cuts if len(y) > 1
    }
    assert one_error(a, b) == (b in near - {a})


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "drugs.tsv"
    path.write_text("patient\tdrug\tdose\tunit\tstart\tstop\nA\tPlavix\t75\tmg\t2021-01-01\t\nA\tZocor\tforty\tmg\t\t\n"
                    "A\tLipitor\t20\tmg\t2021-13-01\t\nQ\tZocor\t\t\t\t\nA\t\t\t\t\t\n")  # fmt: skip
    table, problems, notes = read_drugs(path, NAMES, {"A"})
    assert table["drug"].tolist() == ["clopidogrel", "simvastatin"]
    assert table["dose"].isna().tolist() == [False, True]
    assert sorted(p.line for p in problems) == [3, 4, 5, 6]
    assert notes == {}


def test_diagnoses(tmp_path: Path) -> None:
    path = tmp_path / "dx.csv"
    path.write_text('patient,code,system,date,label\nA,I10,ICD-10,2020-01-01,"Hypertension, essential"\nA,,ICD-10,,x\n')
    table, problems = read_diagnoses(path, {"A"})
    assert table["label"].tolist() == ["Hypertension, essential"]
    assert [p.line for p in problems] == [3]
