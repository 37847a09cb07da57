"""When a prediction is not made, and why: what was calibrated on training patients, kept with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import Parts
from consilium.learn.judge import metrics
from consilium.learn.models.heads import softmax
from consilium.learn.uncertainty import conformal
from consilium.learn.uncertainty.conformal import Conformal
from consilium.learn.uncertainty.groups import Levels

if TYPE_CHECKING:
    from consilium.learn.fusion.model import Trained

Array = np.ndarray
MIN_ABOVE_CHANCE = 0.1  # AUC or C-index .6, r2 .1: below it a prediction says hardly more than the prior
FAR = 0.99  # quantile of the training patients' distances beyond which a patient is unlike them
MIN_FAR = 50  # training patients for that quantile


@dataclass(frozen=True)
class Doubt:
    """conformal: sets and intervals. far: FAR quantile of the out-of-fold distances. cut: probability of the second of
    two classes above which it is called, for sensitivity and the like (nan: not two classes).

    relied: the block without which the inner loss grows most; without: figure of merit over chance with it masked.
    """

    conformal: Conformal
    far: float = float("inf")
    cut: float = float("nan")
    relied: str = ""
    without: float = float("nan")
    figure: str = ""

    def reason(self, absent: Mapping[str, str], distance: float, unusual: str) -> str:
        """Why no prediction is made ("" = it is made).

        absent: the patient's absent blocks with why; distance: see `distances`; unusual: the block that lies farthest.
        """
        if self.relied in absent and self.without < MIN_ABOVE_CHANCE:
            why = f" ({absent[self.relied]})" if absent[self.relied] else ""
            chance = 0.0 if self.figure == "r2" else 0.5
            return (
                f"no {self.relied}, on which the model relies most{why}; without it the model is hardly "
                f"better than chance ({self.figure} {self.without + chance:.2f})"
            )
        if distance > self.far:
            return f"unlike the patients the model was trained on, most in {unusual}"
        return ""

    def facts(self) -> dict[str, Any]:
        plain = {k: _or_none(getattr(self, k)) for k in ("far", "cut", "without")}
        return self.conformal.facts() | plain | {"relied": self.relied, "figure": self.figure}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Doubt:
        far, cut, without = facts["far"], facts["cut"], facts["without"]
        nan = float("nan")
        return cls(
            Conformal.from_facts(facts), float("inf") if far is None else far, nan if cut is None else cut,
            facts["relied"], nan if without is None else without, facts["figure"],
        )  # fmt: skip


def _or_none(x: float) -> float | None:
    return x if np.isfinite(x) else None


def fit(trained: Trained, eta: Array, target: Target, levels: Levels, parts: Parts, by_block: Array) -> Doubt:
    """Everything from out-of-fold figures of the training patients.

    eta: calibrated, of the shipped candidate; parts, by_block: what each block's models say, and how far each row lies
    from the patients that these models saw, see `distances`.
    """
    sets = conformal.fit(eta, target, trained.at, levels, trained.course_of(parts))
    distance, _ = distances(by_block, parts.mask)
    binary = target.kind == "classification" and target.width == 2
    cut = youden(softmax(eta)[:, 1], target.y) if binary else float("nan")
    losses = []
    for m in range(parts.mask.shape[1]):
        mask = parts.mask.copy()
        mask[:, m] = False
        without = trained.eta(replace(parts, mask=mask))
        losses.append(above_chance(target, trained.scores(without)))
    m = int(np.argmin(np.round(losses, 9))) if losses else 0
    names = trained.fusion.blocks
    figure = {"classification": "AUC", "survival": "C-index", "regression": "r2"}[target.kind]
    if len(names) < 2:  # nothing is left without it, and that is said already
        return Doubt(sets, far_point(distance), cut)
    return Doubt(sets, far_point(distance), cut, names[m], losses[m], figure)


def above_chance(target: Target, scores: Array) -> float:
    """AUC or C-index less .5, or r2; higher is better, 0 = chance."""
    one = np.ones((1, len(target)))
    if target.kind == "regression":
        return float(metrics.r2(target, scores, one)[0])
    figure = metrics.auc if target.kind == "classification" else metrics.c_index
    return float(figure(target, scores, one)[0]) - 0.5


def distances(by_block: Array, present: Array) -> tuple[Array, Array]:
    """(distance of each row, its farthest block) from mean squared z of each block over its 99 % point (row, block).

    The largest over the present blocks; 0 with none.
    """
    seen = np.where(present, by_block, 0.0)
    if not seen.shape[1]:
        return np.zeros(len(seen)), np.zeros(len(seen), dtype=int)
    return seen.max(axis=1), seen.argmax(axis=1)


def far_point(distance: Array) -> float:
    """FAR quantile of out-of-fold distances; infinite where there are too few patients to tell."""
    return float(np.quantile(distance, FAR)) if len(distance) >= MIN_FAR else float("inf")


def youden(p: Array, y: Array) -> float:
    """Probability above which the second class is called: largest sensitivity + specificity (Youden 1950).

    Halfway to the next probability below it; ties: the smallest.
    """
    levels = np.unique(p)
    called = p[None, :] >= levels[:, None]
    gain = (called & (y == 1)).sum(axis=1) / max((y == 1).sum(), 1) - (called & (y == 0)).sum(axis=1) / max(
        (y == 0).sum(), 1
    )
    k = int(np.argmax(np.round(gain, 12)))
    return float(0.5 * (levels[k] + levels[k - 1])) if k else float(0.5 * levels[0])
