"""Our calls, PharmCAT's rule and PyPGx's rule against the GeT-RM consensus, whole and with positions lost.

Our calls twice: with the ancestry that the workflow infers of each person, and with the origin unknown.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from consilium.genomics.stars.observed import UNTESTED, observe
from consilium.genomics.stars.origins import weights_of
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, Finding, call
from consilium.genomics.stars.phenotypes import phenotype
from consilium.genomics.stars.tables import Gene, read_genes
from star_bench import origins, rules, truth
from star_bench.panel import TABLES, read_gene

OTHERS = ("NAT2", "VKORC1", "CYP2C8", "CYP4F2", "DPYD")
FRACTIONS, SEEDS = (5, 10, 25), 20
OURS, UNKNOWN = "consilium", "consilium, origin unknown"
Person = tuple[str, tuple[str, str], np.ndarray, np.ndarray]  # sample, consensus pair, codes, block


def people(data: Path, gene: Gene) -> list[Person]:
    """Everybody of the consensus who is in the panel and whose genotype can be named today."""
    genotypes = read_gene(data, gene, "GRCh37" if gene.name == "DPYD" else "GRCh38")
    assert genotypes is not None
    seen = observe(genotypes, gene)
    at = {sample: i for i, sample in enumerate(genotypes.samples)}
    out = []
    for sample, text in truth.people(data, gene.name):
        pair = truth.todays(gene, text)
        if pair and sample in at:
            out.append((sample, pair, seen.codes[at[sample]], seen.block[at[sample]]))
    return out


def measure(data: Path) -> dict[str, Any]:
    """Per gene: people compared, calls made, right calls, right without the equivalences of LATER, the rest."""
    out: dict[str, Any] = {}
    for name in (*truth.NINE, *OTHERS):
        gene = read_genes(TABLES)[name]
        tally: Counter[str] = Counter()
        rest = []
        for sample, pair, codes, block in people(data, gene):
            finding = call(gene, codes, block, weights=weights_of(gene.populations, origins.shares(data).get(sample)))
            made = finding.call != NOT_CALLED
            right = made and truth.agrees(gene, finding, pair)
            blind = call(gene, codes, block)
            tally.update(compared=1, emitted=made, right=right, emitted_blind=blind.call != NOT_CALLED)
            tally["right_blind"] += blind.call != NOT_CALLED and truth.agrees(gene, blind, pair)
            tally["right_strictly"] += made and truth.agrees(gene, finding, pair, later=False)
            if made and not right:
                rest.append([sample, "/".join(pair), " or ".join(finding.diplotypes[:2]), finding.call])
        out[name] = {**tally, "rest": rest}
    return out


def table(results: dict[str, Any]) -> str:
    lines = ["| gene | compared | called or qualified | phenotype right | without *later* names | the rest |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    total: Counter[str] = Counter()
    for name in (*truth.NINE, "all nine", *OTHERS):
        row: dict[str, Any] = total if name == "all nine" else results[name]
        rest = [] if name == "all nine" else row["rest"]
        why = "; ".join(f"{s}: {truth.EXPLAINED.get((s, name), 'not explained')}" for s, *_ in rest)
        cells = [row[k] for k in ("compared", "emitted", "right", "right_strictly")]
        if name == "all nine":
            cells[1:] = [
                f"{row['emitted']} ({row['emitted'] / row['compared']:.1%})",
                *(f"{row[k]} ({row[k] / row['emitted']:.1%})" for k in ("right", "right_strictly")),
            ]
        lines.append("| " + " | ".join([name, *map(str, cells), why.replace("*", "\\*")]) + " |")
        if name in truth.NINE:
            total.update({k: v for k, v in row.items() if k != "rest"})
    made, right = total["emitted_blind"], total["right_blind"]
    blind = f"Origin unknown: all nine {made} ({made / total['compared']:.1%}), right {right} ({right / made:.1%})."
    return "\n".join([*lines, "", blind])


def measure_dropped(data: Path) -> dict[str, Any]:
    """Rule -> share lost -> counts over the nine genes and all seeds; 0 % is the panel as it is."""
    tally: dict[str, dict[int, Counter[str]]] = {
        rule: {f: Counter() for f in (0, *FRACTIONS)} for rule in (OURS, UNKNOWN, "PharmCAT", "PyPGx")
    }
    shares = origins.shares(data)
    for name in truth.NINE:
        gene = read_genes(TABLES)[name]
        lookup = rules.PyPGx(data / "pypgx_tables", gene)
        seen: dict[bytes, Any] = {}
        for sample, pair, codes, block in people(data, gene):
            weights = weights_of(gene.populations, shares.get(sample))
            for percent in (0, *FRACTIONS):
                for seed in range(SEEDS if percent else 1):
                    lost = _lost(sample, name, percent, seed, len(codes))
                    left = np.where(lost[:, None], UNTESTED, codes).astype(np.int8)
                    key = left.tobytes() + block.tobytes() + (b"" if weights is None else weights.tobytes())
                    if key not in seen:
                        ours = call(gene, left, block, weights=weights), call(gene, left, block)
                        seen[key] = *ours, rules.pharmcat(gene, left, block), lookup.call(left)
                    finding, blind, pharmcat, pypgx = seen[key]
                    _count(tally, percent, gene, pair, finding, blind, pharmcat, pypgx, lookup.known)
    return {rule: {str(f): dict(c) for f, c in found.items()} for rule, found in tally.items()}


def _lost(sample: str, gene: str, percent: int, seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng([seed, percent, *sample.encode(), *gene.encode()])
    return rng.random(n) < percent / 100


def _count(
    tally: dict[str, dict[int, Counter[str]]], percent: int, gene: Gene, pair: tuple[str, str],
    finding: Finding, blind: Finding, pharmcat: rules.Said, pypgx: rules.Said, known: bool,
) -> None:  # fmt: skip
    """A finding that is not called has no phenotypes, so nothing is emitted."""
    expected = phenotype(gene, *pair)[0]
    said = [(rule, (set(f.phenotypes), list(f.diplotypes)), f.call == CALLED)
            for rule, f in ((OURS, finding), (UNKNOWN, blind))]  # fmt: skip
    for rule, (phenotypes, names), sure in (*said, ("PharmCAT", pharmcat, True), ("PyPGx", pypgx, True)):
        if rule == "PyPGx" and not known:
            continue
        emitted = bool(phenotypes)
        right = emitted and truth.means(gene, phenotypes, names, expected)
        alone = len(phenotypes) == 1
        tally[rule][percent].update(
            people=1, emitted=emitted, right=right, several=emitted and not alone,
            sure_and_wrong=emitted and sure and alone and not right,
        )  # fmt: skip


def dropped_table(results: dict[str, Any]) -> str:
    lines = ["| positions lost | rule | people x genes x seeds | coverage | right, of emitted | confidently wrong, of "
             "emitted | several phenotypes given |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for percent in ("0", *map(str, FRACTIONS)):
        for rule in (OURS, UNKNOWN, "PharmCAT", "PyPGx"):
            c = Counter(results[rule][percent])
            made = c["emitted"]
            cells = [f"{percent} %", rule, str(c["people"]), f"{made / c['people']:.1%}", f"{c['right'] / made:.1%}",
                     f"{c['sure_and_wrong'] / made:.2%}", f"{c['several'] / made:.1%}"]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
