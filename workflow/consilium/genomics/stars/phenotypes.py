"""From the functions of two alleles to a phenotype and an activity score, as the gene's table assigns them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from consilium.genomics.stars.tables import Gene

INDETERMINATE = "Indeterminate"
NOT_ASSIGNED = "no phenotype assigned"  # the source has none for this gene: the diplotype itself is the result
# Functions that lower what the gene product does, or raise sensitivity to the drug: what a carrier count means.
DECREASED = frozenset(
    {"No function", "Decreased function", "Higher coumarin sensitivity", "Malignant Hyperthermia associated",
     "I/Deficient with CNSHA", "II/Deficient", "III/Deficient",
     "Increased risk of aminoglycoside-induced hearing loss"}
)  # fmt: skip
_KNOWN = DECREASED | {"Normal function", "Increased function", "Normal coumarin sensitivity", "IV/Normal",
                      "Normal risk of aminoglycoside-induced hearing loss"}  # fmt: skip


def phenotype(gene: Gene, *alleles: str) -> tuple[str, float]:
    """(phenotype, activity score) of two alleles by name, or of one where a person has one copy of the gene; the score
    is NaN where the gene has none or one allele's activity is unknown: unknown is never zero."""
    return _of_functions(gene, [gene.functions[gene.alleles.index(name)] for name in alleles])


def _of_functions(gene: Gene, functions: Sequence[str]) -> tuple[str, float]:
    if not gene.phenotype_of:
        return NOT_ASSIGNED, math.nan
    first, second = sorted(functions if len(functions) == 2 else ("", *functions))
    return gene.phenotype_of.get((first, second), (INDETERMINATE, math.nan))


def phenotype_matrix(gene: Gene, copies: int = 2) -> tuple[list[str], np.ndarray]:
    """(names, array): array (allele,) or (allele, allele) holds the index into names of what they mean (`meaning`)."""
    key = gene.functions if gene.phenotype_of else gene.core
    kinds = list(dict.fromkeys(key))
    kind = np.array([kinds.index(k) for k in key])
    example = [key.index(k) for k in kinds]
    index: dict[str, int] = {}
    table = np.zeros((len(kinds),) * copies, dtype=np.int64)
    for cell in np.ndindex(table.shape):
        table[cell] = index.setdefault(meaning(gene, *(example[k] for k in cell)), len(index))
    return list(index), table[np.ix_(*[kind] * copies)]


def meaning(gene: Gene, *alleles: int) -> str:
    """What alleles (by index) amount to: their phenotype with score, or, in a gene to which no phenotype is
    assigned, the pair itself: two pairs must not pass for the same because nothing is known of either."""
    if not gene.phenotype_of:
        return "/".join(sorted(gene.core[a] for a in alleles))
    return label_of(_of_functions(gene, [gene.functions[a] for a in alleles]))


def label_of(value: tuple[str, float]) -> str:
    """Phenotype and score as one text: two diplotypes mean the same if this is the same."""
    return value[0] if math.isnan(value[1]) else f"{value[0]} ({value[1]:g})"


def decreased_count(functions: Sequence[str]) -> float:
    """Alleles of decreased or no function (0, 1 or 2); NaN where one of them is not known."""
    if not set(functions) <= _KNOWN:
        return math.nan
    return float(sum(f in DECREASED for f in functions))
