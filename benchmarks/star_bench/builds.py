"""The same 2,504 people called from both builds of the panel, and why some differ.

The two call sets are different experiments (30x reads against low coverage). A difference can come from (1) positions
that only one of them has, (2) another base or phase at a position that both have. Calling both from the positions
that both have leaves (2) alone; whoever has the same bases there must have the same phenotype.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from consilium.genomics.stars.observed import UNTESTED, Observed, observe
from consilium.genomics.stars.pharmacogenes import Finding, call_cohort
from consilium.genomics.stars.tables import Gene, read_genes
from star_bench.panel import TABLES, read_gene, sexes


def both(data: Path, gene: Gene) -> tuple[list[str], Observed, Observed] | None:
    """(people in both, bases from GRCh38, bases from GRCh37)."""
    new, old = read_gene(data, gene, "GRCh38"), read_gene(data, gene, "GRCh37")
    if new is None or old is None:
        return None
    at = {sample: i for i, sample in enumerate(new.samples)}
    rows = [at[sample] for sample in old.samples]
    seen = observe(new, gene)
    return old.samples, Observed(seen.codes[rows], seen.block[rows], seen.haploid[rows]), observe(old, gene)


def measure(data: Path) -> dict[str, Any]:
    """Per gene: people, positions in each build and in both, phenotypes that differ, and how."""
    sex = sexes(data)
    out: dict[str, Any] = {}
    for gene in (g for g in read_genes(TABLES).values() if g.loci):
        found = both(data, gene)
        if found is None:
            continue
        samples, new, old = found
        people = [sex.get(s, "unknown") for s in samples]
        tested = [np.asarray((o.codes >= 0).any(axis=(0, 2))) for o in (new, old)]
        whole = [call_cohort(gene, o, people) for o in (new, old)]
        shared = [call_cohort(gene, _only(o, tested[0] & tested[1]), people) for o in (new, old)]
        same = _same_bases(new, old, tested[0] & tested[1])
        out[gene.name] = {
            "people": len(samples), "in_38": int(tested[0].sum()), "in_37": int(tested[1].sum()),
            "in_both": int((tested[0] & tested[1]).sum()),
            "differ": _differ(*whole).count(True), "differ_on_shared": _differ(*shared).count(True),
            "other_bases": int((~same).sum()),
            "same_bases_but_differ": sum(d and bool(s) for d, s in zip(_differ(*shared), same, strict=True)),
            "most_frequent": _most_frequent(shared),
        }  # fmt: skip
    return out


def _only(observed: Observed, keep: np.ndarray) -> Observed:
    codes = np.where(keep[None, :, None], observed.codes, UNTESTED).astype(np.int8)
    return Observed(codes, observed.block, observed.haploid)


def _same_bases(new: Observed, old: Observed, keep: np.ndarray) -> np.ndarray:
    """(person,): the same two strands at the positions that both have, whichever is named first."""
    a, b = new.codes[:, keep], old.codes[:, keep]
    return np.asarray((a == b).all(axis=(1, 2)) | (a == b[:, :, ::-1]).all(axis=(1, 2)))


def _differ(new: list[Finding], old: list[Finding]) -> list[bool]:
    return [a.phenotypes != b.phenotypes for a, b in zip(new, old, strict=True)]


def _most_frequent(shared: list[list[Finding]]) -> list[list[Any]]:
    tally = Counter(
        (_said(a), _said(b)) for a, b in zip(*shared, strict=True) if a.phenotypes != b.phenotypes
    )  # fmt: skip
    return [[n, a, b] for (a, b), n in tally.most_common(3)]


def _said(finding: Finding) -> str:
    return f"{finding.diplotypes[0]} ({' or '.join(finding.phenotypes)})" if finding.diplotypes else finding.reason


def table(results: dict[str, Any]) -> str:
    lines = ["| gene | positions in GRCh38 / GRCh37 / both | phenotype differs, each with its own positions | differs "
             "on the positions of both | people with another base or phase there | differ though bases are the same | "
             "most frequent difference |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    total: Counter[str] = Counter()
    for gene, r in results.items():
        total.update({k: v for k, v in r.items() if isinstance(v, int)})
        most = "; ".join(f"{n} x {a} / {b}" for n, a, b in r["most_frequent"][:1]).replace("*", "\\*")
        cells = [gene, f"{r['in_38']} / {r['in_37']} / {r['in_both']}", r["differ"], r["differ_on_shared"],
                 r["other_bases"], r["same_bases_but_differ"], most]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    cells = [
        "all",
        "",
        total["differ"],
        total["differ_on_shared"],
        total["other_bases"],
        total["same_bases_but_differ"],
    ]
    return "\n".join([*lines, "| " + " | ".join(map(str, cells)) + " | |"])
