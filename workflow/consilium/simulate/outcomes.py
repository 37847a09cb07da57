"""Hidden causes and outcomes with a planted truth: diagnosis, survival, stage, grade, and response to treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from

DIAGNOSES = ("type_1", "type_2", "type_3")
# Log-odds of each diagnosis per SD of its own cause: z_genome -> type_1, z_image -> type_2, z_lab -> type_3. Chosen so
# that one cause alone gives a macro AUC near .73, all three near .97 (tests/unit/simulate/test_outcomes.py).
STRENGTH = 4.0
HAZARD = {"z_genome": 0.7, "z_image": 0.9, "z_lab": 0.8}
MEDIAN_DAYS, SHAPE = 900.0, 1.3  # Weibull survival of somebody with all causes at 0
FOLLOW_UP = (300, 2100)  # days of follow-up, uniform: about 40 % are censored
CONFOUNDING = 0.7  # log-odds of drug_y per SD of z_lab
EFFECT, EFFECT_PER_YEAR, CENTRE_AGE = 8.0, -0.35, 60.0  # drug_y instead of drug_x, in points of response
OUTCOME_COLUMNS = ("diagnosis", "stage", "grade", "survival_days", "event", "treatment", "response")


def add(people: pd.DataFrame, prs: np.ndarray, seed: int) -> pd.DataFrame:
    """`people` with causes and outcomes; `prs` is the standardised polygenic score, one per person.

    Adds z_genome, z_image, z_lab, diagnosis, stage (I-IV), grade (1-3), survival_days, event (1 = died, 0 =
    censored), treatment (drug_x, drug_y), response (points, higher is better), true_effect (drug_y minus drug_x, in
    points; falls with age), p_drug_y (true propensity) and outcome_known (False: the sheet leaves the outcomes empty).
    """
    n = len(people)
    rng = np.random.default_rng(seed_from(seed, "outcomes"))
    z = np.column_stack([prs, rng.standard_normal((n, 2))])
    out = people.assign(z_genome=z[:, 0], z_image=z[:, 1], z_lab=z[:, 2])
    out["diagnosis"] = np.array(DIAGNOSES)[diagnose(z, rng)]
    severity = z.sum(axis=1) / np.sqrt(3) + 0.5 * rng.standard_normal(n)
    out["stage"] = np.array(["I", "II", "III", "IV"])[np.digitize(severity, (-0.7, 0.2, 1.1))]
    out["grade"] = 1 + np.digitize(severity + 0.4 * rng.standard_normal(n), (-0.4, 0.7))
    log_hazard = z @ np.array(list(HAZARD.values()))
    scale = MEDIAN_DAYS / np.log(2) ** (1 / SHAPE)
    died = scale * (-np.log(rng.random(n)) * np.exp(-log_hazard)) ** (1 / SHAPE)
    followed = rng.uniform(*FOLLOW_UP, n)
    out["survival_days"] = np.ceil(np.minimum(died, followed)).astype(int)
    event = died <= followed
    known = np.ones(n, dtype=bool)
    known[rng.choice(n, max(1, round(n / 25)), replace=False)] = False
    if event[known].all():  # a tiny cohort: an outcome must not be constant
        event[np.flatnonzero(known)[followed[known].argmax()]] = False
    out["event"] = event.astype(int)
    _treat(out, rng)
    return out.assign(outcome_known=known)


def diagnose(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Class of each row of causes (n, 3), drawn from the softmax of STRENGTH x cause."""
    score = STRENGTH * z + rng.gumbel(size=z.shape)  # argmax of Gumbel-perturbed logits: a draw from the softmax
    return score.argmax(axis=1)


def _treat(out: pd.DataFrame, rng: np.random.Generator) -> None:
    """Treatment chosen partly by the labs (confounded, with overlap), and the response to it."""
    age = out["index_date"].str[:4].astype(int) - out["birth_year"]
    out["p_drug_y"] = 1 / (1 + np.exp(-CONFOUNDING * out["z_lab"]))
    given = rng.random(len(out)) < out["p_drug_y"]
    out["treatment"] = np.where(given, "drug_y", "drug_x")
    out["true_effect"] = EFFECT + EFFECT_PER_YEAR * (age - CENTRE_AGE)
    without = 50 - 3 * out["z_lab"] - 1.5 * out["z_image"]
    noise = 3 * rng.standard_normal(len(out))
    out["response"] = (without + given * out["true_effect"] + noise).round(2)
