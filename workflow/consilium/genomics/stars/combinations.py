"""Combinations and partial alleles, for research: what a strand carries where no pair of defined alleles fits.

`[*6 + *14]`: the variants of several defined alleles on one strand, none of which they share.
`[*17 + g.94781859G>A]`: an allele and a base that no allele beside it explains; off the reference allele only the
bases are named. The rules are those of PharmCAT's research mode: asked only where no ordinary pair fits; without phase
the best-scoring pairings count, and bases off the reference allele are no reading. Of the readings of a strand those
that leave the fewest bases over count, then those of fewest alleles. What a combination does to the enzyme nobody has
assigned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from consilium.genomics.stars.alleles import Codes, natural, scored
from consilium.genomics.stars.tables import Gene, Locus

MOST_PAIRINGS = 128  # of strands without phase that are searched
MOST_VARIANTS = 12  # on one strand
MOST_NAMES = 8  # that fit equally; more say nothing

Bases = npt.NDArray[np.int8]  # (locus,) codes of one strand


@dataclass(frozen=True)
class Strand:
    """One reading of a strand. alleles: by index. rest: loci (with code) whose base no allele explains."""

    alleles: tuple[int, ...]
    rest: tuple[tuple[int, int], ...]
    score: int


@dataclass(frozen=True)
class Combined:
    """names: diplotypes that fit equally. strands: the pairing of the first. alleles: all components. failure: why
    none is named."""

    names: tuple[str, ...] = ()
    strands: tuple[Bases, ...] = ()
    alleles: frozenset[int] = frozenset()
    failure: str = ""


def combined(gene: Gene, pairings: Sequence[Codes], copies: int = 2) -> Combined:
    """The best-scoring readings of a person's strands; pairings as in `Match.strands`."""
    if len(pairings) > MOST_PAIRINGS:
        return Combined(failure=f"more than {MOST_PAIRINGS} ways to pair the bases into strands")
    alone = len(pairings) == 1
    read: dict[bytes, list[Strand]] = {}
    found: list[tuple[int, tuple[Strand, ...], Codes]] = []
    for codes in pairings:
        sequences = [codes[:, s] for s in range(copies)]
        for sequence in sequences:
            if sequence.tobytes() not in read:
                read[sequence.tobytes()] = list(readings(gene, sequence, alone))
        for strands in product(*(read[sequence.tobytes()] for sequence in sequences)):
            found.append((sum(s.score for s in strands), strands, codes))
    if not found:
        return Combined(failure="no combination of defined alleles explains the bases")
    top = [f for f in found if f[0] == max(score for score, *_ in found)]
    names = dict.fromkeys("/".join(sorted((name_of(gene, s) for s in strands), key=_order)) for _, strands, _ in top)
    if len(names) > MOST_NAMES:
        return Combined(failure=f"{len(names)} combinations of alleles fit equally")
    alleles = frozenset(a for _, strands, _ in top for strand in strands for a in strand.alleles)
    first = top[0][2]
    return Combined(tuple(sorted(names, key=_order)), tuple(first[:, s] for s in range(copies)), alleles)


def readings(gene: Gene, sequence: Bases, alone: bool) -> Iterator[Strand]:
    """Readings of one strand: defined alleles that fit it, or else combinations. alone: there is one pairing only."""
    ordinary = scored(gene, sequence)
    if ordinary:
        top = max(score for _, score in ordinary)
        yield from (Strand((a,), (), top) for a, score in ordinary if score == top)
        return
    variants = tuple(int(i) for i in np.flatnonzero(sequence > 0))
    if len(variants) > MOST_VARIANTS:
        return
    found = list(_fillings(variants, _covers(gene, sequence)))
    fewest = min((len(rest), len(alleles)) for alleles, rest in found)
    for alleles, rest in found:
        if (len(rest), len(alleles)) == fewest and (alleles or alone):
            points = int(gene.explicit[list(alleles)][:, sequence >= 0].sum())
            yield Strand(alleles, tuple((i, int(sequence[i])) for i in rest), points)


def name_of(gene: Gene, strand: Strand) -> str:
    """`*2`, `[*6 + *14]`, `[*17 + g.94781859G>A]`, `g.94781859G>A`."""
    parts = sorted((gene.core[a] for a in strand.alleles), key=natural)
    parts += [_base(gene.loci[i], code) for i, code in strand.rest]
    return parts[0] if len(parts) == 1 else f"[{' + '.join(parts)}]"


def _base(locus: Locus, code: int) -> str:
    return f"g.{locus.pos}{locus.ref}>{locus.alts[code - 1]}"


def _order(name: str) -> tuple[bool, tuple[tuple[int, str], ...]]:
    """Plain alleles before combinations, as in *1/[*6 + *28]."""
    return name.startswith("["), natural(name)


def _covers(gene: Gene, sequence: Bases) -> dict[int, frozenset[int]]:
    """Allele -> the strand's variants that it explains; alleles all of whose tested variants the strand has."""
    tested = sequence >= 0
    agrees = (gene.accepts >> np.maximum(sequence, 0)) & 1 == 1
    own = (gene.accepts & 1 == 0) & tested
    has = own.any(axis=1) & (~own | agrees).all(axis=1)
    explained = (gene.accepts > 1) & agrees & (sequence > 0)
    return {int(a): frozenset(map(int, np.flatnonzero(explained[a]))) for a in np.flatnonzero(has)}


def _fillings(
    variants: tuple[int, ...], covers: dict[int, frozenset[int]]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(alleles, variants left over) of every way to explain variants by alleles that share none of them."""
    if not variants:
        yield (), ()
        return
    first = variants[0]
    for allele, cover in covers.items():
        if first in cover and cover <= set(variants):
            for alleles, rest in _fillings(tuple(v for v in variants if v not in cover), covers):
                yield tuple(sorted((allele, *alleles))), rest
    for alleles, rest in _fillings(variants[1:], covers):
        yield alleles, (first, *rest)
