"""Polygenic scores: their reference, and the scores of every patient."""

from __future__ import annotations

from pathlib import Path


def polygenic_reference(
    vcf: list[Path],
    people: Path,
    known_sites: Path,
    models: Path,
    variants: Path,
    quarantine: Path,
    scores: list[Path] | None = None,
    components: Path | None = None,
    populations: Path | None = None,
    ambiguous: str = "drop",
    strand_flips: bool = False,
    chain: Path | None = None,
) -> None:
    """What the scores of a reference panel's people look like (genomics/scores/reference.py), from their VCF files.

    `people`: TSV with person and population. `chain`: as in `polygenic`. `components`, `populations`: the ancestry
    reference's components. What cannot be used goes to `quarantine`.
    """
    from consilium.core import refused
    from consilium.core.store import write_facts, write_table
    from consilium.genomics.scores import reference_making
    from consilium.genomics.scores.matching import Rules
    from consilium.genomics.scores.rows import read_scores
    from consilium.genomics.scores.score_build import build_by_sites
    from consilium.genomics.structure.components import read_components

    files, problems = read_scores(scores or [], build_by_sites(known_sites), chain)
    space = read_components(components, populations) if components and populations else None
    digest = reference_making.files_digest([p for p in (components, populations) if p])
    made = reference_making.made(vcf, people, files, space, Rules(ambiguous, strand_flips), digest)
    for line in reference_making.lines_of_models(made.models):
        print(line)
    write_facts(models, made.models)
    write_table(variants, "polygenic_reference", made.variants)
    refused.write_quarantine(quarantine, "genomics", problems + made.problems)


def polygenic(
    genotypes: Path,
    sheet: Path,
    ancestry: Path,
    panel: Path,
    known_sites: Path,
    out: Path,
    matches: Path,
    adjusted: Path,
    quarantine: Path,
    scores: list[Path] | None = None,
    reference: Path | None = None,
    components: Path | None = None,
    populations: Path | None = None,
    ambiguous: str = "drop",
    strand_flips: bool = False,
    chain: Path | None = None,
    risk: list[str] | None = None,
    threads: int = 1,
) -> None:
    """Polygenic scores of every patient, how each variant was matched, and where each score lies in the reference.

    A scoring file that cannot be used goes to `quarantine` and stops nothing. `chain`: UCSC chain file that lifts
    scoring files on GRCh37 over. `ancestry` and `panel`: posteriors and
    allele frequencies that fill a patient's missing calls. `reference`: folder that `polygenic_reference` wrote.
    `risk`: one JSON text a score with prevalence, auc, population and source. Without scores the tables are empty.
    """
    from concurrent.futures import ThreadPoolExecutor

    from consilium.core import refused
    from consilium.core.register import TABLES
    from consilium.core.store import write_arrow, write_columns, write_table
    from consilium.genomics.memory import keep_memory
    from consilium.genomics.scores import cohort_scores
    from consilium.genomics.scores.matching import Rules

    keep_memory()
    rules = Rules(ambiguous, strand_flips)
    more = [p for p in (components, populations) if p]
    asked, problems = cohort_scores.ask(scores or [], known_sites, rules, reference, more, risk or [], chain, threads)
    tables = cohort_scores.tables(asked, genotypes, sheet, ancestry, panel, threads)
    if tables is None:
        for path, name in ((out, "polygenic"), (matches, "polygenic_matches"), (adjusted, "polygenic_adjusted")):
            write_table(path, name, TABLES[name].empty())
    else:
        with ThreadPoolExecutor(threads) as pool:
            written = pool.submit(write_arrow, matches, "polygenic_matches", tables.matches)
            write_columns(out, "polygenic", tables.scores)
            write_columns(adjusted, "polygenic_adjusted", tables.adjusted)
            written.result()
    refused.write_quarantine(quarantine, "genomics", problems)
