"""A trained model: what predicts, for any subset of blocks. It fits nothing; `nested` makes it, `bundle` stores it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.explain import shapley
from consilium.learn.fusion.fusion import FROM_NETWORK, Calibration, Fusion, Parts, own_courses
from consilium.learn.models.additive import Additive
from consilium.learn.models.boosting import Boosted
from consilium.learn.models.hazards import OwnCourses
from consilium.learn.models.heads import Course, Prior, softmax, survival
from consilium.learn.models.linear import Linear
from consilium.learn.models.preproc import Design
from consilium.learn.uncertainty.doubt import Doubt, distances

if TYPE_CHECKING:
    from consilium.learn.networks.network import Net

Array = np.ndarray
# Reasons of absence that are no judgement of quality.
NOT_THERE = ("", "not supplied", "not in the feature store", "not in the cohort's genotype file")


@dataclass(frozen=True)
class BlockModel:
    """Base models of one block. mix: share of each learner in what it tells fusion. far: 99 % point of `unusual`.

    forest: survival only. additive: of many rows only.
    """

    name: str
    design: Design
    linear: Linear
    boosted: Boosted | None
    mix: dict[str, float] = field(default_factory=lambda: {"elastic_net": 1.0})
    far: float = float("inf")
    forest: Boosted | None = None
    additive: Additive | None = None

    @property
    def beside(self) -> dict[str, Boosted | Additive]:
        """Learner -> what was fitted beside the linear model."""
        found = {"lightgbm": self.boosted, "forest": self.forest, "additive": self.additive}
        return {name: fitted for name, fitted in found.items() if fitted is not None}

    def learner(self, name: str) -> Linear | Boosted | Additive:
        return self.beside.get(name, self.linear)

    def evidence(self, block: Block, learner: str = "") -> Array:
        """(row, width); 0 where the block is absent."""
        out = self.evidence_of(self.design.matrix(block), learner)
        out[~block.present] = 0.0
        return out

    def evidence_of(self, x: Array, learner: str = "") -> Array:
        """The same for rows of the design."""
        out = np.zeros((len(x), self.linear.weights.shape[1]))
        for name, share in ({learner: 1.0} if learner else self.mix).items():
            out += share * self.learner(name).evidence(x)
        return out

    def unusual(self, block: Block) -> Array:
        """Distance of each row from the training patients: mean squared z over its 99 % point; beyond 1 is rare."""
        return self.design.unusual(block) / max(self.far, 1e-9)


@dataclass(frozen=True)
class Trained:
    """One task's models. calibrations: model key (see `key`) -> calibration; hazard: at `horizons` (survival), course:
    at all times. doubt: what a prediction's set and its abstention rest on; None before it is calibrated. level: what
    the patients' own courses are multiplied with, where networks with hazards are shipped (see `course_of`)."""

    kind: str
    classes: tuple[str, ...]
    at: Prior
    blocks: tuple[BlockModel, ...]
    nets: tuple[Net, ...]
    fusion: Fusion
    calibrations: dict[str, Calibration]
    choice: str
    doubt: Doubt | None = None
    horizons: tuple[float, ...] = ()
    hazard: Array = field(default_factory=lambda: np.zeros(0))
    course: Course | None = None
    level: float = 1.0

    @property
    def width(self) -> int:
        return len(self.classes) if self.kind == "classification" else 1

    def parts(self, cohort: Cohort) -> Parts:
        """What each block's models say of the rows of `cohort`; a block it lacks is absent for everybody."""
        n, m = len(cohort.patients), len(self.blocks)
        mask, base = np.zeros((n, m), dtype=bool), np.zeros((n, m, self.width))
        inputs: dict[str, Array] = {}
        for i, model in enumerate(self.blocks):
            block = cohort.block(model.name)
            if block is not None:
                mask[:, i], base[:, i] = block.present, model.evidence(block)
            if self.nets:
                shape = self.nets[0].shapes[model.name][1]
                lacking = np.zeros((n, *shape), dtype=np.float32)
                inputs[model.name] = lacking if block is None else model.design.network_input(block)
        hazards = self.nets[0].hazards if self.nets else None
        return Parts(mask, base, tuple(net.outputs(inputs) for net in self.nets), hazards)

    def course_of(self, parts: Parts) -> Course | OwnCourses | None:
        """Cumulative hazard where the shipped linear predictor is 0: one for all, or each row's own; survival only."""
        if parts.hazards is None or self.choice not in FROM_NETWORK:
            return self.course
        return own_courses(parts, parts.hazards).times(self.level)

    def view(self, cohort: Cohort) -> dict[str, Any]:
        """How the models see each row, block by block: present, evidence, and `unusual` of its values (0 if absent)."""
        parts = replace(self, nets=()).parts(cohort)
        unusual = np.zeros(parts.mask.shape)
        for i, model in enumerate(self.blocks):
            block = cohort.block(model.name)
            if block is not None:
                unusual[:, i] = model.design.unusual(block)
        return {"blocks": list(self.fusion.blocks), "present": parts.mask.tolist(), "evidence": parts.base.tolist(),
                "unusual": unusual.tolist()}  # fmt: skip

    def eta(self, parts: Parts, name: str = "") -> Array:
        """Calibrated linear predictor of a fusion candidate (default: the shipped one)."""
        name = name or self.choice
        return self.calibrations[name].eta(self.fusion.evidence(name, parts), self.at)

    def scores(self, eta: Array) -> Array:
        """What is printed: probabilities (row, class), log relative hazard (row, 1) or value (row, 1)."""
        if self.kind == "classification":
            return softmax(eta)
        return eta if self.kind == "survival" else self.at.centre + self.at.scale * eta

    def predictions(self, cohort: Cohort) -> list[dict[str, Any]]:
        """One record a row: the columns of table `predictions` but for patient, fold and observed.

        Where the model abstains, its numbers stay in the table, so that everybody is judged; no class is named.
        """
        parts = self.parts(cohort)
        records = self._records(self.eta(parts), cohort, self.course_of(parts))
        why, cautions = self.abstentions(cohort), self.cautions(cohort)
        out = []
        for i, record in enumerate(records):
            used = self.fusion.used(self.choice, parts.mask[i])
            record |= {"modalities": ", ".join(used)}
            if not used:
                record = {"modalities": "", "doubt": "none of the model's feature blocks is present"}
            doubts = [d for d in (why[i] if used else "", record.pop("doubt", "")) if d]
            if doubts:
                record |= {"predicted": ""}
            # The reason tells of the block that is lacking, with the cause.
            told = [c for c in cautions[i] if not (doubts and doubts[0].startswith(c.partition(" (")[0]))]
            out.append(record | {"abstained": bool(doubts), "reason": "; ".join([*doubts[:1], *told])})
        return out

    def _records(self, eta: Array, cohort: Cohort, course: Course | OwnCourses | None) -> list[dict[str, Any]]:
        """Figures of each row; `doubt` where a set says that nothing can be named."""
        score, levels = self.scores(eta), cohort.levels
        conformal = self.doubt.conformal if self.doubt else None
        if self.kind == "survival":
            p = survival(eta, course.at(np.array(self.horizons)) if isinstance(course, OwnCourses) else self.hazard)
            early = conformal.earliest(eta, course, levels) if conformal and course else np.zeros(len(eta))
            return [
                {"risk": float(score[i, 0])}
                | ({"lower": float(early[i])} if early[i] > 0 else {})
                | {f"p_{t:g}": float(x) for t, x in zip(self.horizons, p[i], strict=True)}
                for i in range(len(eta))
            ]
        if self.kind == "regression":
            value = score[:, 0]
            half = conformal.half_widths(eta, levels) if conformal else np.full(len(eta), np.inf)
            return [
                {"value": float(v)} | ({"lower": float(v - h), "upper": float(v + h)} if np.isfinite(h) else {})
                for v, h in zip(value, half, strict=True)
            ]
        sets = conformal.sets(score, levels) if conformal else [[int(row.argmax())] for row in score]
        return [self._named(p, inside) for p, inside in zip(score, sets, strict=True)]

    def _named(self, p: Array, inside: list[int]) -> dict[str, Any]:
        record: dict[str, Any] = {f"p_{c}": float(x) for c, x in zip(self.classes, p, strict=True)}
        record |= {"set": " or ".join(self.classes[k] for k in inside), "predicted": self.classes[int(p.argmax())]}
        if len(inside) == len(self.classes):
            record["doubt"] = "the 90 % set holds every class: none can be excluded"
        elif not inside:
            record["doubt"] = "the 90 % set is empty: no class is as likely as it is in patients of that class"
        return record

    def abstentions(self, cohort: Cohort) -> list[str]:
        """Per row: why no prediction is made, whatever its set ("" = it is made)."""
        if self.doubt is None or not self.blocks:
            return [""] * len(cohort.patients)
        blocks = [cohort.block(m.name) for m in self.blocks]
        present = np.stack([b.present if b else np.zeros(len(cohort.patients), bool) for b in blocks], axis=1)
        far = [m.unusual(b) if b else np.zeros(len(cohort.patients)) for m, b in zip(self.blocks, blocks, strict=True)]
        distance, farthest = distances(np.stack(far, axis=1), present)
        out = []
        for i in range(len(cohort.patients)):
            absent = {
                m.name: b.reasons[i] if b else "nobody of this cohort has it"
                for m, b, on in zip(self.blocks, blocks, present[i], strict=True) if not on
            }  # fmt: skip
            out.append(self.doubt.reason(absent, float(distance[i]), self.blocks[farthest[i]].name))
        return out

    def cautions(self, cohort: Cohort) -> list[list[str]]:
        """Per row: present blocks far beyond the training patients', blocks that quality control left out with why."""
        out: list[list[str]] = [[] for _ in cohort.patients]
        for model in self.blocks:
            block = cohort.block(model.name)
            if block is None:
                continue
            for i in np.flatnonzero((model.unusual(block) > 2) & block.present):
                out[i].append(f"values unlike the training patients': {model.name}")
            for i in np.flatnonzero(~block.present):
                if block.reasons[i] not in NOT_THERE:
                    out[i].append(f"no {model.name} ({block.reasons[i]})")
        return out

    def contributions(self, cohort: Cohort, seed: int = 0) -> list[dict[str, Any]]:
        """Exact Shapley contributions of the blocks used, on the scale of `scores`, one record a row and target.

        A block that only would step in for another's absence has no part in the prediction, and no share of it.
        """
        parts = self.parts(cohort)
        targets = self.classes if self.kind == "classification" else ("risk" if self.kind == "survival" else "value",)
        out = []
        for i, patient in enumerate(cohort.patients):
            one = parts.take(np.array([i]))

            def value(masks: Array, one: Parts = one) -> Array:
                return self.scores(self.eta(one.seen_with(masks)))

            used = np.isin(self.fusion.blocks, self.fusion.used(self.choice, parts.mask[i]))
            shares = shapley.contributions(value, used, seed)
            for b in np.flatnonzero(used):
                for k, name in enumerate(targets):
                    share = float(shares[b, k])
                    out.append(
                        {"patient": patient, "target": name, "modality": self.fusion.blocks[b], "contribution": share}
                    )
        return out


def key(model: str, block: str) -> str:
    """Name under which a model's calibration and held-out predictions are kept."""
    return f"{model}|{block}" if block else model
