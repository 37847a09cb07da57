"""The stages on files: nothing without reads, and tables as registered with them."""

import json
from pathlib import Path

import pytest
from consilium.core.errors import InputError
from consilium.core.store import read_table, write_facts
from consilium.genomics import stages
from test_coverage import messy_reads, write_bam

GENES = "gene\trole\tsteady\tchrom\tstart\tend\texons\n" + "".join(
    f"{name}\tpharmacogene\t{steady}\tchr1\t{start}\t{end}\t{start}-{end}\n"
    for name, steady, start, end in (
        ("VDR", "yes", 100, 2600),
        ("CYP2D6", "no", 3000, 4000),
        ("CYP2D7", "no", 4200, 5200),
    )
)


def collect(folder: Path, genes: Path, **given: list[Path]) -> dict[str, Path]:
    out = {name: folder / f"{name}.tsv" for name in ("reads_qc", "coverage", "copies", "cnv_flags")}
    stages.reads_tables(genes, **out, **given)
    return out


def test_without_reads_nothing_is_said_of_coverage_or_cyp2d6(tmp_path: Path) -> None:
    """A cohort of VCFs: no row, above all none of CYP2D6."""
    genes = tmp_path / "genes.tsv"
    genes.write_text(GENES)
    out = collect(tmp_path, genes)
    names = {"reads_qc": "reads_qc", "coverage": "coverage", "copies": "cyp2d6", "cnv_flags": "cnv_flags"}
    assert all(len(read_table(out[k], table)) == 0 for k, table in names.items())


def test_tables_of_two_patients_one_with_a_broken_file(tmp_path: Path) -> None:
    genes, bed, folder = tmp_path / "genes.tsv", tmp_path / "exons.bed", tmp_path / "patients"
    genes.write_text(GENES)
    bed.write_text("1\t200\t300\tVDR\n1\t9000\t9100\tVDR\n")
    good, broken = write_bam(tmp_path / "a.bam", messy_reads(1, 300)), tmp_path / "b.bam"
    broken.write_bytes(good.read_bytes()[:800])
    rows = [f"P{i}\tgenomics\tbam\t{p}\t2020-01-01\n" for i, p in enumerate((good, broken), 1)]
    (tmp_path / "samples.tsv").write_text("patient\tmodality\tkind\tpath\ttaken_on\n" + "".join(rows))
    manifest = tmp_path / "depth.json"
    stages.depth(tmp_path / "samples.tsv", "P1,P2", folder, genes, 8, manifest, genes_bed=bed)
    assert [(e["patient"], e["problems"]) for e in json.loads(manifest.read_text())["patients"]] == [
        ("P1", []),
        ("P2", []),
    ]
    write_facts(folder / "P1/genomics_reads/qc.json", {"n_reads": 600, "gc_mean": 0.4})
    reads = tmp_path / "reads.json"
    write_facts(reads, {"patients": [{"patient": "P1", "folder": str(folder / "P1/genomics_reads")}]})
    out = collect(tmp_path, genes, reads=[reads], depths=[manifest], genes_bed=bed)
    coverage = read_table(out["coverage"], "coverage").set_index(["gene", "kind"])
    assert set(coverage["patient"]) == {"P1"}
    vdr = coverage.loc[("VDR", "exons")]
    assert (vdr["n_bases"], vdr["bases_uncovered"] >= 100, vdr["bases_below_min"] >= 100) == (200, True, True)
    assert coverage.loc[("VDR", "gene"), "mean_depth"] > 1
    copies = read_table(out["copies"], "cyp2d6")
    assert list(copies["call"]) == ["not_called"] and "no reference FASTA" in copies["reason"][0]
    assert list(read_table(out["cnv_flags"], "cnv_flags")["finding"]) == ["not assessed"]
    assert list(read_table(out["reads_qc"], "reads_qc")["sex_by_depth"]) == ["unknown"]


def test_a_bed_that_cannot_be_used_stops_with_its_rows(tmp_path: Path) -> None:
    genes, bed = tmp_path / "genes.tsv", tmp_path / "t.bed"
    genes.write_text(GENES)
    bed.write_text("chr1\t5\n")
    (tmp_path / "samples.tsv").write_text("patient\tmodality\tkind\tpath\ttaken_on\n")
    with pytest.raises(InputError, match=r"t\.bed:1"):
        stages.depth(tmp_path / "samples.tsv", "P1", tmp_path, genes, 8, tmp_path / "d.json", targets_bed=bed)
