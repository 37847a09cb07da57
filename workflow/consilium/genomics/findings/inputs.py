"""Reads what findings are made of; a file that cannot be used is a problem and a reason, never the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

from consilium.core import chunks
from consilium.core.errors import InputError, Problem
from consilium.core.sheets import WHOLE_COHORT, Patient, read_samples
from consilium.core.store import read_facts, read_table
from consilium.genomics.cohort.genotypes import open_genotypes
from consilium.genomics.findings import assessed as seen
from consilium.genomics.findings.blocks import NotIndexedError, called_by_blocks
from consilium.genomics.findings.carriers import compare
from consilium.genomics.findings.clinvar import ClinVar, read_clinvar
from consilium.genomics.findings.consequences import worst
from consilium.genomics.findings.gene_lists import GeneList, read_genes
from consilium.genomics.findings.regions import Interval, merged, read_annotation
from consilium.genomics.findings.tables import World, computed_of, ranks_of
from consilium.genomics.intake.build import BUILD, KnownSites
from consilium.genomics.intake.callable_regions import read_bed
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
    intake: tuple[Path, ...] = ()


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
    regions = None if annotation is None else merged(chain(*annotation.regions.values()))
    with open_genotypes(given.genotypes) as store:
        compared = compare(clinvar.entries, store) if clinvar else None
        column = {p: i for i, p in enumerate(store.samples)}
    return World(
        listed, _release(clinvar), {p.patient: p.sex for p in people}, read_facts(given.sources)["sources"], compared,
        refused, annotation, looked_at(given.samples, given.sources, given.intake, people, regions),
        seen.depth_of_genes(read_table(given.coverage, "coverage")) if given.coverage else {},
        computed_of(worst(read_table(given.consequences, "consequences"))) if given.consequences else {},
        ranks_of(read_table(given.ranking, "hpo_ranking")) if given.ranking else {}, column,
    ), problems  # fmt: skip


def _release(clinvar: ClinVar | None) -> str:
    return clinvar.release if clinvar else "ClinVar not read"


def looked_at(
    samples_sheet: Path, sources: Path, intake: Sequence[Path], people: Sequence[Patient],
    regions: list[Interval] | None,
) -> dict[str, seen.Looked]:  # fmt: skip
    """Patient -> bases that were looked at: callable regions of the sample sheet ("*" are everybody's), or blocks.

    regions: where blocks of gVCFs are asked for; None: nowhere. What is wrong with a BED the intake says.
    """
    samples = [s for s in read_samples(samples_sheet) if s.modality == "genomics"]
    beds: dict[str, list[Interval]] = {}
    for sample in samples:
        if sample.kind == CALLABLE:
            bed, _ = read_bed(Path(sample.path), sample.patient.strip(WHOLE_COHORT), "standard", "")
            found = [(c, low - 1, high) for c, spans in (bed.spans if bed else {}).items() for low, high in spans]
            beds.setdefault(sample.patient, []).extend(found)
    builds, out = _builds(sources, intake), {}
    for patient in (p.patient for p in people):
        own = [s for s in samples if s.patient == patient and s.kind == "vcf"]
        intervals = [*beds.get(WHOLE_COHORT, []), *beds.get(patient, [])]
        if intervals:
            lifted = builds.get(patient) == "GRCh37"
            out[patient] = seen.Looked(why=seen.OTHER_BUILD) if lifted else _looked(intervals, "callable regions")
        elif len(own) == 1 and regions is not None and builds.get(patient) == BUILD:
            try:
                blocks = called_by_blocks(Path(own[0].path), regions)
            except NotIndexedError:
                out[patient] = seen.Looked(why=seen.NO_INDEX)
                continue
            if blocks is not None:
                out[patient] = _looked(blocks, "blocks of the gVCF")
    return out


def _looked(intervals: Sequence[Interval], source: str) -> seen.Looked:
    return seen.Looked(tuple(merged(intervals)), source)


def _builds(sources: Path, intake: Sequence[Path]) -> dict[str, str]:
    """Patient -> build of the own VCF before the intake, or of the joint ones; of unknown build: left out."""
    facts = read_facts(sources)
    joint = {str(f["build"]) for f in facts.get("files", [])}
    out = {p: max(joint) for p, source in facts["sources"].items() if source == "joint" and len(joint) == 1}
    for entry in chunks.read_manifests(intake):
        path = Path(entry["folder"]) / "facts.json"
        files = read_facts(path)["files"] if entry["status"] == "done" and path.exists() else []
        found = {str(f["build"]) for f in files}
        if len(found) == 1:
            out[str(entry["patient"])] = found.pop()
    return out


def _tried(read: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return read()
    except InputError as error:
        problems += error.problems
        return None
