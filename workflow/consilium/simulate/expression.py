"""Expression matrix of the demo cohort: 500 genes, log2 TPM-like, with site shifts and gaps.

Half of the genes carry versioned Ensembl identifiers (of a range that Ensembl does not use), half symbols.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from

N_GENES, N_LOADED = 500, 20
LOADING, SITE_SHIFT, MISSING = 0.7, 0.5, 0.01
SYMBOLS = (
    "TP53", "EGFR", "PTEN", "BRCA1", "BRCA2", "MYC", "KRAS", "CDKN2A", "RB1", "IDH1", "ATRX", "TERT", "PIK3CA", "ERBB2",
    "ESR1", "VEGFA", "IL6", "TNF", "STAT3", "CD8A",
)  # fmt: skip


def genes() -> list[str]:
    """The 500 identifiers as they stand in the matrix; every 25th is symbol-like in lower case."""
    names = []
    for i in range(N_GENES):
        if i % 2:
            names.append(f"ENSG09{i:09d}.{1 + i % 7}")
        else:
            symbol = SYMBOLS[i // 2] if i // 2 < len(SYMBOLS) else f"SIM{i:03d}"
            names.append(symbol.lower() if i % 50 == 0 else symbol)
    return names


def write(people: pd.DataFrame, root: Path, seed: int) -> tuple[list[dict[str, str]], dict[str, pd.DataFrame]]:
    """Write raw/omics/expression.tsv (genes x patients with `has_expression`).

    Genes 0-9 load on z_lab, 10-19 on z_genome. Truth `expression`: gene, cause, loading, shift of each site.
    """
    chosen = people[people["has_expression"]].reset_index(drop=True)
    if chosen.empty:
        return [], {}
    rng = np.random.default_rng(seed_from(seed, "expression"))
    base = rng.uniform(1.5, 10, N_GENES)
    sites = sorted({"site_1", "site_2", "site_3", *people["site"]})
    shifts = {site: rng.normal(0, SITE_SHIFT, N_GENES) for site in sites}
    loading = LOADING * rng.choice([-1, 1], N_LOADED)
    columns = {}
    for person in chosen.to_dict("records"):
        own = np.random.default_rng(seed_from(seed, "expression", person["patient"]))
        values = base + shifts[str(person["site"])] + own.normal(0, 0.8, N_GENES)
        values[:10] += loading[:10] * float(person["z_lab"])
        values[10:20] += loading[10:] * float(person["z_genome"])
        values = np.maximum(values, 0).round(4)
        values[own.random(N_GENES) < MISSING] = np.nan
        columns[str(person["patient"])] = values
    path = Path(root) / "raw" / "omics" / "expression.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(columns, index=pd.Index(genes(), name="gene"))
    table.to_csv(path, sep="\t", na_rep="NA", float_format="%.4f", lineterminator="\n")
    truth = pd.DataFrame({"gene": genes()[:N_LOADED], "cause": ["z_lab"] * 10 + ["z_genome"] * 10, "loading": loading,
                          **{f"shift_{s}": shifts[s][:N_LOADED].round(6) for s in sites}})  # fmt: skip
    return [_row(path)], {"expression": truth}


def faults(people: pd.DataFrame, root: Path, seed: int) -> tuple[list[dict[str, str]], dict[str, pd.DataFrame]]:
    """Write one more matrix with letters in cells, a gene twice, a short row and a column of nobody."""
    extra = people[people["patient"].str.startswith("X")]
    patient = str((extra if len(extra) else people).iloc[0]["patient"])
    rng = np.random.default_rng(seed_from(seed, "expression", "faults"))
    lines = [f"gene\t{patient}\tNOBODY"]
    lines += [f"{gene}\t{rng.uniform(1, 9):.4f}\t{rng.uniform(1, 9):.4f}" for gene in genes()[:40]]
    lines[3] = f"{genes()[2]}\thigh\t2.0"
    lines[5] = lines[4]
    lines[7] = genes()[6]
    path = Path(root) / "raw" / "omics" / "expression_faults.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    known = [(4, "letters for a number"), (6, "a gene twice"), (8, "a short row"), (1, "unknown patient")]
    return [_row(path)], {"faults": pd.DataFrame([{"file": str(path), "line": n, "what": w} for n, w in known])}


def _row(path: Path) -> dict[str, str]:
    return {"patient": "*", "modality": "omics", "kind": "expression", "path": str(path), "taken_on": ""}
