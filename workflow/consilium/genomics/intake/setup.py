"""Files and settings that the reading of every patient's genome needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from consilium.genomics.intake import lifting
from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.known_bases import Bases, KnownBases, read_known_bases
from consilium.genomics.intake.lift import Rules
from consilium.genomics.intake.normalise import Reference
from consilium.genomics.intake.panel import Panel, Wanted, read_panel, read_wanted
from consilium.genomics.intake.thresholds import NO_LIMITS, Limits


@dataclass(frozen=True)
class Setup:
    """Files that every patient's work needs; read inside the worker, so that it can be sent to another process.

    targets: tables of positions. scores: scoring files. reference: FASTA. lift_table: places known in both builds;
    chain: UCSC chain file GRCh37 to GRCh38. callable: BED files of callable regions of everybody.
    validation: lenient, standard or strict. limits: genotypes of VCFs below them count as missing.
    """

    panel: Path
    known_sites: Path
    targets: tuple[Path, ...] = ()
    scores: tuple[Path, ...] = ()
    reference: Path | None = None
    lift_table: Path | None = None
    chain: Path | None = None
    callable: tuple[Path, ...] = ()
    validation: str = "standard"
    limits: Limits = NO_LIMITS

    def load(self) -> tuple[Panel, Wanted, KnownSites, Reference | None]:
        panel = read_panel(self.panel)
        wanted = read_wanted(panel, self.targets, self.scores, self.chain)
        reference = Reference(self.reference) if self.reference else None
        return panel, wanted, KnownSites(self.known_sites), reference

    def bases(self, reference: Reference | None) -> Bases:
        """Reference bases of GRCh38: the FASTA, else what the tables of positions tell."""
        return reference or read_known_bases(self.targets)

    def files(self) -> Iterable[Path]:
        """Every file but the FASTA, whose content is part of each patient's result."""
        more = [p for p in (self.lift_table, self.chain) if p]
        return [self.panel, self.known_sites, *self.targets, *self.scores, *more, *self.callable]


@lru_cache(maxsize=4)
def rules(setup: Setup) -> Rules:
    """What lifts a GRCh37 file over; kept, because a chain file takes a second to read.

    Places: of the chain file where there is one, else of the tables (positions, stretches of pharmacogenes) and of
    scoring files that name both builds. Bases: of the FASTA, else of the tables and the panel.
    """
    reference = Reference(setup.reference) if setup.reference else None
    blocks, differing = lifting.read_table(setup.lift_table) if setup.lift_table else ([], {})
    pairs: dict[tuple[str, int], frozenset[str]] = {}
    singles = []
    for path in setup.targets:
        for block, old, new in lifting.read_targets(path):
            singles.append(block)
            if old != new and len(old) == len(new) == 1:
                differing[block.to_chrom, block.target] = (old, new)
    for path in setup.scores:
        for block, alleles in lifting.read_score(path):
            singles.append(block)
            pairs[block.to_chrom, block.target] = alleles
    places = lifting.places_of_chain(setup.chain) if setup.chain else lifting.Lift([*blocks, *singles])
    known = reference or _tabled_bases(setup, differing)
    return Rules(places, known, differing, pairs, anywhere=setup.validation == "lenient")


def _tabled_bases(setup: Setup, differing: dict[tuple[str, int], tuple[str, str]]) -> KnownBases:
    known = read_known_bases(setup.targets)
    for (chrom, position), (_, new) in differing.items():
        known.add(chrom, position, new)
    for chrom, position, ref in KnownSites(setup.known_sites).references():
        known.add(chrom, position, ref)
    panel = read_panel(setup.panel)
    for chrom, position, ref in zip(panel.chrom, panel.pos, panel.ref, strict=True):
        known.add(str(chrom), int(position), str(ref))
    return known
