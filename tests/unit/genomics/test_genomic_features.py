"""Genotype stores as folder and zip, the stages end to end on a small store, and the feature block."""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr
from consilium.core.contract import check_block
from consilium.core.errors import InputError
from consilium.core.store import read_features, read_table, write_table
from consilium.genomics import stages
from consilium.genomics.cohort.genotypes import open_genotypes
from consilium.genomics.genomic_features import absent_reasons, decreased_alleles, first_causes, variants_block
from star_fixtures import GENES, TABLES, fill_group, gene_rows
from vcf_files import SITES


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Three patients in the sheet, two of them with genotypes: TPMT *1/*3C and reference, CYP3A5 untested."""
    gene = GENES["TPMT"]
    codes = np.zeros((len(gene.loci), 2), dtype=np.int8)
    codes[gene.locus("rs1142345")] = (0, 1)
    rows = [(*r[:4], [r[4][0], "0/0"]) for r in gene_rows(gene, codes)]
    rows += [("chr1", i, "A", "G", ["0/1", "1/1"]) for i in range(100, 104)]
    fill_group(zarr.open_group(str(tmp_path / "g.vcz"), mode="w", zarr_format=2), rows, ["P1", "P2"])
    (tmp_path / "patients.tsv").write_text("patient\tsex\nP1\tfemale\nP2\tmale\nP3\tunknown\n")
    (tmp_path / "lab.tsv").write_text("CYP2D6\t*1/*4\nCYP9\t*1/*1\n")
    (tmp_path / "samples.tsv").write_text(
        "patient\tmodality\tkind\tpath\nP1\tgenomics\tvcf\ta\nP2\tgenomics\tvcf\tb\n"
        f"P1\tgenomics\tpgx_calls\t{tmp_path / 'lab.tsv'}\n"
    )
    (tmp_path / "panel.tsv").write_text("chrom\tpos\tref\talt\tAFR\tEUR\nchr1\t100\tA\tG\t0.1\t0.2\n")
    ancestry = {"patient": ["P1", "P2"], "n_sites": [9, 9], "population": ["EUR", "not assessed"],
                "probability": [0.9, math.nan], "outside_p": [0.5, math.nan], "reason": ["", "few sites"],
                "p_AFR": [0.1, math.nan], "p_EUR": [0.9, math.nan]}  # fmt: skip
    write_table(tmp_path / "ancestry.tsv", "ancestry", pd.DataFrame(ancestry))
    qc = {"patient": ["P1", "P2"], "source": "vcf", "n_sites": 9, "n_called": 9, "missing_rate": 0.0, "het_rate": 0.1,
          "titv": 2.0, "n_singletons": 0, "x_het_rate": 0.1, "sex_sheet": "unknown", "sex_inferred": "unknown",
          "verdict": ["keep", "flag"], "reason": ["", "high missing rate"]}  # fmt: skip
    write_table(tmp_path / "qc.tsv", "samples_qc", pd.DataFrame(qc))
    (tmp_path / "good.txt").write_text(
        "#pgs_id=PGS9\n#genome_build=GRCh38\nchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
        + "".join(f"1\t{i}\tG\tA\t0.5\n" for i in range(100, 104))
    )
    (tmp_path / "bad.txt").write_text("not a score")
    return tmp_path


def run(cohort: Path, scores: list[Path]) -> None:
    at = cohort / "out"
    stages.pharmacogenes(
        cohort / "g.vcz", cohort / "patients.tsv", cohort / "samples.tsv", TABLES, cohort / "ancestry.tsv",
        at / "patients", at / "ph.tsv", at / "ph_problems.tsv",
    )  # fmt: skip
    stages.polygenic(
        cohort / "g.vcz", cohort / "patients.tsv", cohort / "ancestry.tsv", cohort / "panel.tsv", SITES,
        at / "pg.tsv", at / "m.parquet", at / "adjusted.tsv", at / "q.tsv", scores,
    )  # fmt: skip
    stages.features(
        cohort / "patients.tsv", cohort / "samples.tsv", cohort / "qc.tsv", cohort / "ancestry.tsv", at / "ph.tsv",
        at / "pg.tsv", TABLES, at / "f.zarr.zip", at / "quarantine.tsv", [at / "q.tsv"],
    )  # fmt: skip


def test_stages_from_genotypes_to_features(cohort: Path) -> None:
    run(cohort, [cohort / "good.txt", cohort / "bad.txt"])
    out = cohort / "out"
    calls = read_table(out / "ph.tsv", "pharmacogenes").set_index(["patient", "gene"])
    assert len(calls) == 3 * len(GENES)
    assert calls.loc[("P1", "TPMT"), "diplotypes"] == "*1/*3C"
    assert calls.loc[("P1", "CYP3A5"), "call"] == "not_called" and calls.loc[("P1", "CYP3A5"), "untested"] == 5
    assert calls.loc[("P3", "TPMT"), "reason"] == "no genotypes of this patient"
    facts = json.loads((out / "patients" / "P1" / "genomics" / "pharmacogenes.json").read_text())
    tpmt = next(f for f in facts if f["gene"] == "TPMT")
    assert tpmt["phenotypes"] == ["Intermediate Metabolizer"] and tpmt["untested"] == [] and tpmt["phased"] is True
    assert next(f for f in facts if f["gene"] == "CYP2C9")["activity_score"] is None
    sums = read_table(out / "pg.tsv", "polygenic").set_index("patient")
    assert list(sums["sum"][:2]) == [2.0, 4.0] and sums.loc["P3", "status"] == "not assessed"
    placed = read_table(out / "adjusted.tsv", "polygenic_adjusted")
    assert list(placed["status"]) == ["not assessed"] * 3 and "no reference for polygenic scores" in placed["reason"][0]
    refused = read_table(out / "quarantine.tsv", "quarantine")
    assert list(refused["file"]) == [str(cohort / "bad.txt")] * len(refused) and len(refused) >= 1
    block = read_features(out / "f.zarr.zip")["variants"]
    check_block("variants", block)
    values = block["values"].to_pandas()
    assert list(block["present"].values) == [True, True, False] and block["reason"].values[2] == "not supplied"
    assert values.loc["P1", "decreased_function:TPMT"] == 1 and values.loc["P2", "decreased_function:TPMT"] == 0
    assert values.loc["P1", "pgs:PGS9"] == 0.25 and np.isnan(values.loc["P2", "ancestry:EUR"])
    assert "decreased_function:CYP3A5" not in values.columns  # nobody has it
    cyp2d6 = calls.loc[("P1", "CYP2D6")]
    assert (cyp2d6["phenotypes"], cyp2d6["activity_score"]) == ("Intermediate Metabolizer", 1.0)
    assert cyp2d6["origin"] == "outside call" and calls.loc[("P2", "CYP2D6"), "call"] == "not_called"
    assert values.loc["P1", "activity:CYP2D6"] == 1 and np.isnan(values.loc["P2", "activity:CYP2D6"])
    problems = read_table(out / "ph_problems.tsv", "quarantine")
    assert list(problems["line"]) == [2] and "CYP9" in problems.loc[0, "cause"]


def test_no_scores_configured_and_the_same_bytes_again(cohort: Path) -> None:
    run(cohort, [])
    first = {p.name: p.read_bytes() for p in sorted((cohort / "out").rglob("*")) if p.is_file()}
    assert len(read_table(cohort / "out" / "pg.tsv", "polygenic")) == 0
    shutil.rmtree(cohort / "out")
    run(cohort, [])
    assert {p.name: p.read_bytes() for p in sorted((cohort / "out").rglob("*")) if p.is_file()} == first


def test_a_zip_reads_like_a_folder(cohort: Path) -> None:
    target = cohort / "z.vcz"
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(p for p in (cohort / "g.vcz").rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(cohort / "g.vcz"))
    with open_genotypes(cohort / "g.vcz") as folder, open_genotypes(target) as zipped:
        assert folder.samples == zipped.samples == ["P1", "P2"]
        rows = folder.rows("6", 1, 10**9)
        assert len(rows) == 43 and np.array_equal(rows, zipped.rows("chr6", 1, 10**9))
        assert np.array_equal(folder.calls(rows), zipped.calls(rows))
        assert folder.records(rows[:1]) == zipped.records(rows[:1])


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    for name, make in {"empty": lambda p: p.mkdir(), "text": lambda p: p.write_text("x")}.items():
        make(tmp_path / name)
        with pytest.raises(InputError, match="VCF-Zarr"), open_genotypes(tmp_path / name):
            pass


def test_why_a_patient_has_no_genomic_features() -> None:
    qc = pd.DataFrame({"patient": ["A", "B"], "verdict": ["keep", "exclude"], "reason": ["", "contaminated"]})
    reasons = absent_reasons(list("ABCDE"), {"C", "D"}, {"C": "f.vcf: truncated"}, qc)
    assert reasons == {
        "B": "excluded by quality control: contaminated",
        "C": "quarantined: f.vcf: truncated",
        "D": "supplied, but without usable genotypes",
        "E": "not supplied",
    }
    assert absent_reasons(["E"], {"*"}, {}, qc)["E"] == "not in the cohort's genotype file"


def test_what_was_found_in_a_refused_file_is_told_without_the_advice() -> None:
    cause = "no index; allowed: a file with its index; mend: run samtools index"
    rows = pd.DataFrame({"patient": ["*", "A", "A"], "file": ["c.vcf", "a.bam", "b.bam"], "cause": [cause, cause, "x"]})
    assert first_causes(rows) == {"A": "a.bam: no index"}


def test_counts_of_decreased_alleles() -> None:
    assert decreased_alleles(GENES["CYP2C19"], "*2/*17") == 1
    assert decreased_alleles(GENES["DPYD"], "c.1905+1G>A (*2A)/c.1129-5923C>G, c.1236G>A (HapB3)") == 2
    assert decreased_alleles(GENES["VKORC1"], "rs9923231 reference (C)/rs9923231 variant (T)") == 1
    assert decreased_alleles(GENES["SLCO1B1"], "*1/*45") == 1  # reported by its core name
    assert math.isnan(decreased_alleles(GENES["TPMT"], "*1/*24"))


def test_an_empty_block_is_still_a_block() -> None:
    block = variants_block(["A"], {"pgs:x": {}}, {"A": "not supplied"})
    check_block("variants", block)
    assert block.sizes == {"patient": 1, "feature": 0}
