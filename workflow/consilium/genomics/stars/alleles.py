"""Named-allele matching: which pairs of star alleles fit the bases seen at a gene's defining positions.

An allele's score is the number of defining positions it names among those tested; a pair's score is the sum, and
only the best-scoring pairs are reported. A position that is untested is dropped from every allele: alleles that can
no longer be told apart are all returned, and `certainty` says how probable the others are. The score only
breaks ties: it is no likelihood. NAT2: where the phase is unknown, its source names the pair to take among those that
fit (`Gene.preferred`), whatever the score.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from consilium.genomics.stars.observed import HALF_CALL, UNDOCUMENTED, UNPHASED, UNTESTED
from consilium.genomics.stars.tables import REFERENCE, Gene

Codes = npt.NDArray[np.int8]  # (locus, strand)
Pair = tuple[int, ...]  # indices of two alleles; of one where a person has one copy of the gene

MAX_FREE_BLOCKS = 12  # 2^12 ways to pair strands; more unphased sites than that are not a star-allele question


@dataclass(frozen=True)
class Match:
    """What the bases of one person allow.

    pairs: best-scoring allele pairs (empty: not called, `failure` says why). strands: every way to pair the bases
    into two sequences. notes: what was assumed. qualified: an assumption that the reader must know of.
    """

    pairs: tuple[Pair, ...]
    strands: tuple[Codes, ...]
    phased: bool | None
    failure: str = ""
    notes: tuple[str, ...] = ()
    qualified: bool = False


def match(gene: Gene, codes: Codes, block: npt.NDArray[np.int64]) -> Match:
    """Best-scoring allele pairs of one person; codes and block of the gene's loci as in `Observed`."""
    codes, notes, failure = settled(gene, codes)
    failure = failure or _lacking(gene, codes)
    if failure:
        return Match((), (), None, failure)
    free = _free_blocks(codes, block)
    if len(free) > MAX_FREE_BLOCKS:
        return Match((), (), False, f"{len(free)} heterozygous positions of unknown phase")
    strands = tuple(_pairings(codes, free))
    phased = len(strands) == 1
    scores = viable(gene, strands)
    if not scores:
        return Match((), strands, phased, "the combination of bases fits no pair of defined alleles", notes)
    top = max(scores.values())
    best = tuple(sorted(pair for pair, score in scores.items() if score == top))
    if not phased:
        best = _preferred(gene, scores) or best
    return Match(best, strands, phased, "", notes, bool(notes))


def viable(gene: Gene, strands: Sequence[Codes]) -> dict[Pair, int]:
    """Score of every allele pair that explains some pairing of the bases."""
    scores: dict[Pair, int] = {}
    for pairing in strands:
        first, second = (scored(gene, pairing[:, s]) for s in (0, 1))
        for (a, score_a), (b, score_b) in product(first, second):
            pair = (min(a, b), max(a, b))
            scores[pair] = max(scores.get(pair, 0), score_a + score_b)
    return scores


def match_one(gene: Gene, codes: Codes) -> Match:
    """Best-scoring alleles of one person who has one copy of the gene; codes hold the same base on both strands."""
    codes, notes, failure = settled(gene, codes)
    if failure:
        return Match((), (), None, failure)
    fitting = scored(gene, codes[:, 0])
    if not fitting:
        return Match((), (codes,), True, "the bases fit no defined allele", notes)
    top = max(score for _, score in fitting)
    return Match(tuple((a,) for a, score in fitting if score == top), (codes,), True, "", notes, bool(notes))


def settled(gene: Gene, codes: Codes) -> tuple[Codes, tuple[str, ...], str]:
    """Half calls and undocumented bases decided: (codes, notes, failure). An empty failure: go on."""
    half = [gene.loci[i].name for i in np.flatnonzero((codes == HALF_CALL).any(axis=1))]
    if half:
        return codes, (), f"half call at {', '.join(half)}"
    if (codes == UNTESTED).all():
        return codes, (), "no defining position was called"
    odd = [gene.loci[i].name for i in np.flatnonzero((codes == UNDOCUMENTED).any(axis=1))]
    if not odd:
        return codes, (), ""
    if gene.undocumented == "no_call":
        return codes, (), f"undocumented base at {', '.join(odd)}"
    note = f"undocumented base at {', '.join(odd)} taken as reference (unverified)"
    return np.where(codes == UNDOCUMENTED, REFERENCE, codes).astype(np.int8), (note,), ""


def _preferred(gene: Gene, scores: Iterable[Pair]) -> tuple[Pair, ...]:
    """The pair that the source takes of those that fit; () where it has no rule. Pairs beyond the set of a rule, which
    an untested position leaves open, do not undo it; of several sets the largest counts."""
    of = {diplotype(gene, pair): pair for pair in scores}
    known = [names for names in gene.preferred if names <= of.keys()]
    return (of[gene.preferred[max(known, key=len)]],) if known else ()


def _lacking(gene: Gene, codes: Codes) -> str:
    """Why nothing is said of a gene whose required positions are not all tested; "" where they are."""
    lacking = [gene.loci[i].rsid for i in gene.required if (codes[i] < 0).any()]
    return f"required position untested: {', '.join(lacking)}" if lacking else ""


def _free_blocks(codes: Codes, block: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Loci whose strands differ, grouped by what is phased together; each unphased locus is a group of its own."""
    het = np.flatnonzero(strands_differ(codes))
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i in het:
        groups[("site", int(i)) if block[i] == UNPHASED else ("set", int(block[i]))].append(int(i))
    return [np.array(g) for g in groups.values()]


def strands_differ(codes: Codes) -> npt.NDArray[np.bool_]:
    """(..., locus): two different bases, or one base and a strand without a call (half calls that are read)."""
    known = (codes >= UNTESTED).all(axis=-1) & (codes >= 0).any(axis=-1)
    return np.asarray((codes[..., 0] != codes[..., 1]) & known)


def is_phased(codes: Codes, block: npt.NDArray[np.int64]) -> bool:
    """There is one way only to pair the bases into strands."""
    return len(_free_blocks(codes, block)) <= 1


def _pairings(codes: Codes, free: Sequence[npt.NDArray[np.int64]]) -> Iterator[Codes]:
    """All ways to pair the bases; the first block keeps its order, as the two strands have no names."""
    for turned in product((False, True), repeat=max(len(free) - 1, 0)):
        out = codes.copy()
        for loci, turn in zip(free[1:], turned, strict=True):
            if turn:
                out[loci] = out[loci][:, ::-1]
        yield out


def fits(gene: Gene, sequence: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """(allele,): the allele accepts every tested base of one strand."""
    tested = sequence >= 0
    return np.asarray(((gene.accepts[:, tested] >> sequence[tested]) & 1).all(axis=1))


def scored(gene: Gene, sequence: npt.NDArray[np.int8]) -> list[tuple[int, int]]:
    """(allele, score) of the alleles that fit one strand; alleles with no tested position are left out."""
    tested = sequence >= 0
    named = gene.explicit[:, tested].sum(axis=1)
    wobble = (gene.wobbles()[:, tested] & (sequence[tested] == REFERENCE)).sum(axis=1)
    chosen = np.flatnonzero(fits(gene, sequence) & (named > 0))
    return [(int(a), int(named[a] - wobble[a])) for a in chosen]


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key that puts *2 before *10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part)


def diplotype(gene: Gene, pair: Pair) -> str:
    """Name of a pair, e.g. *1/*2: reported alleles in natural order; of one copy the allele alone."""
    return "/".join(sorted((gene.core[a] for a in pair), key=natural))
