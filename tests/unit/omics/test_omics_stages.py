"""The stages end to end: several kinds and files, dropped features, quarantine, same bytes twice."""

import json
from pathlib import Path

import numpy as np
import pytest
from consilium.core.contract import check_block
from consilium.core.store import read_features, read_table
from consilium.omics import stages


@pytest.fixture
def sheets(tmp_path: Path) -> dict[str, Path]:
    files = {
        "counts.tsv": ("expression", "gene\tB\tA\nTP53.x\t1023\t0\nENSG00000141510.3\t3\t7\nGAP\tNA\tNA\n"),
        "more.csv": ("expression", "id,tp53.X,ENSG00000141510.9,GAP\nC,0,1,5\nA,9,9,9\n"),
        "meth.tsv": ("methylation", "cg\tA\tB\ncg1\t0.5\t1.5\ncg2\t0.1\t0.2\n"),
        "mut.tsv": ("mutation", "gene\tB\nTP53\t2\n"),
    }
    rows = []
    for name, (kind, text) in files.items():
        (tmp_path / name).write_text(text)
        rows.append(f"*\tomics\t{kind}\t{tmp_path / name}\t")
    patients, samples = tmp_path / "patients.tsv", tmp_path / "samples.tsv"
    patients.write_text("patient\tsex\tsite\nD\tmale\ts1\nC\tmale\ts1\nB\tmale\ts2\nA\tfemale\ts1\n")
    samples.write_text("\n".join(["patient\tmodality\tkind\tpath\ttaken_on", *rows]) + "\n")
    return {"samples": samples, "patients": patients}


def run(sheets: dict[str, Path], out: Path) -> None:
    stages.check(**sheets, max_instances=3, out=out / "check.tsv")
    stages.harmonise(
        **sheets, max_missing_rate=0.5, max_instances=3, features=out / "omics.zarr.zip", qc=out / "qc.tsv",
        features_qc=out / "features_qc.tsv", notes=out / "notes.json", quarantine=out / "quarantine.tsv",
    )  # fmt: skip


def test_stages(sheets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(sheets, out)
    blocks = read_features(out / "omics.zarr.zip")
    assert sorted(blocks) == ["expression", "methylation"]  # mutation has no usable value
    for name, block in blocks.items():
        check_block(name, block)
        assert block["patient"].values.tolist() == list("DCBA")
    expression = blocks["expression"]
    assert expression["feature"].values.tolist() == ["ENSG00000141510", "TP53.X"]
    np.testing.assert_allclose(expression["values"].values[1:], [[1, 0], [2, 10], [3, 0]])
    assert expression["reason"].values.tolist() == ["not supplied", "", "", ""]
    assert np.isnan(blocks["methylation"].sel(patient="B", feature="cg1")["values"])
    dropped = read_table(out / "features_qc.tsv", "omics_features").query("verdict == 'dropped'")
    assert dropped["feature"].tolist() == ["GAP"]
    assert dropped["reason"].tolist() == ["67% missing, more than 50%"]
    causes = read_table(out / "quarantine.tsv", "quarantine")["cause"].str.cat(sep=" | ")
    assert "patient 'A' also in" in causes
    assert "1.5 for cg1; allowed: a beta value from 0 to 1" in causes
    assert "2 for TP53; allowed: 0 or 1" in causes
    assert (out / "check.tsv").read_bytes() == (out / "quarantine.tsv").read_bytes()
    qc = read_table(out / "qc.tsv", "omics_qc")
    assert set(qc.loc[qc["kind"] == "expression", "scale"]) == {"log2(x+1)", "log2"}
    assert json.loads((out / "notes.json").read_text())["kinds"]["expression"]["dropped"] == 1


def test_same_input_same_bytes(sheets: dict[str, Path], tmp_path: Path) -> None:
    for name in "ab":
        run(sheets, tmp_path / name)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_no_table_at_all(sheets: dict[str, Path], tmp_path: Path) -> None:
    sheets["samples"].write_text("patient\tmodality\tkind\tpath\ttaken_on\n")
    run(sheets, tmp_path / "out")
    assert read_features(tmp_path / "out" / "omics.zarr.zip") == {}


@pytest.mark.data
def test_breast_tcga_both_orientations(real_data: Path, tmp_path: Path) -> None:
    import pandas as pd
    from consilium.omics.reading import read_matrix

    path = real_data / "multimodal/breast_tcga/data.train_mirna.csv.gz"
    frame = pd.read_csv(path, index_col=0)
    frame.T.to_csv(tmp_path / "turned.tsv", sep="\t")
    known = set(frame.index)
    as_is, turned = read_matrix(path, known), read_matrix(tmp_path / "turned.tsv", known)
    assert as_is.problems == turned.problems == []
    assert as_is.values.shape == (150, 184)
    np.testing.assert_allclose(as_is.values.to_numpy(), turned.values.to_numpy())
