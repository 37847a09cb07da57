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
) -> None:
    """What the scores of a reference panel's people look like (genomics/scores/reference.py), from their VCF files.

    `people`: TSV with person and population. `components`, `populations`: the ancestry reference's components. What
    cannot be used goes to `quarantine`.
    """
    import numpy as np
    import pandas as pd

    from consilium.core import refused
    from consilium.core.errors import InputError
    from consilium.core.register import TABLES
    from consilium.core.store import write_facts, write_table
    from consilium.genomics.scores import panel_genotypes, reference_making
    from consilium.genomics.scores.matching import Rules
    from consilium.genomics.scores.rows import read_scores
    from consilium.genomics.scores.score_build import build_by_sites
    from consilium.genomics.structure.ancestry import MINIMUM_SITES
    from consilium.genomics.structure.components import read_components
    from consilium.genomics.structure.projection import project

    files, problems = read_scores(scores or [], build_by_sites(known_sites))
    rules, persons = Rules(ambiguous, strand_flips), panel_genotypes.People([], [])
    space = read_components(components, populations) if components and populations else None
    sites = space.panel if space else None
    try:
        persons = panel_genotypes.read_people(people)
        collected = reference_making.collect(vcf, persons, files, sites, rules)
    except InputError as error:  # no reference, but the cohort goes on: its scores then say that they have none
        problems += error.problems
        files, persons = [], panel_genotypes.People([], [])
        collected = reference_making.collect([], persons, files, sites, rules)
    places = project(collected.counts, space, MINIMUM_SITES).scores if space else np.empty((len(persons.names), 0))
    names = [f"ref_PC{i + 1}" for i in range(places.shape[1])]
    digest = reference_making.files_digest([p for p in (components, populations) if p])
    source = ", ".join(p.name for p in [*vcf, people])
    facts = reference_making.models(files, persons, collected, places, names, rules, digest, source)
    for line in reference_making.lines_of_models(facts):
        print(line)
    write_facts(models, facts)
    rows = [table for table in collected.variants if len(table)]
    write_table(variants, "polygenic_reference",
                pd.concat(rows, ignore_index=True) if rows else TABLES["polygenic_reference"].empty())  # fmt: skip
    refused.write_quarantine(quarantine, "genomics", problems)


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
    risk: list[str] | None = None,
    threads: int = 1,
) -> None:
    """Polygenic scores of every patient, how each variant was matched, and where each score lies in the reference.

    A scoring file that cannot be used goes to `quarantine` and stops nothing. `ancestry` and `panel`: posteriors and
    allele frequencies that fill a patient's missing calls. `reference`: folder that `polygenic_reference` wrote.
    `risk`: one JSON text a score with prevalence, auc, population and source. Without scores the tables are empty.
    """
    import json
    from concurrent.futures import ThreadPoolExecutor

    from consilium.core import refused
    from consilium.core.errors import InputError
    from consilium.core.store import write_table
    from consilium.genomics.scores import cohort_scores, reference_making
    from consilium.genomics.scores.matching import Rules
    from consilium.genomics.scores.reference import read_reference
    from consilium.genomics.scores.risk import measured
    from consilium.genomics.scores.rows import read_scores
    from consilium.genomics.scores.score_build import build_by_sites

    files, problems = read_scores(scores or [], build_by_sites(known_sites))
    rules, known = Rules(ambiguous, strand_flips), None
    try:
        known = read_reference(reference) if reference else None
    except InputError as error:
        problems += error.problems
    digest = reference_making.files_digest([p for p in (components, populations) if p])
    asked = cohort_scores.Asked(files, rules, measured([json.loads(r) for r in risk or []]), known, digest)
    tables = cohort_scores.tables(asked, genotypes, sheet, ancestry, panel, threads)
    files_of = {"polygenic_matches": matches, "polygenic": out, "polygenic_adjusted": adjusted}
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda name: write_table(files_of[name], name, tables[name]), files_of))
    refused.write_quarantine(quarantine, "genomics", problems)
