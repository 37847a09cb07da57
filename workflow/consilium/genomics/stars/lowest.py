"""DPYD, RYR1, CACNA1S, CFTR, MT-RNR1: the lowest-function rule. The worst variant of a strand counts, not a haplotype.

Phased: the variant of lowest rank on each strand (DPYD: activity; RYR1, CACNA1S: associated with malignant
hyperthermia before unknown before normal; CFTR: responsive to ivacaftor before the rest). Not phased: the two
variants of lowest rank, assumed to lie on different strands (the safe assumption); a homozygous variant counts
twice. HapB3: the intronic rs75017182 decides, the exonic rs56038477 only where the intronic one is untested (doi
10.1002/cpt.911 for the activity scores).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from consilium.genomics.stars.alleles import Codes, Match, is_phased, settled
from consilium.genomics.stars.tables import UNASSIGNED, Gene

HAPB3_INTRON, HAPB3_EXON = "rs75017182", "rs56038477"
NORMAL = 1.0  # rank of normal function


def match_lowest(gene: Gene, codes: Codes, block: npt.NDArray[np.int64]) -> Match:
    """The pair of alleles that the rule reports for one person."""
    codes, notes, failure = settled(gene, codes)
    if failure:
        return Match((), (), None, failure)
    phased = is_phased(codes, block)
    warnings = [*notes, *_hapb3_notes(gene, codes)]
    if phased:
        pair = tuple(_worst(gene, carried(gene, codes[:, strand])) for strand in (0, 1))
    else:
        both = _counted(gene, codes)
        pair = tuple((sorted(both.elements(), key=lambda a: _rank(gene, a)) + [gene.reference] * 2)[:2])
        if sum(gene.rank[a] < NORMAL for a in both) > 1:
            warnings.append("variants of unknown phase, assumed on different strands")
    warnings += _unclassified(gene, pair)
    return Match(((min(pair), max(pair)),), (codes,), phased, "", tuple(warnings), bool(warnings))


def lowest_one(gene: Gene, codes: Codes) -> Match:
    """The worst variant of one person who has one copy of the gene; codes hold the same base on both strands."""
    codes, notes, failure = settled(gene, codes)
    if failure:
        return Match((), (), None, failure)
    worst = _worst(gene, carried(gene, codes[:, 0]))
    notes = (*notes, *_unclassified(gene, (worst,)))
    return Match(((worst,),), (codes,), True, "", notes, bool(notes))


def _unclassified(gene: Gene, pair: tuple[int, ...]) -> list[str]:
    names = [gene.alleles[a] for a in dict.fromkeys(pair) if gene.functions[a] == UNASSIGNED]
    return [f"{', '.join(names)}: not classified by the source ({gene.assigned})"] if names else []


def carried(gene: Gene, sequence: npt.NDArray[np.int8]) -> list[int]:
    """Alleles on one strand, by index."""
    alternative = gene.accepts > 1
    fitting = (gene.accepts >> np.maximum(sequence, 0)) & 1 == 1
    has = alternative.any(axis=1) & (~alternative | ((sequence >= 0) & fitting)).all(axis=1)
    found = [int(a) for a in np.flatnonzero(has) if a not in _hapb3_alleles(gene)]
    intron, exon = gene.locus(HAPB3_INTRON), gene.locus(HAPB3_EXON)
    if intron is None or exon is None:
        return found
    haplotype, intron_only = _hapb3_alleles(gene)
    if sequence[intron] > 0:
        found.append(haplotype if sequence[exon] > 0 else intron_only)
    elif sequence[intron] < 0 and sequence[exon] > 0:
        found.append(haplotype)
    return found


def _hapb3_alleles(gene: Gene) -> tuple[int, ...]:
    """(HapB3, its intronic variant alone), by the positions they need; () in a gene without them."""
    intron, exon = gene.locus(HAPB3_INTRON), gene.locus(HAPB3_EXON)
    if intron is None or exon is None:
        return ()
    needs_intron, needs_exon = gene.accepts[:, intron] > 1, gene.accepts[:, exon] > 1
    return int(np.argmax(needs_intron & needs_exon)), int(np.argmax(needs_intron & ~needs_exon))


def _counted(gene: Gene, codes: Codes) -> Counter[int]:
    """Copies of each allele in both strands together, phase unknown: HapB3 needs both of its bases."""
    first, second = (Counter(carried(gene, codes[:, s])) for s in (0, 1))
    out = first + second
    intron, exon = gene.locus(HAPB3_INTRON), gene.locus(HAPB3_EXON)
    if intron is None or exon is None or (codes[intron] < 0).any():
        return out
    haplotype, intron_only = _hapb3_alleles(gene)
    n_intron, n_exon = int((codes[intron] > 0).sum()), int((codes[exon] > 0).sum())
    out[haplotype] = min(n_intron, n_exon)
    out[intron_only] = n_intron - out[haplotype]
    return +out


def _rank(gene: Gene, allele: int) -> tuple[float, int]:
    return float(gene.rank[allele]), allele


def _worst(gene: Gene, alleles: list[int]) -> int:
    return min(alleles, key=lambda a: _rank(gene, a)) if alleles else gene.reference


def _hapb3_notes(gene: Gene, codes: Codes) -> list[str]:
    intron, exon = gene.locus(HAPB3_INTRON), gene.locus(HAPB3_EXON)
    if intron is None or exon is None:
        return []
    n_exon = int((codes[exon] > 0).sum())
    if (codes[intron] < 0).any():
        return [f"HapB3 read from {HAPB3_EXON} alone: {HAPB3_INTRON} is untested"] if n_exon else []
    if n_exon > int((codes[intron] > 0).sum()):
        return [f"{HAPB3_EXON} without {HAPB3_INTRON}: the intronic base decides"]
    return []
