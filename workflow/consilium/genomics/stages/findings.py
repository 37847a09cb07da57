"""Findings: diseases by HPO terms, consequences of variants, what ClinVar says of them, genes looked at."""

from __future__ import annotations

from pathlib import Path


def phenotypes(samples: Path, cases: Path, most: int, out: Path, quarantine: Path) -> None:
    """Rank diseases for each patient with a phenopacket, by the nearest of the published `cases`.

    `most`: diseases kept a patient. A file that cannot be used goes to `quarantine` and stops nothing.
    """
    import pandas as pd

    from consilium.core import refused, sheets
    from consilium.core.register import TABLES
    from consilium.core.store import write_table
    from consilium.genomics.findings.ranked import rank_patients

    packets = [s for s in sheets.read_samples(samples) if s.modality == "genomics" and s.kind == "phenopacket"]
    rows, problems = rank_patients(packets, cases, most)
    write_table(out, "hpo_ranking", pd.DataFrame(rows) if rows else TABLES["hpo_ranking"].empty())
    refused.write_quarantine(quarantine, "genomics", problems)


def consequences(
    genotypes: Path,
    genes: Path,
    gff: Path,
    reference: Path,
    rare: float,
    out: Path,
    quarantine: Path,
    frequencies: Path | None = None,
    ranking: Path | None = None,
) -> None:
    """Consequences of every carried variant in the genes of the list and in those of `ranking`, by bcftools csq.

    `rare`: largest population frequency that counts as rare, where `frequencies` (VCF with INFO/AF) are given.
    """
    from consilium.core import refused
    from consilium.core.errors import InputError
    from consilium.core.register import TABLES
    from consilium.core.store import write_table
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.decoding.variants import scratch
    from consilium.genomics.findings import inputs
    from consilium.genomics.findings.consequences import make_table
    from consilium.genomics.findings.regions import read_annotation

    table, problems = TABLES["consequences"].empty(), []
    try:
        symbols, _ = inputs.wanted_genes(genes, ranking)
        annotation = read_annotation(gff, symbols)
        with open_genotypes(genotypes) as store, scratch(out.parent) as folder:
            table = make_table(store, annotation, reference, folder, frequencies, rare)
    except InputError as error:
        problems = error.problems
    write_table(out, "consequences", table)
    refused.write_quarantine(quarantine, "genomics", problems)


def findings(
    sheet: Path,
    samples: Path,
    genotypes: Path,
    sources: Path,
    clinvar: Path,
    genes: Path,
    known_sites: Path,
    out: Path,
    assessed: Path,
    quarantine: Path,
    gff: Path | None = None,
    reference: Path | None = None,
    consequences: Path | None = None,
    ranking: Path | None = None,
    coverage: Path | None = None,
    intake: list[Path] | None = None,
) -> None:
    """Every patient's variants that ClinVar calls pathogenic or disputed, in the genes of the list and of `ranking`.

    `assessed`: for every gene whether it was looked at, by callable regions of the sample sheet, the blocks
    of a gVCF, or `coverage` (table of the depth of reads). `intake` are the manifests of that stage.
    """
    import pandas as pd

    from consilium.core import refused
    from consilium.core.register import TABLES
    from consilium.core.sheets import read_patients
    from consilium.core.store import write_table
    from consilium.genomics.findings import inputs, tables

    people = read_patients(sheet)
    given = inputs.Given(samples, genotypes, sources, clinvar, genes, known_sites, gff, reference, consequences,
                         ranking, coverage, tuple(intake or ()))  # fmt: skip
    world, problems = inputs.gather(given, people)
    found, looked = tables.rows(world, [p.patient for p in people])
    for path, name, rows in ((out, "gene_findings", found), (assessed, "genes_assessed", looked)):
        write_table(path, name, pd.DataFrame(rows) if rows else TABLES[name].empty())
    refused.write_quarantine(quarantine, "genomics", problems)
