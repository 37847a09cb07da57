"""Genome builds: contig names and lengths, and which build the data themselves speak for."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BUILD = "GRCh38"
OLD_BUILD = "GRCh37"  # lifted over to BUILD
_NAMES = [*(str(i) for i in range(1, 23)), "X", "Y", "M"]
_GRCH38 = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
    135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167,
    46709983, 50818468, 156040895, 57227415, 16569,
)  # fmt: skip
_GRCH37 = (
    249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747,
    135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520,
    48129895, 51304566, 155270560, 59373566, 16571,
)  # fmt: skip
CONTIGS = tuple(f"chr{n}" for n in _NAMES)
LENGTHS: Mapping[str, Mapping[str, int]] = {
    "GRCh38": dict(zip(CONTIGS, _GRCH38, strict=True)),
    "GRCh37": dict(zip(CONTIGS, _GRCH37, strict=True)),
}
# Versions of the RefSeq accessions NC_000001 … NC_000024 in GRCh38; GRCh37 has the version before each.
_VERSIONS = (11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10)
_ACCESSION = re.compile(r"NC_0000(\d\d)\.(\d+)|NC_(012920)\.1")
# Pseudo-autosomal regions of X in GRCh38 (1-based, inclusive): men are diploid there.
PAR_X = ((10001, 2781479), (155701383, 156030895))


@cache
def canonical(name: str) -> str | None:
    """`chr1` for 1, chr1, NC_000001.11 …; None for a contig that is not a chromosome of the primary assembly."""
    if (found := _ACCESSION.fullmatch(name)) is not None:
        return "chrM" if found[3] else CONTIGS[int(found[1]) - 1] if 0 < int(found[1]) <= 24 else None
    bare = name[3:] if name[:3].lower() == "chr" else name
    bare = {"MT": "M", "23": "X", "24": "Y", "25": "X", "26": "M"}.get(bare.upper(), bare.upper())
    return f"chr{bare}" if f"chr{bare}" in LENGTHS[BUILD] else None


def build_of_names(names: Iterable[str]) -> str:
    """Build that the versions of RefSeq accessions among `names` agree on; "" without any, other when they do not."""
    found = {_build_of_accession(m) for n in names if (m := _ACCESSION.fullmatch(n)) and m[1]}
    return found.pop() if len(found) == 1 else "other" if found else ""


def _build_of_accession(match: re.Match[str]) -> str:
    number, version = int(match[1]), int(match[2])
    if not 0 < number <= len(_VERSIONS):
        return "other"
    return {0: "GRCh38", -1: "GRCh37"}.get(version - _VERSIONS[number - 1], "other")


def in_par(position: int) -> bool:
    """Whether a position of chrX lies in a pseudo-autosomal region."""
    return any(low <= position <= high for low, high in PAR_X)


def build_of_lengths(lengths: Mapping[str, int | None]) -> str:
    """Build that all stated contig lengths agree on: GRCh38, GRCh37, other, or "" when none is stated.

    chrM has the same length in GRCh38 and in many GRCh37 files, so it does not count.
    """
    known = {canonical(n): v for n, v in lengths.items() if v and canonical(n) not in (None, "chrM")}
    if not known:
        return ""
    for name, table in LENGTHS.items():
        if all(table[c] == v for c, v in known.items() if c is not None):
            return name
    # Cut-down contigs (test data) state no build; full-size ones that fit neither are another build.
    return "other" if any(v > 0.8 * LENGTHS[BUILD][c] for c, v in known.items() if c is not None) else ""


@dataclass
class SiteEvidence:
    """How many records lie at known sites of each build, with the known alleles."""

    grch38: int = 0
    grch37: int = 0

    @property
    def build(self) -> str:
        """The build that the sites speak for; "" when too few or too even to tell (fewer than 2, or under 2:1)."""
        most, least = max(self.grch38, self.grch37), min(self.grch38, self.grch37)
        if most < 2 or most < 2 * least:
            return ""
        return "GRCh38" if self.grch38 > self.grch37 else "GRCh37"


class KnownSites:
    """Common variants whose position differs between builds (resources/build_sites.tsv)."""

    def __init__(self, path: Path) -> None:
        self.grch38: dict[tuple[str, int], frozenset[str]] = {}
        self.grch37: dict[tuple[str, int], frozenset[str]] = {}
        self._references: list[tuple[str, int, str]] = []
        with open(path, newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                alleles = frozenset((row["ref"], row["alt"]))
                self._references.append((row["chrom"], int(row["pos_grch38"]), row["ref"]))
                self.grch38[row["chrom"], int(row["pos_grch38"])] = alleles
                self.grch37[row["chrom"], int(row["pos_grch37"])] = alleles

    def references(self) -> list[tuple[str, int, str]]:
        """(chrom, GRCh38 position, GRCh38 base) of each site."""
        return self._references

    def count(self, evidence: SiteEvidence, chrom: str, position: int, ref: str, alts: tuple[str, ...]) -> None:
        """Add one record: it speaks for a build when it names both alleles of a known site at that build's position."""
        key = (chrom, position)
        for build in ("grch38", "grch37"):
            alleles = getattr(self, build).get(key)
            if alleles and ref in alleles and any(a in alleles for a in alts):
                setattr(evidence, build, getattr(evidence, build) + 1)
