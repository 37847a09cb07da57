"""Findings to one number per patient and concept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from consilium.core import blocks
from consilium.core.sheets import Patient
from consilium.text.staging import ordinal

# Concepts with a value of their own; the largest one said counts. Others are present, hedged, denied or not mentioned.
VALUED = {
    "stage": "stage (I = 1 to IV = 4)",
    "grade": "grade",
    "T category": "category",
    "N category": "category",
    "M category": "category",
    "Gleason score": "score",
    "nodule size": "mm",
}
PRESENT, HEDGED, DENIED = 1.0, 0.5, 0.0
STATE_UNIT = "1 present, 0.5 hedged, 0 denied"


def usable(findings: pd.DataFrame, people: list[Patient]) -> pd.DataFrame:
    """Findings about the patient now, from documents not dated after the index day."""
    index = findings["patient"].map({p.patient: p.index_date for p in people}).fillna("")
    late = (index != "") & (findings["taken_on"] != "") & (findings["taken_on"].str[:10] > index.str[:10])
    return findings[(findings["context"] == "current") & ~late]


def block(findings: pd.DataFrame, documents: dict[str, str], people: list[Patient]) -> xr.Dataset:
    """Block findings: patient x concept that anybody's reports mention; NaN: not mentioned.

    documents: patient -> "" where a usable report was read, else why there is none. Among several mentions of a
    finding, present wins over hedged, hedged over denied.
    """
    patients = [p.patient for p in people]
    rows = usable(findings, people)
    numbers = [_number(c, v, n, u) for c, v, n, u in rows[["concept", "value", "negated", "uncertain"]].to_numpy()]
    long = pd.DataFrame({"patient": rows["patient"].to_numpy(), "concept": rows["concept"].to_numpy(), "n": numbers})
    wide = long.dropna().pivot_table(index="patient", columns="concept", values="n", aggfunc="max")
    concepts = sorted(str(c) for c in wide.columns)
    values = wide.reindex(index=patients, columns=concepts).to_numpy(dtype=np.float32).reshape(len(patients), -1)
    return blocks.table(
        "text", "Findings of report texts", patients, values, concepts,
        [VALUED.get(c, STATE_UNIT) for c in concepts], [documents.get(p, "not supplied") for p in patients],
    )  # fmt: skip


def _number(concept: str, value: str, negated: bool, uncertain: bool) -> float:
    if concept in VALUED:
        number = ordinal(concept, value)
        return float("nan") if number is None or uncertain else number
    return DENIED if negated else HEDGED if uncertain else PRESENT
