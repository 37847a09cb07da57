"""How many copies of a gene a person has: one of G6PD in men (X chromosome), one kind of mitochondria in everybody.

Files write one copy as one base (`1`) or as two equal ones (`1/1`): both are read. Two different bases are an error in
a man's X, and a mixture (heteroplasmy) in mitochondria.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.genomics.stars.alleles import Codes
from consilium.genomics.stars.tables import Gene

FEMALE, MALE, UNKNOWN = "female", "male", "unknown"


@dataclass(frozen=True)
class Copies:
    """number: 1 or 2. note: what qualifies the call. failure: why nothing is said of the gene."""

    number: int
    note: str = ""
    failure: str = ""


def copies_of(gene: Gene, codes: Codes, haploid: bool, sex: str) -> Copies:
    """Copies of the gene in one person: codes (locus, strand); haploid: the file has calls of one strand."""
    if gene.copies == "2":
        return Copies(2)
    mixed = [gene.loci[i].name for i in np.flatnonzero((codes[:, 0] != codes[:, 1]) & (codes >= 0).all(axis=1))]
    where = ", ".join(mixed)
    if gene.copies == "mt":
        return Copies(
            1, f"mixed bases at {where}: part of the mitochondria (heteroplasmy), or an error" if mixed else ""
        )
    if haploid and sex == FEMALE:
        return Copies(2, failure="one strand only, but the sheet says female")
    if haploid or sex == MALE:
        return Copies(1, failure=f"two different bases at {where} in a man, who has one X chromosome" if mixed else "")
    if sex == UNKNOWN and mixed:
        return Copies(2, "sex unknown: two different bases, taken as a woman's two copies")
    return Copies(2)


def one_strand(codes: Codes) -> Codes:
    """Codes with the alternative base on both strands wherever they differ: what part of the copies carries counts."""
    differ = (codes[:, 0] != codes[:, 1]) & (codes >= 0).all(axis=1)
    return np.where(differ[:, None], codes.max(axis=1, keepdims=True), codes).astype(np.int8)
