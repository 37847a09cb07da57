"""The feature block "variants": scores, pharmacogene activity and ancestry, one row a patient of the sheet.

Nothing here is fitted over patients: every value follows from the patient's own genotypes and external tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from consilium.core import blocks
from consilium.core.errors import parted
from consilium.genomics.stars.phenotypes import decreased_count
from consilium.genomics.stars.tables import UNASSIGNED

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from consilium.genomics.stars.tables import Gene


def polygenic_columns(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """pgs:<score> -> patient -> average per allele; patients not assessed are left out."""
    out: dict[str, dict[str, float]] = {f"pgs:{name}": {} for name in sorted(set(table["score"]))}
    for row in table[table["status"] == "assessed"].itertuples():
        out[f"pgs:{row.score}"][row.patient] = float(row.average)
    return out


def pharmacogene_columns(table: pd.DataFrame, genes: Mapping[str, Gene]) -> dict[str, dict[str, float]]:
    """activity:<gene> and decreased_function:<gene> (alleles, 0 to 2) -> patient -> value, where called.

    Several diplotypes count only if they agree.
    """
    out: dict[str, dict[str, float]] = {}
    for gene in genes.values():
        if not np.isnan(gene.activity).all():
            out[f"activity:{gene.name}"] = {}
        out[f"decreased_function:{gene.name}"] = {}
    for row in table[table["call"] != "not_called"].itertuples():
        gene = genes[row.gene]
        if f"activity:{gene.name}" in out and not math.isnan(row.activity_score):
            out[f"activity:{gene.name}"][row.patient] = float(row.activity_score)
        counts = {decreased_alleles(gene, name) for name in row.diplotypes.split(" or ")}
        count = counts.pop()
        if not counts and not math.isnan(count):
            out[f"decreased_function:{gene.name}"][row.patient] = count
    return out


def decreased_alleles(gene: Gene, diplotype: str) -> float:
    """Alleles of decreased or no function in a diplotype by name; NaN where a function is not known."""
    return decreased_count([_function(gene, name) for name in diplotype.split("/")])


def _function(gene: Gene, allele: str) -> str:
    names = gene.alleles if allele in gene.alleles else gene.core
    return gene.functions[names.index(allele)] if allele in names else UNASSIGNED  # a name of an outside call


def ancestry_columns(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """ancestry:<population> -> patient -> posterior, where assessed."""
    out: dict[str, dict[str, float]] = {}
    for column in (c for c in table.columns if c.startswith("p_")):
        known = table[table[column].notna()]
        out[f"ancestry:{column[2:]}"] = dict(zip(known["patient"], known[column].astype(float), strict=True))
    return out


def unit_of(feature: str) -> str:
    kind = feature.split(":", 1)[0]
    return {"pgs": "score units per allele", "activity": "activity score", "decreased_function": "alleles",
            "ancestry": "probability"}[kind]  # fmt: skip


def absent_reasons(
    patients: Sequence[str], supplied: set[str], refused: Mapping[str, str], qc: pd.DataFrame
) -> dict[str, str]:
    """Why a patient has no genomic features; patients who have them are not in the result.

    supplied: patients with a genomics file of their own, or "*" when there is a file of the whole cohort.
    refused: patient -> cause of the first of their quarantined files.
    """
    verdicts = {row.patient: (row.verdict, row.reason) for row in qc.itertuples()}
    out = {}
    for patient in patients:
        if patient in verdicts:
            if verdicts[patient][0] == "exclude":
                out[patient] = f"excluded by quality control: {verdicts[patient][1]}"
        elif patient in refused:
            out[patient] = f"quarantined: {refused[patient]}"
        elif patient in supplied:
            out[patient] = "supplied, but without usable genotypes"
        else:
            out[patient] = "not in the cohort's genotype file" if "*" in supplied else "not supplied"
    return out


def variants_block(
    patients: Sequence[str], columns: Mapping[str, Mapping[str, float]], absent: Mapping[str, str]
) -> xr.Dataset:
    """The block in the shape that fusion knows; columns without any value are left out."""
    names = [n for n, values in columns.items() if any(p in values for p in patients if p not in absent)]
    values = np.full((len(patients), len(names)), np.nan, dtype=np.float32)
    for j, name in enumerate(names):
        for i, patient in enumerate(patients):
            if patient not in absent and patient in columns[name]:
                values[i, j] = columns[name][patient]
    return blocks.table(
        "genomics", "Polygenic scores, pharmacogenes, ancestry", patients, values, names, [unit_of(n) for n in names],
        [absent.get(p, "") for p in patients],
    )  # fmt: skip


def first_causes(refused: pd.DataFrame) -> dict[str, str]:
    """Patient -> what was found in the first refused file; cohort-level files ("*") are nobody's."""
    out: dict[str, str] = {}
    for row in refused.itertuples():
        if row.patient != "*":
            out.setdefault(row.patient, f"{row.file}: {parted(row.cause)[0]}")
    return out
