"""Was a gene looked at? Callable bases, depth of reads, or nothing that tells; absent variants alone never do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from consilium.genomics.findings.regions import Annotation, Interval, length, overlap

ASSESSED, PARTLY, NOT = "assessed", "partly assessed", "not assessed"
NO_RECORD = "the files do not say which bases were looked at"
NO_REGIONS = "no coordinates of this gene in the annotation"
NO_ANNOTATION = "no gene annotation configured (genomics.gff)"
OTHER_BUILD = "its callable regions are on GRCh37"
NO_INDEX = "the gVCF has no index, so its blocks were not read (tabix -p vcf)"
_FAR = 1 << 40
LISTED_ONLY = "variants were called from reads at listed positions only"


@dataclass(frozen=True)
class Looked:
    """Bases that a patient's files say were looked at; `why`: reason when they cannot be used."""

    intervals: tuple[Interval, ...] = ()
    source: str = ""
    why: str = ""

    def n_inside(self, sites: Sequence[Interval]) -> int:
        """How many of the sites lie wholly inside."""
        inside = 0
        for chrom, start, end in sites:
            place = bisect_right(self.intervals, (chrom, start, _FAR)) - 1
            inside += place >= 0 and self.intervals[place][0] == chrom and end <= self.intervals[place][2]
        return inside


@dataclass(frozen=True)
class Coverage:
    """n_bases of the gene that must be seen, n_uncovered of them that were not; source says by what that is known."""

    status: str
    reason: str = ""
    n_bases: int | None = None
    n_uncovered: int | None = None
    source: str = ""


def depth_of_genes(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(patient, gene) -> (bases, bases below the depth that a call needs), from the table of coverage: exons of a
    gene together."""
    import pandas as pd

    table = pd.read_csv(path, sep="\t", dtype={"patient": str, "gene": str}, keep_default_na=False)
    table = table[table["kind"] == "exons"]
    sums = table.groupby(["patient", "gene"], sort=True)[["n_bases", "bases_below_min"]].sum()
    return {(p, g): (int(n), int(low)) for (p, g), (n, low) in zip(sums.index, sums.to_numpy(), strict=True)}


def coverage(
    patient: str,
    gene: str,
    annotation: Annotation | None,
    looked: Mapping[str, Looked],
    depths: Mapping[tuple[str, str], tuple[int, int]],
    source: str,
) -> Coverage:
    """Whether the gene was looked at in this patient. source: where the genotypes come from (vcf, joint, reads).

    Callable regions and reference blocks come first; then the depth of the reads over the gene's exons. Where variants
    were called from reads, that was at listed positions only, whatever the depth.
    """
    if source == "reads":
        return Coverage(NOT, LISTED_ONLY, *depths.get((patient, gene), (None, None)))
    mine = looked.get(patient)
    if mine is not None and not mine.why and annotation is not None:
        regions = annotation.regions.get(gene)
        if not regions:
            return Coverage(NOT, NO_REGIONS)
        n = length(regions)
        return _judged(n, n - overlap(regions, list(mine.intervals)), mine.source)
    if (patient, gene) in depths:
        return _judged(*depths[patient, gene], "depth of the reads")
    why = mine.why if mine is not None and mine.why else NO_RECORD
    return Coverage(NOT, why if annotation is not None or depths else f"{why}; {NO_ANNOTATION}")


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
