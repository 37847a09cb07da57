"""Names that all made-up tables share, and who lacks what."""

from __future__ import annotations

from pathlib import Path

N = 30
IDS = [f"P{i:03d}" for i in range(1, N + 1)]
CLASSES = ("type_1", "type_2", "type_3")
EMPTY = "P030"  # supplied nothing at all
GENES = ("CYP2C19", "CYP2C9", "VKORC1", "SLCO1B1", "TPMT", "NUDT15", "DPYD", "CYP3A5")
TASKS = [
    {"name": "diagnosis", "type": "classification", "outcome": "diagnosis"},
    {"name": "survival", "type": "survival", "time": "survival_days", "event": "event"},
]
ROOMS = "genomics,imaging,omics,ehr,text"
MEASURES = Path(__file__).resolve().parents[3] / "resources/image_measures.tsv"
ANALYSES = ("lipids", "rare_disease")  # the second has too few cases
ACTIVE = f"{ROOMS},association,association_hits,guidelines,effects,strata"


def has(i: int, every: int) -> bool:
    return i % every != 0 and IDS[i] != EMPTY
