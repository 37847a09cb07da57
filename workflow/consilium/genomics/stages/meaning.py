"""What the genotypes mean: star alleles, the feature block."""

from __future__ import annotations

from pathlib import Path


def pharmacogenes(
    genotypes: Path,
    sheet: Path,
    samples: Path,
    tables: Path,
    ancestry: Path,
    folder: Path,
    out: Path,
    quarantine: Path,
    combinations: bool = False,
    from_reads: Path | None = None,
    depths: list[Path] | None = None,
) -> None:
    """Star alleles of every patient, each gene with its untested positions; outside calls in place of our own.

    `tables` is the folder of star-allele tables. `ancestry`: whose allele frequencies count. `combinations`: name
    combinations of alleles where no pair fits (research). `from_reads`: folder of the tables by which CYP2D6 is called
    from reads (research), `depths` the manifests of the stage `depth`. Writes
    <folder>/<patient>/genomics/pharmacogenes.json, then `out`; rows of outside calls that cannot be used go to
    `quarantine`.
    """
    import pandas as pd

    from consilium.core import chunks, refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import read_table, write_table, write_text
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.reads.tables import measured as measured_folders
    from consilium.genomics.stars.findings import call_patients, finding_row, findings_json
    from consilium.genomics.stars.from_reads import read_evidence, with_reads
    from consilium.genomics.stars.origins import shares_of
    from consilium.genomics.stars.outside import put_in_place, read_calls
    from consilium.genomics.stars.tables import read_genes

    people = read_patients(sheet)
    names, sexes = [p.patient for p in people], {p.patient: p.sex for p in people}
    genes = read_genes(tables)
    with open_genotypes(genotypes) as store:
        shares = shares_of(read_table(ancestry, "ancestry"))
        findings = call_patients(genes, store, names, sexes, shares, combinations)
    if from_reads:
        measured = {p: read_evidence(f) for p, f in measured_folders(chunks.read_manifests(depths or [])).items()}
        findings = with_reads(findings, read_genes(from_reads), genes, measured, shares)
    calls, problems = read_calls(read_samples(samples), genes, names)
    findings = put_in_place(findings, calls, genes)
    texts: dict[int, str] = {}
    for name in names:
        write_text(folder / name / "genomics" / "pharmacogenes.json", findings_json(findings[name], texts))
    rows = [finding_row(name, finding) for name in names for finding in findings[name]]
    write_table(out, "pharmacogenes", pd.DataFrame(rows))
    refused.write_quarantine(quarantine, "genomics", problems)


def features(
    sheet: Path,
    samples: Path,
    samples_qc: Path,
    ancestry: Path,
    stars: Path,
    scores: Path,
    tables: Path,
    out: Path,
    quarantine: Path,
    problems: list[Path] | None = None,
    consequences: Path | None = None,
    assessed: Path | None = None,
    windows: Path | None = None,
    most_windows: int = 0,
) -> None:
    """The feature block "variants", and the room's quarantine list from the lists of its stages (`problems`).

    `stars` and `scores` are pharmacogenes.tsv and polygenic.tsv. With `consequences` and `assessed` there
    is a block "burden" besides: rare variants by gene; with `windows` (at most `most_windows` a patient) one of DNA
    around variants. A patient without genotypes, or excluded by quality control, is present=False with the reason.
    """
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import read_table, write_features, write_table
    from consilium.genomics import genomic_features as made
    from consilium.genomics.findings import burden
    from consilium.genomics.stars.tables import read_genes
    from consilium.genomics.windows.block import block as windows_block

    names = [p.patient for p in read_patients(sheet)]
    listed = refused.joined([read_table(path, "quarantine") for path in problems or []])
    genotyped = ("vcf", "bam", "cram")
    supplied = {s.patient for s in read_samples(samples) if s.modality == "genomics" and s.kind in genotyped}
    absent = made.absent_reasons(names, supplied, made.first_causes(listed), read_table(samples_qc, "samples_qc"))
    columns = {
        **made.polygenic_columns(read_table(scores, "polygenic")),
        **made.pharmacogene_columns(read_table(stars, "pharmacogenes"), read_genes(tables)),
        **made.ancestry_columns(read_table(ancestry, "ancestry")),
    }
    found = {"variants": made.variants_block(names, columns, absent)}
    if consequences and assessed:
        tables_of = read_table(consequences, "consequences"), read_table(assessed, "genes_assessed")
        found["burden"] = burden.block(names, *tables_of, absent)
    if windows and len(table := read_table(windows, "dna_windows")):
        found["windows"] = windows_block(names, table, most_windows, absent)
    write_features(out, found)
    write_table(quarantine, "quarantine", listed)
