"""Reads what findings are made of; a file that cannot be used is a problem and a reason, never the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import WHOLE_COHORT, Patient, read_samples
from consilium.core.store import read_facts, read_table
from consilium.genomics.cohort.genotypes import open_genotypes
from consilium.genomics.findings import assessed as seen
from consilium.genomics.findings.carriers import compare
from consilium.genomics.findings.clinvar import ClinVar, read_clinvar
from consilium.genomics.findings.consequences import worst
from consilium.genomics.findings.gene_lists import GeneList, read_genes
from consilium.genomics.findings.regions import Interval, read_annotation
from consilium.genomics.findings.tables import World, computed_of, ranks_of
from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.normalise import Reference

CALLABLE = "callable"  # kind of the sample sheet: BED of the bases that were looked at
T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """The files of the findings stage; None where not configured."""

    samples: Path
    genotypes: Path
    sources: Path
    clinvar: Path
    genes: Path
    known_sites: Path
    gff: Path | None = None
    reference: Path | None = None
    consequences: Path | None = None
    ranking: Path | None = None
    coverage: Path | None = None


def wanted_genes(genes: Path, ranking: Path | None) -> tuple[set[str], GeneList]:
    """Symbols of the list and of every patient's ranked diseases; and the list."""
    listed = read_genes(genes)
    ranks = ranks_of(read_table(ranking, "hpo_ranking")) if ranking else {}
    return {*listed.genes, *(g for mine in ranks.values() for g in mine)}, listed


def gather(given: Given, people: Sequence[Patient]) -> tuple[World, list[Problem]]:
    """All that findings are made of, and what could not be used."""
    problems: list[Problem] = []
    found = _tried(lambda: wanted_genes(given.genes, given.ranking), problems)
    symbols, listed = found or (set(), GeneList("", {}))
    refused = "the gene list was refused" if found is None else ""
    reference = Reference(given.reference) if given.reference else None
    known = KnownSites(given.known_sites)
    clinvar = _tried(lambda: read_clinvar(given.clinvar, symbols, known, reference), problems) if found else None
    if found and clinvar is None:
        refused = f"ClinVar file refused: {problems[-1].found}"
    gff = given.gff if found else None
    annotation = None if gff is None else _tried(lambda: read_annotation(gff, symbols), problems)
    with open_genotypes(given.genotypes) as store:
        compared = compare(clinvar.entries, store) if clinvar else None
        column = {p: i for i, p in enumerate(store.samples)}
    return World(
        listed, _release(clinvar), {p.patient: p.sex for p in people}, read_facts(given.sources)["sources"], compared,
        refused, annotation, callable_regions(given.samples, people, problems),
        seen.depth_of_genes(given.coverage) if given.coverage else {},
        computed_of(worst(read_table(given.consequences, "consequences"))) if given.consequences else {},
        ranks_of(read_table(given.ranking, "hpo_ranking")) if given.ranking else {}, column,
    ), problems  # fmt: skip


def _release(clinvar: ClinVar | None) -> str:
    return clinvar.release if clinvar else "ClinVar not read"


def callable_regions(samples: Path, people: Sequence[Patient], problems: list[Problem]) -> dict[str, list[Interval]]:
    """Patient -> callable intervals, of the BED files of the sample sheet; one with patient "*" is everybody's."""
    found: dict[str, list[Interval]] = {}
    for sample in read_samples(samples):
        if sample.modality == "genomics" and sample.kind == CALLABLE:
            intervals = _tried(partial(seen.read_bed, Path(sample.path), sample.patient), problems)
            if intervals is not None:
                found.setdefault(sample.patient, []).extend(intervals)
    shared = found.pop(WHOLE_COHORT, None)
    names = [p.patient for p in people if shared is not None or p.patient in found]
    return {p: seen.merged([*(shared or []), *found.get(p, [])]) for p in names}


def _tried(read: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return read()
    except InputError as error:
        problems += error.problems
        return None
