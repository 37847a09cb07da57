"""The cohort as a whole: same seed, same bytes; sheets that the workflow accepts; nothing overwritten."""

from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
import yaml
from consilium.core import settings, sheets
from consilium.core.errors import InputError
from consilium.core.provenance import file_digest
from consilium.simulate import cohort, images, people, sequence, strands


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """No images, few read targets and a short reference: their writers have tests of their own."""
    monkeypatch.setattr(images, "write", lambda people, root, seed: ([], {}))
    monkeypatch.setattr(images, "faults", lambda people, root, seed: ([], {}))
    write = sequence.write
    few = ("chr19", "chr22")
    monkeypatch.setattr(
        sequence, "write", lambda path, bases: write(path, {w: s for w, s in bases.items() if w.chrom in few})
    )
    every = strands.regions
    monkeypatch.setattr(strands, "regions", lambda genomes: every(genomes)[::12])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path("demo")


def _load(out):
    config = settings.validated(yaml.safe_load((out / "config.yaml").read_text()))
    return sheets.load(Path(config["patients"]), Path(config["samples"]), settings.outcome_columns(config))


@pytest.mark.slow
def test_same_seed_same_bytes_and_nothing_to_do_twice(tmp_path, monkeypatch):
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert cohort.make(Path("demo"), 8, 3)
        digests.append({str(p): file_digest(p) for p in sorted(Path("demo").rglob("*")) if p.is_file()})
    assert digests[0] == digests[1] and len(digests[0]) > 20
    assert not cohort.make(Path("demo"), 8, 3), "it is there already"
    (Path("demo") / "raw" / "genomics" / "demo_score.txt.gz").unlink()
    wanted = cohort._stamp(Path("demo"), 8, 3, False, None)
    assert not cohort._stands(Path("demo"), wanted), "a lost file is noticed"


def test_sheets_are_accepted_and_truth_is_beside(folder):
    cohort.make(folder, 24, 1, imaged=5)
    loaded = _load(folder)
    assert loaded.ids == [f"P{i:03d}" for i in range(1, 25)]
    told = {p.stem: pd.read_csv(p, sep="\t", keep_default_na=False) for p in (folder / "truth").glob("*.tsv")}
    with_images = told["people"][list(people.IMAGES)].any(axis=1)
    assert set(told["people"].loc[with_images, "patient"]) == {f"P{i:03d}" for i in range(1, 6)}
    mismatch = told["sex"][told["sex"]["mismatch"]]
    assert len(mismatch) == 1
    stated = {p.patient: p.sex for p in loaded.patients}
    assert stated[mismatch["patient"].iloc[0]] != mismatch["sex"].iloc[0]
    assert sum(not p.outcomes["diagnosis"] for p in loaded.patients) == 1
    assert not any("truth" in s.path for s in loaded.samples)
    kinds = {(s.modality, s.kind) for s in loaded.samples}
    assert {("genomics", "vcf"), ("genomics", "bam"), ("ehr", "labs"), ("text", "pathology")} <= kinds
    assert np.isclose(
        told["people"]["z_genome"].astype(float), told["polygenic"]["z_genome"].astype(float), atol=1e-5
    ).all()


def test_faults_are_extra_patients_with_a_named_cause(folder):
    cohort.make(folder, 8, 1, faults=True)
    loaded = _load(folder)
    assert [p for p in loaded.ids if p.startswith("X")] == [f"X{i:02d}" for i in range(1, cohort.EXTRA + 1)]
    told = pd.read_csv(folder / "truth" / "faults.tsv", sep="\t", keep_default_na=False)
    assert list(told.columns) == ["patient", "file", "line", "what"]
    assert all(Path(f).exists() for f in told["file"])
    assert set(told["file"]) <= {s.path for s in loaded.samples}
    genome = told[told["file"].str.contains("genomics")].set_index("what")["file"]
    with pytest.raises((OSError, ValueError, NotImplementedError)), pysam.VariantFile(genome["not a VCF"]) as vcf:
        list(vcf)
    with pysam.VariantFile(genome["GRCh37"]) as vcf:
        assert vcf.header.contigs["chr1"].length == 249250621
    assert pysam.BGZFile(genome["truncated"]).read(1) == b"#"
    assert not Path(genome["truncated BAM"]).read_bytes().endswith(bytes(8))


def test_another_folder_is_not_overwritten(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="other content"):
        cohort.make(folder, 8, 1)
    assert (folder / "thesis.txt").read_text() == "mine"


def test_too_small_is_one_message(folder):
    with pytest.raises(InputError, match="at least 6"):
        cohort.make(folder, 2, 1)
    assert not folder.exists()
