"""Was a gene looked at? Callable bases, depth of reads, or nothing that tells; absent variants alone never do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from consilium.core.errors import InputError, Problem
from consilium.genomics.findings.regions import Annotation, Interval, length, merged, overlap
from consilium.genomics.intake.build import canonical

ASSESSED, PARTLY, NOT = "assessed", "partly assessed", "not assessed"
NO_RECORD = "the files do not say which bases were looked at"
NO_REGIONS = "no coordinates of this gene in the annotation"
NO_ANNOTATION = "no gene annotation configured (genomics.gff)"
LISTED_ONLY = "variants were called from reads at listed positions only"


@dataclass(frozen=True)
class Coverage:
    """n_bases of the gene that must be seen, n_uncovered of them that were not; source says by what that is known."""

    status: str
    reason: str = ""
    n_bases: int | None = None
    n_uncovered: int | None = None
    source: str = ""


def read_bed(path: Path, patient: str) -> list[Interval]:
    """Callable intervals of a patient (BED, 0-based, half open). Raises InputError naming the first bad line."""
    import gzip

    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    found = []
    with gzip.open(path, "rt") if packed else open(path, encoding="utf-8") as text:
        for number, line in enumerate(text, start=1):
            if not line.strip() or line.startswith(("#", "track", "browser")):
                continue
            cells = line.split("\t")
            if len(cells) < 3 or not (cells[1].strip().isdigit() and cells[2].strip().isdigit()):
                raise InputError(Problem(str(path), f"'{line.strip()[:40]}'", "chrom, start, end, tabs between them",
                                         "correct the BED", number, patient))  # fmt: skip
            if chrom := canonical(cells[0]):
                found.append((chrom, int(cells[1]), int(cells[2])))
    return merged(found)


def depth_of_genes(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(patient, gene) -> (bases, bases below the depth that a call needs), from the table of coverage by region."""
    import pandas as pd

    table = pd.read_csv(path, sep="\t", usecols=["patient", "gene", "n_bases", "bases_below_min"],
                        dtype={"patient": str, "gene": str}, keep_default_na=False)  # fmt: skip
    sums = table.groupby(["patient", "gene"], sort=True)[["n_bases", "bases_below_min"]].sum()
    return {(p, g): (int(n), int(low)) for (p, g), (n, low) in zip(sums.index, sums.to_numpy(), strict=True)}


def coverage(
    patient: str,
    gene: str,
    annotation: Annotation | None,
    callable_bases: Mapping[str, Sequence[Interval]],
    depths: Mapping[tuple[str, str], tuple[int, int]],
    source: str,
) -> Coverage:
    """Whether the gene was looked at in this patient. source: where the genotypes come from (vcf, joint, reads).

    Callable intervals come first; then the depth of the reads over the gene, unless variants were called from these
    reads at listed positions only.
    """
    if patient in callable_bases and annotation is not None:
        regions = annotation.regions.get(gene)
        if not regions:
            return Coverage(NOT, NO_REGIONS)
        n = length(regions)
        return _judged(n, n - overlap(regions, list(callable_bases[patient])), "callable regions")
    if (patient, gene) in depths:
        if source == "reads":
            return Coverage(NOT, LISTED_ONLY, *depths[patient, gene], "depth of the reads")
        return _judged(*depths[patient, gene], "depth of the reads")
    return Coverage(NOT, NO_RECORD if annotation is not None or depths else f"{NO_RECORD}; {NO_ANNOTATION}")


def _judged(n: int, uncovered: int, source: str) -> Coverage:
    if not uncovered:
        return Coverage(ASSESSED, "", n, 0, source)
    said = f"{uncovered} of {n} bases uncovered"
    return Coverage(NOT if uncovered == n else PARTLY, said, n, uncovered, source)


def statement(seen: Coverage, n_findings: int, n_sites: int, n_tested: int) -> str:
    """One gene of one patient in a sentence; "nothing found" only where every base was looked at."""
    sites = f"{n_tested} of {n_sites} known P/LP sites tested" if n_sites else "no P/LP site known"
    if n_findings:
        found = f"{n_findings} variant{'s' if n_findings != 1 else ''} found"
        return found if seen.status == ASSESSED else f"{found}; the rest of the gene: {_why_not(seen)}; {sites}"
    if seen.status == ASSESSED:
        return "assessed, nothing found"
    return f"no P/LP variant among the variants given; absence {_why_not(seen)}; {sites}"


def _why_not(seen: Coverage) -> str:
    return f"{seen.status}: {seen.reason}"
