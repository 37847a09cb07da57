"""Health records of the demo cohort: same seed, same bytes; the planted flaws are there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.simulate import labs


def cohort(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "patient": [f"P{i:03d}" for i in range(1, n + 1)],
            "site": [f"site_{1 + i % 3}" for i in range(n)],
            "index_date": "2023-05-10",
            "z_lab": rng.normal(size=n),
            "has_labs": [i != 0 for i in range(n)],
        }
    )


def test_same_seed_same_bytes_and_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        labs.write(cohort(), tmp_path / name, seed)
    a, b, c = ((tmp_path / n / "raw" / "ehr" / "labs.tsv").read_bytes() for n in "abc")
    assert a == b != c


def test_a_patient_does_not_depend_on_the_others(tmp_path: Path) -> None:
    labs.write(cohort(), tmp_path / "all", 1)
    labs.write(cohort().tail(1), tmp_path / "one", 1)
    one = (tmp_path / "one/raw/ehr/labs.tsv").read_text().splitlines()[1:]
    assert one == (tmp_path / "all/raw/ehr/labs.tsv").read_text().splitlines()[-len(one) :]


def test_planted_flaws_and_rows(tmp_path: Path) -> None:
    samples, truth = labs.write(cohort(), tmp_path, 1)
    assert [s["kind"] for s in samples] == ["labs", "vitals", "drugs", "diagnoses"]
    table = pd.read_csv(tmp_path / "raw/ehr/labs.tsv", sep="\t", dtype=str)
    assert "P001" not in set(table["patient"])
    comma = table["value"].str.contains(",")
    site = table["patient"].map(cohort().set_index("patient")["site"])
    assert set(site[comma]) == {"site_2"}
    assert not table["value"].str.fullmatch(r"\d+,\d{3}").any()  # could be read as thousands
    assert truth["labs_counts"]["after_index"].sum() > 0
    assert truth["labs_counts"]["duplicates"].sum() > 0
    assert set(table["unit"]) >= {"mg/dL", "µmol/L", "mmol/L", "g/L", "g/dL"}


def test_the_cause_moves_inflammation_only(tmp_path: Path) -> None:
    people = cohort(240).assign(has_labs=True)
    _, truth = labs.write(people, tmp_path, 1)
    level = truth["labs"].pivot(index="patient", columns="analyte", values="level")
    shift = level.corrwith(people.set_index("patient")["z_lab"])
    up, down = ["crp", "creatinine", "platelets", "leukocytes"], ["albumin", "hemoglobin"]
    assert shift[up].min() > 0.5
    assert shift[down].max() < -0.5
    assert shift.drop([*up, *down]).abs().max() < 0.25


def test_faults_name_their_line(tmp_path: Path) -> None:
    samples, truth = labs.faults(cohort(), tmp_path, 1)
    assert [s["kind"] for s in samples] == ["labs", "vitals"]
    lines = Path(samples[0]["path"]).read_text().splitlines()
    bad = truth["faults"].set_index("what")["line"]
    assert "furlong" in lines[bad["unknown unit"] - 1]
    assert "haemolysed" in lines[bad["letters for a number"] - 1]


@pytest.mark.parametrize("name", ["clopidogrel", "warfarin", "simvastatin", "siponimod", "metformin"])
def test_drug_pool_holds(name: str) -> None:
    from consilium.simulate.records import GUIDED, UNGUIDED

    assert name in {d[0] for d in (*GUIDED, *UNGUIDED)}
