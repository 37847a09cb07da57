"""Where variants are looked for: a BED, or the exons of the genes of a list."""

from __future__ import annotations

from pathlib import Path

from consilium.core.errors import InputError, Problem
from consilium.genomics.findings.gene_lists import read_genes
from consilium.genomics.findings.regions import Interval, merged, read_annotation
from consilium.genomics.intake.build import BUILD
from consilium.genomics.intake.callable_regions import read_bed


def regions_of(bed: Path | None, annotation: Path | None, genes: Path | None) -> list[Interval]:
    """Merged intervals of `bed` (chrom, start, end), else of the exons of `genes` in `annotation` (GFF3 or BED).

    Raises InputError when a file cannot be used.
    """
    if bed is not None:
        found, problems = read_bed(bed, "", "standard", BUILD)
        if found is None:
            raise InputError(problems)
        return merged((c, low - 1, high) for c, spans in found.spans.items() for low, high in spans)
    if annotation is None or genes is None:
        wanted = "a BED of regions, or an annotation and a list of genes"
        raise InputError(Problem("windows", "neither regions nor genes", wanted, "supply one of them"))
    known = read_annotation(annotation, read_genes(genes).genes)
    return known.near or merged(i for mine in known.regions.values() for i in mine)
