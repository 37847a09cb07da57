"""Every pair of alleles of ten genes, written down and read back: phased, then with the phase thrown away.

What must hold: the true pair is among the pairs that fit (whatever their score); the true phenotype is reported, or
named among what also fits, or nothing is called.
Where a definition takes either of two bases, both are tried.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import numpy as np
from consilium.genomics.stars.alleles import MAX_FREE_BLOCKS, diplotype, match, viable
from consilium.genomics.stars.observed import UNPHASED
from consilium.genomics.stars.pharmacogenes import NOT_CALLED, call
from consilium.genomics.stars.phenotypes import meaning
from consilium.genomics.stars.tables import Gene, read_genes
from star_bench.panel import TABLES

GENES = ("CYP2C19", "CYP2C9", "CYP2B6", "CYP3A5", "CYP3A4", "SLCO1B1", "TPMT", "NUDT15", "UGT1A1", "NAT2")


def sequences(gene: Gene, allele: int) -> list[np.ndarray]:
    """The bases of an allele; where a definition takes either of two, once with the first and once with the last."""
    choices = [[k for k in range(8) if bits >> k & 1] for bits in gene.accepts[allele]]
    found = {tuple(c[0] for c in choices), tuple(c[-1] for c in choices)}
    return [np.array(bases, dtype=np.int8) for bases in sorted(found)]


def people(gene: Gene) -> list[tuple[tuple[int, int], np.ndarray]]:
    """(pair of alleles, codes (locus, strand)) of every pair."""
    spelled = [sequences(gene, a) for a in range(len(gene.alleles))]
    return [
        ((a, b), np.stack(pair, axis=1))
        for a, b in combinations_with_replacement(range(len(gene.alleles)), 2)
        for pair in product(spelled[a], spelled[b])
    ]


def judged(gene: Gene, pair: tuple[int, int], codes: np.ndarray, phased: bool) -> dict[str, int]:
    """Counts of one made-up person."""
    block = np.full(len(gene.loci), 0 if phased else UNPHASED, dtype=np.int64)
    if not phased and (codes[:, 0] != codes[:, 1]).sum() > MAX_FREE_BLOCKS:
        return {"too_many": 1}
    found = match(gene, codes, block)
    names = {diplotype(gene, p) for p in viable(gene, found.strands)}
    finding = call(gene, codes, block)
    truth = meaning(gene, *pair)
    same = {meaning(gene, *p) for p in found.pairs} == {truth}
    in_report = truth.split(" (")[0] in finding.phenotypes
    named = any(text.endswith(f"({truth})") for text in finding.also_fits)
    return {"people": 1, "true_in_set": diplotype(gene, pair) in names, "best_is_true": same, "reported": in_report,
            "said": in_report or named or finding.call == NOT_CALLED}  # fmt: skip


def measure(_: Path) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in GENES:
        gene = read_genes(TABLES)[name]
        made = people(gene)
        out[name] = {}
        for phased in (True, False):
            tally: Counter[str] = Counter()
            for pair, codes in made:
                tally.update(judged(gene, pair, codes, phased))
            out[name]["phased" if phased else "unphased"] = dict(tally)
        print(name, out[name], flush=True)
    return out


def table(results: dict[str, Any]) -> str:
    lines = ["| gene | phase | people | true pair among those that fit | true phenotype reported or named as also "
             "fitting | best-scoring pairs all have the true phenotype |", "|---|---|---|---|---|---|"]  # fmt: skip
    for gene, found in results.items():
        for phase, row in found.items():
            c = Counter(row)
            cells = [gene, phase, c["people"], c["true_in_set"], c["said"], c["best_is_true"]]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
