"""What else fits the bases: for every phenotype that is not reported, the most frequent pair of alleles that has it.

A call may be right with a probability of 0.999 and still be one of several that the data allow, as *1/*3A and *3B/*3C
of TPMT where the phase is unknown. Such pairs are named beside the call, however improbable.
"""

from __future__ import annotations

import numpy as np

from consilium.genomics.stars.alleles import Match, Pair, diplotype, viable
from consilium.genomics.stars.phenotypes import meaning
from consilium.genomics.stars.tables import Gene

_MOST = 5


def also_fits(gene: Gene, found: Match) -> tuple[str, ...]:
    """ "diplotype (phenotype)" of at most five other phenotypes, the most frequent first; () where nothing else fits,
    where one copy is read, or where the worst variants count."""
    if gene.strategy == "lowest_function" or not found.strands or len(found.pairs[0]) != 2:
        return ()
    reported = {meaning(gene, *pair) for pair in found.pairs}
    best: dict[str, tuple[float, Pair]] = {}
    for pair in viable(gene, found.strands):
        label = meaning(gene, *pair)
        if label not in reported:
            weight = _weight(gene, pair)
            best[label] = max(best.get(label, (weight, pair)), (weight, pair), key=lambda w: w[0])
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))
    named = {label: diplotype(gene, pair) for label, (_, pair) in ranked[:_MOST]}
    return tuple(name if name == label else f"{name} ({label})" for label, name in named.items())


def _weight(gene: Gene, pair: Pair) -> float:
    """Largest prior of a pair over populations; 0 where frequencies are unknown."""
    first, second = pair
    return float(np.nan_to_num(gene.frequencies[:, first] * gene.frequencies[:, second]).max())
