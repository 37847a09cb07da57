"""The stages over a small cohort: outputs, contract, identifiers, broken files, same bytes with any number of cores."""

import gzip
from pathlib import Path

import pandas as pd
import pytest
from consilium.core import store
from consilium.imaging import stages
from consilium.simulate import images
from imaging_cases import people

pytestmark = pytest.mark.slow


def sheets(root: Path, table: pd.DataFrame, rows: list[dict[str, str]]) -> tuple[Path, Path]:
    columns = ["patient", "modality", "kind", "path", "taken_on"]
    pd.DataFrame(rows)[columns].to_csv(root / "samples.tsv", sep="\t", index=False)
    table[["patient", "sex", "birth_year", "site", "index_date"]].to_csv(root / "patients.tsv", sep="\t", index=False)
    return root / "patients.tsv", root / "samples.tsv"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, dict[str, pd.DataFrame]]:
    """One CT, one PET, every fault at a third, a fourth without images; all stages run."""
    root = tmp_path_factory.mktemp("cohort")
    good = people(2).assign(has_ct=[True, False], has_pet=[False, True])
    bad = people(1).assign(patient="X01")
    rows, truth = images.write(good, root, 3)
    broken, told = images.faults(bad, root, 3)
    table = pd.concat([good, bad, people(1).assign(patient="N01")])
    patients, samples = sheets(root, table, rows + broken)
    stages.check(samples, root / "check.tsv")
    for name, threads in (("one", 1), ("two", 2)):
        stages.process(samples, "P001,P002,X01,N01", root / name, root / f"{name}.json", '{"grid_mm": 8}', threads)
        stages.features(
            [root / f"{name}.json"], patients, samples, root / f"{name}.zarr.zip", root / f"{name}_qc.tsv",
            root / f"{name}_quarantine.tsv",
        )  # fmt: skip
    truth["identifiers"] = pd.concat([truth["identifiers"], told["identifiers"]])
    return root, {**truth, "faults": told["faults"]}


def outputs(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file())


def test_no_planted_identifier_in_any_output(run) -> None:
    root, truth = run
    wanted = sorted(set(truth["identifiers"]["value"]))
    assert len(wanted) > 40
    raw = b"".join(p.read_bytes() for p in outputs(root / "raw"))
    assert sum(value.encode() in raw for value in wanted) > 30  # they are there to be found
    results = [*outputs(root / "one"), *root.glob("*.json"), *root.glob("*.zip"), *root.glob("*.tsv")]
    for file in results:
        if file.name in ("samples.tsv", "patients.tsv"):
            continue
        content = file.read_bytes()
        content += gzip.decompress(content) if file.suffix == ".gz" else b""
        assert not [value for value in wanted if value.encode() in content], file


def test_every_fault_is_named_in_check_and_in_quarantine(run) -> None:
    root, truth = run
    for name in ("check.tsv", "one_quarantine.tsv"):
        listed = store.read_table(root / name, "quarantine")
        for file, what in truth["faults"].itertuples(index=False):
            causes = " ".join(listed.loc[listed["file"] == file, "cause"])
            assert what in causes, (name, file, what, causes)
        assert set(listed["patient"]) == {"X01"}


def test_blocks_cover_every_patient_with_a_reason(run) -> None:
    root, _ = run
    blocks = store.read_features(root / "one.zarr.zip")
    assert set(blocks) == {"ct", "pet"}
    for name, present in (("ct", [True, False]), ("pet", [False, True])):
        block = blocks[name]
        assert list(block["patient"].values) == ["P001", "P002", "X01", "N01"]
        assert list(block["present"].values) == [*present, False, False]
        assert block["reason"].values[3] == "not supplied"
        assert "not usable" in block["reason"].values[2]
    assert float(blocks["pet"].sel(feature="suv_mean", patient="P002")["values"]) > 1


def test_same_bytes_with_one_and_two_processes(run) -> None:
    root, _ = run
    one, two = ([p for p in outputs(root / n) if p.name != "stamp.json"] for n in ("one", "two"))
    assert [p.relative_to(root / "one") for p in one] == [p.relative_to(root / "two") for p in two]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))
    assert (root / "one.zarr.zip").read_bytes() == (root / "two.zarr.zip").read_bytes()
    assert (root / "one_qc.tsv").read_bytes() == (root / "two_qc.tsv").read_bytes()


def test_quality_table_has_one_verdict_a_sample(run) -> None:
    root, _ = run
    table = store.read_table(root / "one_qc.tsv", "image_qc")
    assert set(table["sample"]) == {"CT", "PET"}
    assert (table.groupby(["patient", "sample"])["verdict"].nunique() == 1).all()


def test_the_same_scan_of_two_patients_is_flagged(tmp_path: Path) -> None:
    table = people(2)
    rows, _ = images.write(people(1, has_ct=True), tmp_path, 3)
    twin = {**rows[0], "patient": "P002"}
    patients, samples = sheets(tmp_path, table, [*rows, twin])
    stages.process(samples, "P001,P002", tmp_path / "r", tmp_path / "m.json")
    stages.features(
        [tmp_path / "m.json"], patients, samples, tmp_path / "f.zip", tmp_path / "qc.tsv", tmp_path / "q.tsv"
    )
    table = store.read_table(tmp_path / "qc.tsv", "image_qc")
    assert set(table["verdict"]) == {"flag"}
    assert table["reason"].str.contains("same voxels as").all()
