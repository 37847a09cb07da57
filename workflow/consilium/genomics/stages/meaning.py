"""What the genotypes mean: star alleles, polygenic scores, the feature block."""

from __future__ import annotations

from pathlib import Path


def pharmacogenes(genotypes: Path, sheet: Path, tables: Path, folder: Path, out: Path) -> None:
    """Star alleles of every patient, each gene with its untested positions.

    `tables` is the folder of star-allele tables. Writes <folder>/<patient>/genomics/pharmacogenes.json, then `out`.
    """
    import pandas as pd

    from consilium.core.sheets import read_patients
    from consilium.core.store import write_table, write_text
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.stars.findings import call_patients, finding_row, findings_json
    from consilium.genomics.stars.tables import read_genes

    people = read_patients(sheet)
    names, sexes = [p.patient for p in people], {p.patient: p.sex for p in people}
    with open_genotypes(genotypes) as store:
        findings = call_patients(read_genes(tables), store, names, sexes)
    for name in names:
        write_text(folder / name / "genomics" / "pharmacogenes.json", findings_json(findings[name]))
    rows = [finding_row(name, finding) for name in names for finding in findings[name]]
    write_table(out, "pharmacogenes", pd.DataFrame(rows))


def polygenic(
    genotypes: Path,
    sheet: Path,
    ancestry: Path,
    panel: Path,
    out: Path,
    matches: Path,
    quarantine: Path,
    scores: list[Path] | None = None,
) -> None:
    """Polygenic scores of every patient, and how each variant of each score was matched.

    A scoring file that cannot be used goes to `quarantine` and stops nothing. `ancestry` and `panel`: posteriors and
    allele frequencies that fill a patient's missing calls. Without scores the tables are empty.
    """
    import pandas as pd

    from consilium.core import refused
    from consilium.core.register import TABLES
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table, write_table
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.intake.panel import read_panel
    from consilium.genomics.scores.rows import match_rows, read_scores, score_rows

    names = [p.patient for p in read_patients(sheet)]
    files, problems = read_scores(scores or [])
    reference = read_panel(panel) if files else None
    posteriors = read_table(ancestry, "ancestry")
    sums, matched = [], []
    with open_genotypes(genotypes) as store:
        for score in files:
            rows, found = score_rows(score, store, names, reference, posteriors)
            sums += rows
            matched += match_rows(score, found)
    for path, name, content in ((out, "polygenic", sums), (matches, "polygenic_matches", matched)):
        write_table(path, name, pd.DataFrame(content) if content else TABLES[name].empty())
    write_table(quarantine, "quarantine", refused.quarantine("genomics", problems))


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
) -> None:
    """The feature block "variants", and the room's quarantine list from the lists of its stages (`problems`).

    `stars` and `scores` are pharmacogenes.tsv and polygenic.tsv. With `consequences` and `assessed` there
    is a block "burden" besides: rare variants by gene. A patient without genotypes, or excluded by quality
    control, is present=False with the reason.
    """
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import read_table, write_features, write_table
    from consilium.genomics import genomic_features as made
    from consilium.genomics.findings import burden
    from consilium.genomics.stars.tables import read_genes

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
    write_features(out, found)
    write_table(quarantine, "quarantine", listed)
