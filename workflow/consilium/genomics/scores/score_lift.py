"""Terms of a scoring file on GRCh37 at their places in GRCh38."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.lifting import Lift
from consilium.genomics.scores.allele_codes import turned
from consilium.genomics.scores.scoring_file import Terms

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def lifted(terms: Terms, places: Lift) -> Terms:
    """Every term at its place in GRCh38, alleles on that strand; position 0 where it has none.

    Which allele is the reference may differ between the builds: matching asks for the pair alone. A term with an allele
    of several bases has a place only where all of them lie in one stretch without gaps and on the same strand, since
    its position is that of the first base.
    """
    chrom, pos, other_strand = terms.chrom.copy(), np.zeros_like(terms.pos), np.zeros(len(terms), dtype=bool)
    span = np.array([max(map(len, pair)) for pair in zip(terms.effect_allele, terms.other_allele, strict=True)])
    for number in np.unique(terms.chrom[terms.key >= 0]).tolist():
        here = np.flatnonzero((terms.chrom == number) & (terms.key >= 0))
        chrom[here], pos[here], other_strand[here] = _placed(terms.pos[here], span[here], places, number)
    return replace(
        terms, chrom=chrom, pos=pos, effect_allele=_on_strand(terms.effect_allele, other_strand),
        other_allele=_on_strand(terms.other_allele, other_strand),
    )  # fmt: skip


def _placed(pos: Ints, span: Ints, places: Lift, number: int) -> tuple[Ints, Ints, Bools]:
    """(chromosome, position or 0, on the other strand) of positions on one chromosome of GRCh37."""
    blocks = places.blocks(CONTIGS[number])
    if not blocks:
        return np.full_like(pos, number), np.zeros_like(pos), np.zeros(len(pos), dtype=bool)
    start, end, target = (np.array([getattr(b, name) for b in blocks]) for name in ("start", "end", "target"))
    minus = np.array([b.minus for b in blocks])
    contig = np.array([CONTIGS.index(b.to_chrom) for b in blocks])
    i = np.maximum(np.searchsorted(start, pos, side="right") - 1, 0)
    there = (start[i] <= pos) & (pos + span - 1 <= end[i]) & ~(minus[i] & (span > 1))
    moved = target[i] + np.where(minus[i], end[i] - pos, pos - start[i])
    return np.where(there, contig[i], number), np.where(there, moved, 0), there & minus[i]


def _on_strand(alleles: npt.NDArray[np.object_], other_strand: Bools) -> npt.NDArray[np.object_]:
    out = alleles.copy()
    out[other_strand] = [turned(a) for a in alleles[other_strand]]
    return out
