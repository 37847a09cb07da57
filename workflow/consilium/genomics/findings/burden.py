"""The feature block "burden": rare truncating and missense variants a gene, counted where the gene was looked at.

Rarity comes from a population table, never from the cohort, so nothing is fitted on patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from consilium.core import blocks
from consilium.genomics.findings.assessed import ASSESSED
from consilium.genomics.findings.consequences import worst
from consilium.genomics.findings.verdicts import TRUNCATING

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

NO_FREQUENCIES = "no population frequencies configured (genomics.frequencies): what is rare is not known"
NOT_LOOKED = "in no gene of the list is it known that every base was looked at: no variant is not none"
KINDS = ("truncating", "missense")


def block(
    patients: Sequence[str], consequences: pd.DataFrame, looked: pd.DataFrame, absent: Mapping[str, str]
) -> xr.Dataset:
    """Layout table, one feature a gene and kind: alleles, NaN where the gene was not wholly looked at.

    consequences and looked: the tables of that name and genes_assessed. absent: patients without usable genotypes, with
    the reason.
    """
    listed = looked[looked["status"] == ASSESSED]
    genes = sorted(set(listed["gene"]))
    assessed = {(r.patient, r.gene) for r in listed.itertuples()}
    counts = _counts(consequences)
    rare_known = not len(consequences) or consequences["rare"].notna().any()
    values = np.full((len(patients), 2 * len(genes)), np.nan, dtype=np.float32)
    reasons = []
    for i, patient in enumerate(patients):
        mine = [g for g in genes if (patient, g) in assessed]
        reason = absent.get(patient) or ("" if rare_known else NO_FREQUENCIES) or ("" if mine else NOT_LOOKED)
        reasons.append(reason)
        for gene in mine if not reason else ():
            for k, kind in enumerate(KINDS):
                values[i, 2 * genes.index(gene) + k] = counts.get((patient, gene, kind), 0)
    names = [f"rare_{kind}:{gene}" for gene in genes for kind in KINDS]
    return blocks.table("genomics", "Rare variants by gene", patients, values, names, ["alleles"] * len(names), reasons)


def _counts(consequences: pd.DataFrame) -> dict[tuple[str, str, str], int]:
    """(patient, gene, kind) -> alleles of rare variants by their worst consequence in a coding transcript."""
    out: dict[tuple[str, str, str], int] = {}
    rare = consequences[consequences["rare"].fillna(False).astype(bool)]
    for row in worst(rare[rare["biotype"] == "protein_coding"]).itertuples():
        terms = set(row.consequence.split("&"))
        kind = KINDS[0] if terms & TRUNCATING else KINDS[1] if "missense" in terms else ""
        if kind:
            key = (row.patient, row.gene, kind)
            out[key] = out.get(key, 0) + int(row.copies)
    return out
