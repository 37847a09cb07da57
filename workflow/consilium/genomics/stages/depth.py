"""Depth of the reads: measured per patient, then read as coverage, copies of CYP2D6 and copy-number flags."""

from __future__ import annotations

from pathlib import Path


def depth(
    samples: Path,
    patients: str,
    folder: Path,
    genes: Path,
    min_depth: int,
    manifest: Path,
    genes_bed: Path | None = None,
    targets_bed: Path | None = None,
    reference: Path | None = None,
    alleles: Path | None = None,
    threads: int = 1,
) -> None:
    """Reads of a chunk of patients: depth of regions and windows, sex by depth, copies of CYP2D6.

    `genes`: the table of genes that comes along; `genes_bed`, `targets_bed`: the user's; `min_depth`: a base with fewer
    reads counts as not well covered. `alleles`: folder of CYP2D6's definitions, where its bases are to be read, too.
    """
    from functools import partial

    from consilium.core import chunks, sheets
    from consilium.core.provenance import file_digest
    from consilium.genomics.intake import checking
    from consilium.genomics.reads import measuring

    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    setup = measuring.Setup(genes, min_depth, genes_bed, targets_bed, reference, alleles)
    setup.load()  # a BED file that cannot be used stops here, with all its rows named
    given = (genes, genes_bed, targets_bed, alleles and alleles / "positions.tsv")
    tables = [file_digest(p) for p in given if p]
    chunks.run_chunk(
        "depth", "genomics", checking.tasks(rows, patients, measuring.KINDS, folder, "genomics_depth"),
        partial(measuring.depth_patient, setup=setup), manifest,
        {"tables": tables, "minimum": min_depth, "reference": checking.fasta_digest(reference) if reference else ""},
        threads,
    )  # fmt: skip


def reads_tables(
    genes: Path,
    reads_qc: Path,
    coverage: Path,
    copies: Path,
    cnv_flags: Path,
    reads: list[Path] | None = None,
    depths: list[Path] | None = None,
    genes_bed: Path | None = None,
    targets_bed: Path | None = None,
) -> None:
    """Quality, coverage, copies of CYP2D6 and copy-number flags of all patients with reads.

    `reads` and `depths` are the manifests of the stages `reads` and `depth`.
    """
    from consilium.core import chunks
    from consilium.core.store import write_table
    from consilium.genomics.reads import tables
    from consilium.genomics.reads.measuring import Setup

    _, places, parts = Setup(genes, 0, genes_bed, targets_bed).load()
    measured = tables.measured(chunks.read_manifests(depths or []))
    write_table(reads_qc, "reads_qc", tables.quality(chunks.read_manifests(reads or []), measured))
    write_table(coverage, "coverage", tables.coverage(measured, places))
    write_table(copies, "cyp2d6", tables.cyp2d6(measured))
    write_table(cnv_flags, "cnv_flags", tables.copy_number_flags(measured, parts))
