"""From the functions of two alleles to a phenotype and an activity score, as the gene's table assigns them."""

from __future__ import annotations

import math

import numpy as np

from consilium.genomics.stars.tables import Gene

INDETERMINATE = "Indeterminate"
NOT_ASSIGNED = "no phenotype assigned"  # the source has none for this gene: the diplotype itself is the result
# Functions that lower what the gene product does, or raise sensitivity to the drug: what a carrier count means.
DECREASED = frozenset(
    {"No function", "Decreased function", "Higher coumarin sensitivity", "Malignant Hyperthermia associated"}
)
_KNOWN = DECREASED | {"Normal function", "Increased function", "Normal coumarin sensitivity"}


def phenotype(gene: Gene, first: str, second: str) -> tuple[str, float]:
    """(phenotype, activity score) of two alleles by name; the score is NaN where the gene has none or one allele's
    activity is unknown: unknown is never zero."""
    if not gene.phenotype_of:
        return NOT_ASSIGNED, math.nan
    functions = sorted((gene.functions[gene.alleles.index(first)], gene.functions[gene.alleles.index(second)]))
    return gene.phenotype_of.get((functions[0], functions[1]), (INDETERMINATE, math.nan))


def phenotype_matrix(gene: Gene) -> tuple[list[str], np.ndarray]:
    """(names, matrix): matrix (allele, allele) holds the index into names of what the pair means (`meaning`)."""
    index: dict[str, int] = {}
    matrix = np.zeros((len(gene.alleles), len(gene.alleles)), dtype=np.int64)
    for i in range(len(gene.alleles)):
        for j in range(len(gene.alleles)):
            matrix[i, j] = index.setdefault(meaning(gene, i, j), len(index))
    return list(index), matrix


def meaning(gene: Gene, first: int, second: int) -> str:
    """What a pair of alleles (by index) amounts to: its phenotype with score, or, in a gene to which no phenotype is
    assigned, the pair itself: two pairs must not pass for the same because nothing is known of either."""
    if not gene.phenotype_of:
        return "/".join(sorted((gene.core[first], gene.core[second])))
    functions = sorted((gene.functions[first], gene.functions[second]))
    return label_of(gene.phenotype_of.get((functions[0], functions[1]), (INDETERMINATE, math.nan)))


def label_of(value: tuple[str, float]) -> str:
    """Phenotype and score as one text: two diplotypes mean the same if this is the same."""
    return value[0] if math.isnan(value[1]) else f"{value[0]} ({value[1]:g})"


def decreased_count(functions: tuple[str, str]) -> float:
    """Alleles of decreased or no function (0, 1 or 2); NaN where one of the two is not known."""
    if not set(functions) <= _KNOWN:
        return math.nan
    return float(sum(f in DECREASED for f in functions))
