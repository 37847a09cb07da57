"""Which star alleles are planted in whom, and what they mean: a truth of its own.

Positions and bases come from resources/star_alleles. Functions and phenotypes are written down here a second time
(CPIC guidelines: doi 10.1002/cpt.2526 CYP2C19, 10.1002/cpt.2004 CYP2C9, 10.1002/cpt.2557 SLCO1B1, 10.1002/cpt.1304
TPMT and NUDT15, 10.1002/cpt.911 DPYD, 10.1002/cpt.113 CYP3A5, 10.1002/cpt.668 VKORC1), so that the truth does not
depend on the tables or the code that it judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.simulate.people import POPULATIONS

TABLES = Path(__file__).resolve().parents[3] / "resources" / "star_alleles"
GENES = ("CYP2C19", "CYP2C9", "VKORC1", "SLCO1B1", "TPMT", "NUDT15", "DPYD", "CYP3A5")
_C, _T = "rs9923231 reference (C)", "rs9923231 variant (T)"
_HAPB3 = "c.1129-5923C>G, c.1236G>A (HapB3)"

# Function of every planted allele. Activity values for CYP2C9 and DPYD.
FUNCTION: dict[str, dict[str, str | float]] = {
    "CYP2C19": {"*1": "normal", "*38": "normal", "*2": "no", "*3": "no", "*17": "increased"},
    "CYP2C9": {"*1": 1.0, "*2": 0.5, "*3": 0.0, "*5": 0.5, "*8": 0.5, "*11": 0.5},
    "VKORC1": {_C: "G", _T: "A"},
    "SLCO1B1": {"*1": "normal", "*37": "normal", "*5": "no", "*15": "no", "*14": "increased", "*20": "increased"},
    "TPMT": {"*1": "normal", "*2": "no", "*3A": "no", "*3C": "no"},
    "NUDT15": {"*1": "normal", "*2": "no", "*3": "no", "*9": "no"},
    "DPYD": {
        "Reference": 1.0, "c.85T>C (*9A)": 1.0, "c.1627A>G (*5)": 1.0, "c.1905+1G>A (*2A)": 0.0,
        "c.1679T>G (*13)": 0.0, "c.295_298delTCAT (*7)": 0.0, _HAPB3: 0.5, "c.2846A>T": 0.5,
    },
    "CYP3A5": {"*1": "normal", "*3": "no", "*6": "no", "*7": "no"},
}  # fmt: skip
# Frequencies in the three invented populations; the first allele of FUNCTION takes the rest.
FREQUENCIES: dict[str, dict[str, tuple[float, float, float]]] = {
    "CYP2C19": {"*2": (0.17, 0.15, 0.28), "*3": (0.0, 0.0, 0.07), "*17": (0.21, 0.21, 0.02), "*38": (0.02, 0.02, 0.0)},
    "CYP2C9": {"*2": (0.02, 0.13, 0.0), "*3": (0.01, 0.07, 0.04), "*5": (0.01, 0, 0), "*8": (0.06, 0, 0),
               "*11": (0.015, 0, 0)},
    "VKORC1": {_T: (0.1, 0.4, 0.88)},
    "SLCO1B1": {"*5": (0.0, 0.02, 0.0), "*15": (0.03, 0.14, 0.12), "*37": (0.6, 0.23, 0.45),
                "*14": (0.04, 0.14, 0.02), "*20": (0.05, 0.02, 0.01)},
    "TPMT": {"*2": (0.0, 0.002, 0.0), "*3A": (0.008, 0.034, 0.0), "*3C": (0.025, 0.005, 0.016)},
    "NUDT15": {"*2": (0.0, 0.0, 0.035), "*3": (0.0, 0.003, 0.06), "*9": (0.0, 0.002, 0.0)},
    "DPYD": {"c.85T>C (*9A)": (0.3, 0.22, 0.06), "c.1627A>G (*5)": (0.15, 0.15, 0.27),
             "c.1905+1G>A (*2A)": (0.003, 0.008, 0.0), _HAPB3: (0.003, 0.023, 0.0), "c.2846A>T": (0.003, 0.004, 0.001)},
    "CYP3A5": {"*3": (0.3, 0.92, 0.72), "*6": (0.15, 0.0, 0.0), "*7": (0.1, 0.0, 0.0)},
}  # fmt: skip
# One patient per population gets each of these: per gene, diplotypes per phenotype (one for each population, reused in
# turn). The last ones matter most: in a cohort too small for all, they win.
_D2A, _D13, _D7 = "c.1905+1G>A (*2A)", "c.1679T>G (*13)", "c.295_298delTCAT (*7)"
PLANTED: dict[str, list[list[tuple[str, str]]]] = {
    "CYP2C19": [[("*1", "*1")], [("*1", "*17")], [("*17", "*17")], [("*1", "*2"), ("*1", "*2"), ("*1", "*3")],
                [("*2", "*2"), ("*2", "*2"), ("*2", "*3")]],
    "CYP2C9": [[("*1", "*1")], [("*1", "*8"), ("*1", "*2"), ("*1", "*3")], [("*3", "*3"), ("*2", "*3"), ("*3", "*3")]],
    "VKORC1": [[(_C, _C)], [(_C, _T)], [(_T, _T)]],
    "SLCO1B1": [[("*1", "*37")], [("*14", "*20"), ("*14", "*14")], [("*1", "*15")], [("*15", "*15"), ("*5", "*15")]],
    "TPMT": [[("*1", "*1")], [("*1", "*3C"), ("*1", "*3A")], [("*3C", "*3C"), ("*3A", "*3A"), ("*3A", "*3C")]],
    "NUDT15": [[("*1", "*1")], [("*1", "*3"), ("*1", "*9"), ("*1", "*2")], [("*3", "*3"), ("*2", "*3")]],
    "DPYD": [[("Reference", "Reference")], [("Reference", _HAPB3), ("Reference", _D2A), ("Reference", _D7)],
             [(_D2A, _D13), (_D2A, _HAPB3), (_D2A, _D2A)]],
    "CYP3A5": [[("*1", "*1"), ("*1", "*1"), ("*1", "*1")], [("*1", "*6"), ("*1", "*3"), ("*1", "*3")],
               [("*6", "*7"), ("*3", "*3"), ("*3", "*3")]],
}  # fmt: skip


def positions() -> pd.DataFrame:
    """Every defining position of the planted genes (gene, chrom, pos, ref, alts, rsid, hgvs), in genome order."""
    table = pd.read_csv(TABLES / "positions.tsv", sep="\t", dtype=str, keep_default_na=False)
    table = table[table["gene"].isin(GENES) & (table["role"] == "defining")].assign(pos=table["pos"].astype(int))
    return table.reset_index(drop=True)


def definitions() -> dict[str, dict[str, dict[int, str]]]:
    """Bases of every planted allele: gene -> allele -> {position: base}; a position not named has the reference base.

    Where a definition allows two bases, the allele carries the first (the reference base).
    """
    table = pd.read_csv(TABLES / "alleles.tsv", sep="\t", dtype=str, keep_default_na=False)
    out: dict[str, dict[str, dict[int, str]]] = {gene: {} for gene in GENES}
    for gene, allele, text in zip(table["gene"], table["allele"], table["definition"], strict=True):
        if allele not in FUNCTION.get(gene, {}):
            continue
        pairs = [] if text == "all" else [cell.split(":") for cell in text.split(";")]
        out[gene][allele] = {int(pos): base.split("|")[0] for pos, base in pairs}
    lacking = [f"{g} {a}" for g in GENES for a in FUNCTION[g] if a not in out[g]]
    if lacking:
        raise ValueError(f"resources/star_alleles/alleles.tsv lacks {', '.join(lacking)}")
    return out


def phenotype(gene: str, first: str, second: str) -> tuple[str, float]:
    """CPIC phenotype of a diplotype of planted alleles, and its activity score (NaN where the gene has none)."""
    a, b = FUNCTION[gene][first], FUNCTION[gene][second]
    if isinstance(a, float) and isinstance(b, float):
        score = a + b
        if score == 2:
            return "Normal Metabolizer", score
        return ("Intermediate Metabolizer" if score >= 1 else "Poor Metabolizer"), score
    pair = "/".join(sorted((str(a), str(b))))
    if gene == "VKORC1":
        return {"G/G": "-1639 GG", "A/G": "-1639 AG", "A/A": "-1639 AA"}[pair], np.nan
    if gene == "SLCO1B1":
        words = {"normal/normal": "Normal", "increased/normal": "Normal", "increased/increased": "Increased",
                 "increased/no": "Decreased", "no/normal": "Decreased", "no/no": "Poor"}  # fmt: skip
        return f"{words[pair]} Function", np.nan
    words = {"normal/normal": "Normal", "no/normal": "Intermediate", "no/no": "Poor", "increased/no": "Intermediate",
             "increased/normal": "Rapid", "increased/increased": "Ultrarapid"}  # fmt: skip
    return f"{words[pair]} Metabolizer", np.nan


def draw(population: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Alleles of `n` unplanted people of a population: names, shape (n, 2, gene)."""
    column = POPULATIONS.index(population)
    out = np.empty((n, 2, len(GENES)), dtype=object)
    for g, gene in enumerate(GENES):
        names = list(FUNCTION[gene])
        p = np.array([FREQUENCIES[gene].get(name, (0.0, 0.0, 0.0))[column] for name in names])
        p[0] = 1 - p.sum()
        out[:, :, g] = np.array(names, dtype=object)[rng.choice(len(names), (n, 2), p=p)]
    return out


def plant(alleles: np.ndarray, carriers: Sequence[int], population: str) -> list[tuple[int, str]]:
    """Writes the planted diplotypes of one population into `alleles` (person, 2, gene); `carriers` are its people.

    Returns (person, gene) of what was planted. Each gene starts with another person, so that nobody gets everything.
    """
    done: list[tuple[int, str]] = []
    column = POPULATIONS.index(population)
    for g, gene in enumerate(GENES):
        for j, choices in enumerate(PLANTED[gene] if carriers else []):
            person = carriers[(j + 2 * g) % len(carriers)]
            alleles[person, :, g] = choices[column % len(choices)]
            done.append((person, gene))
    return done
