"""Explanations that passed or were withheld, and strata, of the made-up cohort."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from consilium.core.store import write_facts, write_table
from made_names import EMPTY, IDS

GATES = [
    {"gate": "E2", "title": "use", "verdict": "pass", "detail": "", "value": 0.2},
    {"gate": "E4", "title": "stability", "verdict": "fail", "detail": "rank correlation 0.11", "value": 0.11},
]


def reasons(folder: Path) -> None:
    about = {"target": "A", "modality": "ehr/summary", "explainer": "exact (linear)", "kind": "feature"}
    rows = [
        {
            "patient": p,
            **about,
            "feature": name,
            "value": value,
            "unit": "mg/dL",
            "percentile": place,
            "contribution": share,
            "rank": rank,
        }
        for p in IDS
        if p != EMPTY
        for name, value, place, share, rank in (
            ("crp.last", 12.5, 0.91, 0.42, 1),
            ("alt.mean", math.nan, math.nan, -0.13, 2),
        )
    ]
    write_table(folder / "explanations.tsv", "explanations", pd.DataFrame(rows))
    block = {"explainer": "exact (linear)", "features": 3, "patients": 20, "gates": GATES}
    write_facts(
        folder / "explanation_gates.json",
        {
            "task": "diagnosis",
            "status": "assessed",
            "reason": "",
            "printed": 1,
            "blocks": [
                block | {"modality": "ehr/summary", "status": "printed", "reason": ""},
                block | {"modality": "imaging/t1_regions", "status": "withheld", "reason": "E4 (stability): too low"},
            ],
            "importance": [
                {
                    "modality": "ehr/summary",
                    "feature": "crp.last",
                    "loss_added": 0.08,
                    "lower": 0.02,
                    "upper": 0.1,
                    "n": 20,
                },
                {
                    "modality": "ehr/summary",
                    "feature": "alt.mean",
                    "loss_added": 0.01,
                    "lower": -0.1,
                    "upper": 0.1,
                    "n": 20,
                },
            ],
        },
    )
    write_table(
        folder / "strata.tsv",
        "strata",
        pd.DataFrame(
            {
                "patient": IDS,
                "stratum": [str(1 + (i % 3 == 0)) for i in range(len(IDS))],
                "consensus": 0.9,
                "axis_1": [float(i % 3 == 0) + 0.01 * i for i in range(len(IDS))],
                "axis_2": [0.1 * (i % 7) for i in range(len(IDS))],
            }
        ),
    )
    write_facts(
        folder / "strata.json",
        {
            "status": "stable",
            "reason": "",
            "k": 2,
            "n_tests": 12,
            "strata": [{"stratum": 1, "n": 20, "jaccard": 0.93}, {"stratum": 2, "n": 10, "jaccard": 0.81}],
            "tried": [
                {"k": 2, "pac": 0.1, "reference_pac": 0.7, "gain": 0.8, "p": 0.04},
                {"k": 3, "pac": 0.5, "reference_pac": 0.6, "gain": 0.1, "p": 0.4},
            ],
            "differences": [
                {
                    "what": "outcome",
                    "name": "survival",
                    "test": "log-rank",
                    "p": 0.001,
                    "q": 0.012,
                    "n": 28,
                    "basis": "not used: this was not looked at when the strata were made",
                }
            ],
        },
    )
