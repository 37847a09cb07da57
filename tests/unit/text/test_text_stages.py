"""The stages end to end: files and tables, what is refused, features, same bytes whatever the threads."""

import json
from pathlib import Path

import numpy as np
import pytest
from consilium.core.contract import check_block
from consilium.core.store import read_features, read_table
from consilium.text import stages


@pytest.fixture
def sheets(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "a.txt": b"DIAGNOSIS:\nAdenocarcinoma, G2. Stage IIB. Margins: negative.\n",
        "a2.txt": b"FINDINGS: A 9 mm nodule. No effusion. Possible infarct. Stage IV.\n",
        "bad.txt": b"caf\xe9\n",
        "pdf.txt": b"%PDF-1.4 ...",
        "late.txt": b"Cardiomegaly.\n",
    }
    for name, raw in texts.items():
        (tmp_path / name).write_bytes(raw)
    table = 'patient\ttaken_on\ttext\nB\t2022-01-01\t"No cardiomegaly."\nZ\t\tx\nB\t01.02.22\tx\nB\t\t\n'
    (tmp_path / "reports.tsv").write_text(table)
    rows = [
        f"A\ttext\tpathology\t{tmp_path / 'a.txt'}\t2022-01-01", f"A\ttext\tradiology\t{tmp_path / 'a2.txt'}\t",
        f"C\ttext\tpathology\t{tmp_path / 'bad.txt'}\t", f"C\ttext\tradiology\t{tmp_path / 'pdf.txt'}\t",
        f"D\ttext\tradiology\t{tmp_path / 'late.txt'}\t2024-01-01", f"*\ttext\tradiology\t{tmp_path / 'reports.tsv'}\t",
    ]  # fmt: skip
    patients, samples = tmp_path / "patients.tsv", tmp_path / "samples.tsv"
    people = "".join(f"{p}\tmale\t2023-01-01\n" for p in "EDCBA")
    patients.write_text("patient\tsex\tindex_date\n" + people)
    samples.write_text("\n".join(["patient\tmodality\tkind\tpath\ttaken_on", *rows]) + "\n")
    return {"samples": samples, "patients": patients}


def run(sheets: dict[str, Path], out: Path, threads: int = 1, words: int = 0) -> None:
    stages.check(**sheets, out=out / "check.tsv")
    stages.extract(
        **sheets, most_words=words, findings=out / "findings.tsv", words=out / "words.tsv",
        documents=out / "documents.json", quarantine=out / "quarantine.tsv", threads=threads,
    )  # fmt: skip
    stages.features(
        patients=sheets["patients"], findings=out / "findings.tsv", words=out / "words.tsv",
        documents=out / "documents.json", most_words=words, features=out / "text.zarr.zip",
    )  # fmt: skip


def test_stages(sheets: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(sheets, out)
    block = read_features(out / "text.zarr.zip")["findings"]
    check_block("findings", block)
    assert block["patient"].values.tolist() == list("EDCBA")
    assert block["reason"].values.tolist() == [
        "not supplied", "only reports dated after the index date",
        "no report could be read, see cohort/text/quarantine.tsv", "", "",
    ]  # fmt: skip
    a = dict(zip(block["feature"].values, block.sel(patient="A")["values"].values, strict=True))
    assert (a["stage"], a["grade"], a["margin involvement"], a["nodule size"]) == (4, 2, 0, 9)
    assert (a["pleural effusion"], a["infarct"], a["nodule"]) == (0, 0.5, 1)
    assert np.isnan(a["cardiomegaly"])  # not mentioned is not denied
    assert block.sel(patient="B", feature="cardiomegaly")["values"] == 0
    refused = read_table(out / "quarantine.tsv", "quarantine")
    assert refused["line"].tolist() == [0, 0, 3, 4, 5]
    assert (out / "check.tsv").read_bytes() == (out / "quarantine.tsv").read_bytes()
    findings = read_table(out / "findings.tsv", "findings")
    assert set(findings["document"]) == {"pathology", "radiology", "radiology:2"}
    text = (tmp_path / "a2.txt").read_text()
    mine = findings[(findings["patient"] == "A") & (findings["document"] == "radiology")]
    assert all(text[s:e] == span for s, e, span in mine[["start", "end", "span"]].to_numpy())
    assert json.loads((out / "documents.json").read_text())["patients"]["D"][0]["after_index_date"] is True


def test_words_only_where_asked_for(sheets: dict[str, Path], tmp_path: Path) -> None:
    run(sheets, tmp_path / "none")
    assert (tmp_path / "none" / "words.tsv").read_text() == "patient\tdocument\tword\n"
    run(sheets, tmp_path / "some", words=6)
    block = read_features(tmp_path / "some" / "text.zarr.zip")["words"]
    check_block("words", block)
    said = block["values"].sel(patient="A").values
    assert " ".join(block["feature"].values[said.astype(int)]) == "<report> diagnosis adenocarcinoma g2 . stage"
    assert block["present"].values.tolist() == [False, False, False, True, True]  # E, D late, C refused, B, A


def test_same_bytes_whatever_the_threads(
    sheets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consilium.text.tables.PARALLEL_FROM", 0)
    samples = sheets["samples"].read_text()
    for i in range(60):  # more than one share
        (tmp_path / f"r{i}.txt").write_text(f"FINDINGS: {i} mm nodule. No effusion.\n")
        samples += f"A\ttext\tradiology\t{tmp_path / f'r{i}.txt'}\t\n"
    sheets["samples"].write_text(samples)
    run(sheets, tmp_path / "one", 1)
    run(sheets, tmp_path / "two", 2)
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_no_report_at_all(sheets: dict[str, Path], tmp_path: Path) -> None:
    sheets["samples"].write_text("patient\tmodality\tkind\tpath\ttaken_on\n")
    run(sheets, tmp_path / "out")
    assert read_features(tmp_path / "out" / "text.zarr.zip") == {}
