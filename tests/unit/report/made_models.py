"""Predictions, leaderboards, guidelines and effects."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from consilium.core.store import write_facts, write_table
from made_names import CLASSES, EMPTY, IDS, N, has


def learn(cohort: Path, people: pd.DataFrame, rng: np.random.Generator) -> None:
    known = people[people["diagnosis"] != ""]
    blocks = ("genomics/variants", "imaging/t1_regions", "ehr/summary")
    for task in ("diagnosis", "survival"):
        folds = pd.DataFrame(
            {
                "patient": people["patient"],
                "group": [f"G{max(i, 5) if i in (4, 5) else i}" for i in range(N)],
                "fold": [i % 5 if p != EMPTY else -1 for i, p in enumerate(IDS)],
                "repeats": "",
            }
        )
        write_table(cohort / "learn" / task / "folds.tsv", "folds", folds)
    rows, shares = [], []
    for i, p in enumerate(people["patient"]):
        truth = str(people["diagnosis"][i])
        logits = np.array([2.2 * (c == truth) for c in CLASSES]) + rng.standard_normal(3)
        post = np.exp(logits) / np.exp(logits).sum()
        gone = p in (EMPTY, "P003")
        inside = " or ".join(c for c, v in zip(CLASSES, post, strict=True) if v > 0.2)
        rows.append(
            {
                "patient": p,
                "fold": str(i % 5) if truth else "apply",
                "observed": truth,
                "predicted": "" if gone else CLASSES[int(np.argmax(post))],
                "risk": math.nan,
                "value": math.nan,
                "lower": math.nan,
                "upper": math.nan,
                "set": "" if gone else inside,
                "abstained": gone,
                "reason": "no modality of the patient is usable"
                if p == EMPTY
                else "all classes remain possible"
                if gone
                else "",
                "modalities": "" if gone else ", ".join(blocks),
                **{f"p_{c}": (math.nan if gone else v) for c, v in zip(CLASSES, post, strict=True)},
            }
        )
        if not gone:
            shares += [
                {"patient": p, "target": c, "modality": b, "contribution": 0.2 * rng.standard_normal()}
                for c in CLASSES
                for b in blocks
            ]
    write_table(cohort / "learn/diagnosis/predictions.tsv", "predictions", pd.DataFrame(rows))
    write_table(cohort / "learn/diagnosis/contributions.tsv", "contributions", pd.DataFrame(shares))
    risk = -np.log(pd.to_numeric(people["survival_days"]).fillna(300)) + rng.standard_normal(N)
    write_table(
        cohort / "learn/survival/predictions.tsv",
        "predictions",
        pd.DataFrame(
            [
                {
                    "patient": p,
                    "fold": str(i % 5) if p != EMPTY else "apply",
                    "observed": "",
                    "predicted": "",
                    "risk": risk[i],
                    "value": math.nan,
                    "lower": math.nan,
                    "upper": math.nan,
                    "set": "",
                    "abstained": False,
                    "reason": "",
                    "modalities": "ehr/summary",
                    "p_365": 0.8,
                    "p_730": 0.55,
                }
                for i, p in enumerate(IDS)
            ]
        ),
    )
    write_table(
        cohort / "learn/survival/contributions.tsv",
        "contributions",
        pd.DataFrame(
            [
                {"patient": p, "target": "risk", "modality": b, "contribution": 0.3 * rng.standard_normal()}
                for p in IDS
                for b in blocks[:2]
            ]
        ),
    )
    _leaderboards(cohort, len(known))


def _leaderboards(cohort: Path, n: int) -> None:
    def row(model: str, blocks: str, role: str, value: float, metric: str = "auc") -> dict[str, object]:
        return {
            "model": model,
            "modalities": blocks,
            "metric": metric,
            "better": "higher",
            "value": value,
            "lower": value - 0.08,
            "upper": min(1.0, value + 0.07),
            "n": n,
            "role": role,
        }

    both = "genomics/variants, imaging/t1_regions, ehr/summary"
    write_table(
        cohort / "learn/diagnosis/leaderboard.tsv",
        "leaderboard",
        pd.DataFrame(
            [
                row("prevalence", "none", "baseline", 0.5),
                row("elastic_net", "genomics/variants", "baseline", 0.66),
                row("elastic_net", "imaging/t1_regions", "baseline", 0.74),
                row("lightgbm", "ehr/summary", "baseline", 0.78),
                row("stack", both, "shipped", 0.86),
                row("fusion", both, "candidate", 0.83),
                row("stack, permuted outcomes", both, "control", 0.52),
                row("stack", both, "shipped", 0.18, "brier"),
            ]
        ),
    )
    write_table(
        cohort / "learn/survival/leaderboard.tsv",
        "leaderboard",
        pd.DataFrame(
            [row("cox", "ehr/summary", "baseline", 0.64, "c_index"), row("cox", both, "shipped", 0.66, "c_index")]
        ),
    )
    for task in ("diagnosis", "survival"):
        write_facts(
            cohort / "learn" / task / "gates.json",
            {
                "gates": [
                    {
                        "gate": "permuted outcomes give chance",
                        "verdict": "pass",
                        "passed": True,
                        "detail": "auc_within_folds 0.52 (0.44 to 0.59) on shuffled outcomes",
                        "figures": {},
                    },
                    {
                        "gate": "missingness is not informative",
                        "verdict": "warn",
                        "passed": True,
                        "detail": "auc 0.63 (0.52 to 0.71): ask why",
                        "figures": {},
                    },
                ],
                "choices": [{"fold": "apply", "choice": "stack" if task == "diagnosis" else "cox", "why": ""}],
            },
        )


def treatment(cohort: Path, rng: np.random.Generator) -> None:
    rows = []
    for i, p in enumerate(IDS):
        if not has(i, 6):
            continue
        state = i % 3
        rows += [
            {
                "patient": p,
                "drug": "clopidogrel",
                "genes": "CYP2C19",
                "finding": ["Poor Metabolizer", "Normal Metabolizer", ""][state],
                "status": ["action", "standard", "not assessed"][state],
                "action": ["avoid clopidogrel; use prasugrel or ticagrelor", "", ""][state],
                "strength": ["strong", "strong", ""][state],
                "source": "CPIC clopidogrel 2022",
                "reason": ["", "", "CYP2C19 not called"][state],
            },
            {
                "patient": p,
                "drug": "simvastatin",
                "genes": "SLCO1B1",
                "finding": "Decreased Function",
                "status": "action",
                "action": "prescribe an alternative statin or limit simvastatin to 20 mg a day",
                "strength": "strong",
                "source": "CPIC statins 2022",
                "reason": "",
            },
            {
                "patient": p,
                "drug": "paracetamol",
                "genes": "",
                "finding": "",
                "status": "no guideline",
                "action": "",
                "strength": "",
                "source": "",
                "reason": "",
            },
        ]
    write_table(cohort / "treatment/guidelines.tsv", "guidelines", pd.DataFrame(rows))
    effects = []
    for i, p in enumerate(IDS[:-1]):
        red = i % 4 == 3
        effect = float(rng.normal(0.3, 0.4))
        effects.append(
            {
                "patient": p,
                "option": "drug_y",
                "reference": "drug_x",
                "outcome": "response, higher is better",
                "given": "drug_x",
                "effect": math.nan if red else effect,
                "lower": math.nan if red else effect - 0.6,
                "upper": math.nan if red else effect + 0.6,
                "propensity": 0.03 if red else 0.4,
                "overlap": "red" if red else "green",
                "verdict": "no comparable patients: no estimate"
                if red
                else "interval includes 0: no proven difference",
            }
        )
    write_table(cohort / "treatment/effects.tsv", "effects", pd.DataFrame(effects))
