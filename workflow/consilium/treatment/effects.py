"""From sheet and features to what may be said of each patient about one treatment against the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from consilium.core.sheets import Patient
from consilium.treatment import judge, learner
from consilium.treatment.nuisance import Study
from consilium.treatment.verdicts import Comparison, Personal, sentence

FEWEST_PER_ARM = 20
FEWEST_FOR_POLICY = 50


@dataclass(frozen=True)
class Question:
    """Columns of the patient sheet, the value that counts as the option, and the direction of the outcome."""

    treatment: str
    outcome: str
    option: str | None
    higher_is_better: bool


def number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def arms(patients: Sequence[Patient], question: Question) -> tuple[str, str, str]:
    """(option, reference, "" or why there is nothing to compare)."""
    values = sorted({p.outcomes.get(question.treatment, "") for p in patients} - {""})
    if len(values) != 2:
        found = f"{len(values)} different values ({', '.join(values[:5]) or 'none'})"
        return question.option or "option", "reference", f"column '{question.treatment}' has {found}, not two"
    option = question.option if question.option is not None else values[1]
    if option not in values:
        return option, values[0], f"'{option}' is not a value of column '{question.treatment}' ({', '.join(values)})"
    return option, next(v for v in values if v != option), ""


def estimate(
    patients: Sequence[Patient], question: Question, x: np.ndarray, names: list[str], groups: np.ndarray, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(rows of the table `effects`, facts of effects_summary.json). Rows of all patients, in sheet order."""
    option, reference, why = arms(patients, question)
    direction = "higher is better" if question.higher_is_better else "lower is better"
    given = [p.outcomes.get(question.treatment, "") for p in patients]
    y = np.array([number(p.outcomes.get(question.outcome, "")) for p in patients])
    t = np.array([{option: 1.0, reference: 0.0}.get(g, np.nan) for g in given])
    inside = np.flatnonzero(np.isfinite(y) & np.isfinite(t))
    counts = {"option": int((t[inside] == 1).sum()), "reference": int((t[inside] == 0).sum())}
    why = why or _too_little(counts, option, reference, y[inside], x)
    base = {"option": option, "reference": reference, "outcome": f"{question.outcome} ({direction})"}
    facts: dict[str, Any] = {
        **base, "status": "not assessed" if why else "assessed", "reason": why, "n": counts,
        "left_out": _left_out(patients, question),
    }  # fmt: skip
    if why:
        blank = {"effect": np.nan, "lower": np.nan, "upper": np.nan, "propensity": np.nan, "overlap": "not assessed"}
        rows = [{"patient": p.patient, **base, "given": g, **blank, "verdict": f"not assessed: {why}"}
                for p, g in zip(patients, given, strict=True)]  # fmt: skip
        return rows, facts
    binary = bool(np.isin(y[inside], (0.0, 1.0)).all())
    study = Study(x[inside], t[inside].astype(int), y[inside], groups[inside], binary)
    fitted = learner.learn(study, seed)
    comparison = Comparison(option, reference, question.higher_is_better, judge.average(study, fitted),
                            judge.heterogeneity(study, fitted))  # fmt: skip
    everyone = _everyone(study, fitted, inside, x)
    rows = []
    for p, g, personal in zip(patients, given, everyone, strict=True):
        effect, lower, upper, verdict = sentence(comparison, personal)
        rows.append({"patient": p.patient, **base, "given": g, "effect": effect, "lower": lower, "upper": upper,
                     "propensity": personal.propensity, "overlap": personal.overlap, "verdict": verdict})  # fmt: skip
    return rows, {**facts, **_facts(study, fitted, comparison, names, [p.overlap for p in everyone])}


def _too_little(counts: dict[str, int], option: str, reference: str, y: np.ndarray, x: np.ndarray) -> str:
    for arm, name in (("option", option), ("reference", reference)):
        if counts[arm] < FEWEST_PER_ARM:
            return f"{counts[arm]} patients with an outcome received {name}; at least {FEWEST_PER_ARM} are needed"
    if np.unique(y).size < 2:
        return "the outcome is the same in every patient"
    return "" if x.shape[1] else "nothing is known of the patients that the comparison could adjust for"


def _left_out(patients: Sequence[Patient], question: Question) -> list[dict[str, str]]:
    out = []
    for p in patients:
        cell = p.outcomes.get(question.outcome, "")
        if cell and np.isnan(number(cell)):
            out.append({"patient": p.patient, "reason": f"outcome '{cell}' is not a number"})
    return out


def _everyone(study: Study, fitted: learner.Fitted, inside: np.ndarray, x: np.ndarray) -> list[Personal]:
    """Estimates of all patients: out of fold for those of the study, from all models for the others."""
    n = len(x)
    e, effect, se = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    e[inside], effect[inside], se[inside] = learner.within(fitted)
    outside = np.setdiff1d(np.arange(n), inside)
    if outside.size:
        e[outside], effect[outside], se[outside] = learner.apart(fitted, x[outside])
    overlap = judge.overlap_verdicts(e, e[inside], study.t)
    known = np.isfinite(x).any(axis=1)
    return [
        Personal(float(effect[i]), float(se[i]), float(e[i]), overlap[i])
        if known[i]
        else Personal(np.nan, np.nan, np.nan, "not assessed")
        for i in range(n)
    ]


def _facts(
    study: Study, fitted: learner.Fitted, comparison: Comparison, names: list[str], overlap: list[str]
) -> dict[str, Any]:
    e = learner.within(fitted)[0]
    sizes = judge.effective_sizes(study, e)
    means = [float(study.y[study.t == arm].mean()) for arm in (0, 1)]
    balance = judge.balance(study, e, names)
    heterogeneity = comparison.heterogeneity
    worth = heterogeneity.passed and min(sizes.values()) >= FEWEST_FOR_POLICY
    return {
        "binary_outcome": study.binary,
        "average_effect": asdict(comparison.average),
        "unadjusted_difference": means[1] - means[0],
        "individual_differences": asdict(heterogeneity),
        "overlap": {v: overlap.count(v) for v in ("green", "amber", "red", "not assessed")},
        "effective_sample_size": sizes,
        "balance": balance,
        "largest_imbalance": {
            when: max((abs(b[when]) for b in balance), default=float("nan")) for when in ("before", "after")
        },
        "e_value": judge.e_value(comparison.average.estimate, float(study.y.std(ddof=1))),
        "policy_gain": judge.policy_gain(study, fitted, comparison.higher_is_better) if worth else None,
        "policy_reason": "" if worth else "no proven individual difference, or too few effective patients",
        "covariates": names,
        "assumption": "no unmeasured cause of both the choice of treatment and the outcome",
    }  # fmt: skip
