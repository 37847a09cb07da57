"""The stages end to end on a small cohort: outputs, quarantine, same bytes twice."""

import json
from pathlib import Path

import pytest
from consilium.core.contract import check_block
from consilium.core.store import read_features, read_table
from consilium.ehr import stages

ROOT = Path(__file__).resolve().parents[3] / "resources"
LABS = """patient,analyte,value,unit,taken_on
A,Creatinine,"88,4",µmol/L,2022-12-01 08:00
A,Creatinine,1.1,mg/dL,2022-06-01
A,Sodium,9,mmol/L,2022-12-01
B,HGB,6.0,g/dL,2022-11-30
Z,HGB,6.0,g/dL,2022-11-30
"""


@pytest.fixture
def sheets(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "labs.csv").write_text(LABS, encoding="utf-8")
    (tmp_path / "drugs.tsv").write_text("patient\tdrug\nA\tPlavix\n")
    patients, samples = tmp_path / "patients.tsv", tmp_path / "samples.tsv"
    people = ("B\tmale\t1950\t2023-01-01", "A\tfemale\t1960\t2023-01-01", "C\tunknown\t\t")
    patients.write_text("\n".join(["patient\tsex\tbirth_year\tindex_date", *people]) + "\n")
    rows = [f"*\tehr\t{kind}\t{tmp_path / file}\t" for kind, file in (("labs", "labs.csv"), ("drugs", "drugs.tsv"))]
    samples.write_text("\n".join(["patient\tmodality\tkind\tpath\ttaken_on", *rows]) + "\n")
    return {"samples": samples, "patients": patients}


def run(sheets: dict[str, Path], out: Path) -> None:
    tables = {k: ROOT / f"{k}.tsv" for k in ("analytes", "units", "drug_names")}
    stages.check(**sheets, **tables, out=out / "check.tsv")
    stages.harmonise(
        **sheets, **tables, ranges=ROOT / "reference_ranges.tsv", observations=out / "observations.parquet",
        alerts=out / "alerts.tsv", drugs=out / "drugs.tsv", diagnoses=out / "diagnoses.tsv", notes=out / "notes.json",
        quarantine=out / "quarantine.tsv",
    )  # fmt: skip
    stages.features(
        **sheets, observations=out / "observations.parquet", notes=out / "notes.json", window_days=365, bins=12,
        features=out / "ehr.zarr.zip",
    )  # fmt: skip


def test_stages(sheets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(sheets, out)
    rows = read_table(out / "observations.parquet", "observations")
    assert rows["value"].tolist() == pytest.approx([1.1, 1.0, 6.0], abs=1e-3)
    assert read_table(out / "alerts.tsv", "alerts")["alert"].tolist() == ["critically low"]
    assert read_table(out / "drugs.tsv", "drugs")["drug"].tolist() == ["clopidogrel"]
    assert read_table(out / "diagnoses.tsv", "diagnoses").empty
    refused = read_table(out / "quarantine.tsv", "quarantine")
    assert refused["line"].tolist() == [4, 6]
    assert refused["patient"].tolist() == ["A", "*"]
    assert (out / "check.tsv").read_bytes() == (out / "quarantine.tsv").read_bytes()
    blocks = read_features(out / "ehr.zarr.zip")
    assert sorted(blocks) == ["series", "summary"]
    for name, block in blocks.items():
        check_block(name, block)
        assert block["patient"].values.tolist() == ["B", "A", "C"]
    assert blocks["series"]["reason"].values[2] == "not supplied"
    assert json.loads((out / "notes.json").read_text())["refused"] == {"A": 1}


def test_same_input_same_bytes(sheets: dict[str, Path], tmp_path: Path) -> None:
    for name in "ab":
        run(sheets, tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_no_table_at_all(sheets: dict[str, Path], tmp_path: Path) -> None:
    sheets["samples"].write_text("patient\tmodality\tkind\tpath\ttaken_on\n")
    run(sheets, tmp_path / "out")
    assert sorted(read_features(tmp_path / "out" / "ehr.zarr.zip")) == []
