"""Two other rules beside ours, on the same bases: PharmCAT's, and PyPGx's with its own tables.

Both are written from their documents, to compare rules, not programs: PharmCAT's drops untested positions and takes
the best score; PyPGx's takes an absent variant for the reference base, and of the alleles whose core variants all lie
on a strand the one of worst function, then the one with most variants.
"""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
from consilium.genomics.stars.alleles import Codes, diplotype, match
from consilium.genomics.stars.lowest import match_lowest
from consilium.genomics.stars.phenotypes import phenotype
from consilium.genomics.stars.tables import Gene

FUNCTION_ORDER = (
    "No Function", "Decreased Function", "Severely Decreased Function", "Possible Decreased Function",
    "Increased Function", "Possible Increased Function", "Uncertain Function", "Unknown Function", "Normal Function",
)  # fmt: skip


Said = tuple[set[str], list[str]]  # phenotypes (none: not called), diplotypes


def pharmcat(gene: Gene, codes: Codes, block: np.ndarray) -> Said:
    """Phenotypes and names of the best-scoring pairs."""
    found = (match_lowest if gene.strategy == "lowest_function" else match)(gene, codes, block)
    phenotypes = {phenotype(gene, *(gene.alleles[a] for a in pair))[0] for pair in found.pairs}
    return phenotypes, [diplotype(gene, pair) for pair in found.pairs]


class PyPGx:
    """PyPGx's tables for one gene."""

    def __init__(self, folder: Path, gene: Gene) -> None:
        self._gene = gene
        facts = next(r for r in _rows(folder, "gene") if r["Gene"] == gene.name)
        self.known = facts["PhenotypeMethod"] != "N/A"
        self._default, self._by_score = facts["GRCh38Default"], facts["PhenotypeMethod"] == "Score"
        alleles = [r for r in _rows(folder, "allele") if r["Gene"] == gene.name]
        self._core = {r["StarAllele"]: r["GRCh38Core"].split(",") for r in alleles if r["GRCh38Core"] != "N/A"}
        self._function = {r["StarAllele"]: r["Function"] for r in alleles}
        self._score = {r["StarAllele"]: r["ActivityScore"] for r in alleles}
        self._phenotype = {r["Diplotype"]: r["Phenotype"] for r in _rows(folder, "diplotype") if r["Gene"] == gene.name}
        self._bounds = [r for r in _rows(folder, "equation") if r["Gene"] == gene.name]

    def call(self, codes: Codes) -> Said:
        """The one phenotype and diplotype reported for phased bases."""
        pair = [self._allele(self._variants(codes[:, strand])) for strand in (0, 1)]
        name = "/".join(pair)
        if self._by_score:
            scores = [float(self._score[a]) if self._score[a] != "N/A" else math.nan for a in pair]
            return {self._of_score(sum(scores))}, [name]
        found = self._phenotype.get(name) or self._phenotype.get("/".join(pair[::-1]), "Indeterminate")
        return {found}, [name] if set(pair) <= {*self._gene.alleles, *self._gene.core} else []

    def _variants(self, strand: np.ndarray) -> set[str]:
        return {
            f"{locus.chrom[3:]}-{locus.pos}-{locus.ref}-{locus.alts[code - 1]}"
            for locus, code in zip(self._gene.loci, strand, strict=True)
            if code > 0
        }

    def _allele(self, variants: set[str]) -> str:
        """The table spells deletions and insertions from the base before, as ours does; absent is reference there."""
        fitting = [a for a, core in self._core.items() if set(core) <= variants]
        order = {name: i for i, name in enumerate(FUNCTION_ORDER)}
        rank = [(order.get(self._function[a], len(order)), -len(self._core[a]), a) for a in fitting]
        return min(rank)[2] if rank else self._default

    def _of_score(self, score: float) -> str:
        low = {"Poor Metabolizer": (0, 1), "Intermediate Metabolizer": (1, 2), "Normal Metabolizer": (2, math.inf)}
        return next((p for p, (a, b) in low.items() if a <= score < b), "Indeterminate")


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{name}-table.csv.gz", "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
