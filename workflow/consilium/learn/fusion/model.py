"""A trained model: what predicts, for any subset of blocks. It fits nothing; `nested` makes it, `bundle` stores it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.explain import shapley
from consilium.learn.fusion.fusion import Calibration, Fusion, Parts
from consilium.learn.models.boosting import Boosted
from consilium.learn.models.heads import Prior, softmax, survival
from consilium.learn.models.linear import Linear
from consilium.learn.models.preproc import Design
from consilium.learn.uncertainty.conformal import Conformal

if TYPE_CHECKING:
    from consilium.learn.networks.network import Net

Array = np.ndarray


@dataclass(frozen=True)
class BlockModel:
    """Base models of one block. mix: share of each learner in what it tells fusion. far: 99 % point of `unusual`."""

    name: str
    design: Design
    linear: Linear
    boosted: Boosted | None
    mix: dict[str, float] = field(default_factory=lambda: {"elastic_net": 1.0})
    far: float = float("inf")

    @property
    def learners(self) -> list[str]:
        return ["elastic_net"] + (["lightgbm"] if self.boosted is not None else [])

    def evidence(self, block: Block, learner: str = "") -> Array:
        """(row, width); 0 where the block is absent."""
        out = self.evidence_of(self.design.matrix(block), learner)
        out[~block.present] = 0.0
        return out

    def evidence_of(self, x: Array, learner: str = "") -> Array:
        """The same for rows of the design."""
        out = np.zeros((len(x), self.linear.weights.shape[1]))
        for name, share in ({learner: 1.0} if learner else self.mix).items():
            model = self.boosted if name == "lightgbm" and self.boosted is not None else self.linear
            out += share * model.evidence(x)
        return out


@dataclass(frozen=True)
class Trained:
    """One task's models. calibrations: model key (see `key`) -> calibration; hazard: at `horizons` (survival)."""

    kind: str
    classes: tuple[str, ...]
    at: Prior
    blocks: tuple[BlockModel, ...]
    nets: tuple[Net, ...]
    fusion: Fusion
    calibrations: dict[str, Calibration]
    choice: str
    conformal: Conformal | None = None
    horizons: tuple[float, ...] = ()
    hazard: Array = field(default_factory=lambda: np.zeros(0))

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
        return Parts(mask, base, tuple(net.outputs(inputs) for net in self.nets))

    def embedding(self, cohort: Cohort) -> dict[str, Any]:
        """What each block's models say of each row: blocks, mask (row, block), values (row, block, width)."""
        parts = replace(self, nets=()).parts(cohort)
        return {"blocks": list(self.fusion.blocks), "mask": parts.mask.tolist(), "values": parts.base.tolist()}

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
        """One record a row: the columns of table `predictions` but for patient, fold and observed."""
        parts = self.parts(cohort)
        eta = self.eta(parts)
        scores = self.scores(eta)
        cautions = self.cautions(cohort)
        out = []
        for i in range(len(cohort.patients)):
            used = self.fusion.used(self.choice, parts.mask[i])
            record: dict[str, Any] = {"modalities": ", ".join(used), "abstained": False, "reason": cautions[i]}
            if not used:
                record |= {"abstained": True, "reason": "none of the model's feature blocks is present"}
            else:
                record |= self._record(scores[i], eta[i : i + 1])
                record["reason"] = "; ".join(r for r in (record.pop("doubt", ""), cautions[i]) if r)
            out.append(record)
        return out

    def _record(self, score: Array, eta: Array) -> dict[str, Any]:
        if self.kind == "survival":
            p = survival(eta, self.hazard)[0]
            return {"risk": float(score[0])} | {f"p_{t:g}": float(x) for t, x in zip(self.horizons, p, strict=True)}
        if self.kind == "regression":
            half = self.conformal.thresholds[0] if self.conformal else float("nan")
            bounds = {"lower": float(score[0] - half), "upper": float(score[0] + half)} if np.isfinite(half) else {}
            return {"value": float(score[0])} | bounds
        p = {f"p_{c}": float(x) for c, x in zip(self.classes, score, strict=True)}
        inside = self.conformal.sets(score[None])[0] if self.conformal else [int(score.argmax())]
        named = {"set": " or ".join(self.classes[k] for k in inside)}
        if len(inside) == len(self.classes):
            doubt = "the 90 % set holds every class: none can be excluded"
            return p | named | {"predicted": "", "abstained": True, "doubt": doubt}
        return p | named | {"predicted": self.classes[int(score.argmax())]}

    def cautions(self, cohort: Cohort) -> list[str]:
        """Per row: present blocks whose values lie beyond the 99 % point of the training patients', by name."""
        out: list[list[str]] = [[] for _ in cohort.patients]
        for model in self.blocks:
            block = cohort.block(model.name)
            if block is not None and np.isfinite(model.far):
                for i in np.flatnonzero((model.design.unusual(block) > 2 * model.far) & block.present):
                    out[i].append(model.name)
        return [f"values unlike the training patients': {', '.join(names)}" if names else "" for names in out]

    def contributions(self, cohort: Cohort, seed: int = 0) -> list[dict[str, Any]]:
        """Exact Shapley contributions of the present blocks, on the scale of `scores`, one record a row and target."""
        parts = self.parts(cohort)
        targets = self.classes if self.kind == "classification" else ("risk" if self.kind == "survival" else "value",)
        out = []
        for i, patient in enumerate(cohort.patients):
            one = parts.take(np.array([i]))

            def value(masks: Array, one: Parts = one) -> Array:
                return self.scores(self.eta(one.seen_with(masks)))

            shares = shapley.contributions(value, parts.mask[i], seed)
            for b in np.flatnonzero(parts.mask[i]):
                for k, name in enumerate(targets):
                    share = float(shares[b, k])
                    out.append(
                        {"patient": patient, "target": name, "modality": self.fusion.blocks[b], "contribution": share}
                    )
        return out


def key(model: str, block: str) -> str:
    """Name under which a model's calibration and held-out predictions are kept."""
    return f"{model}|{block}" if block else model


def target_like(trained: Trained, n: int) -> Target:
    return Target(trained.kind, np.zeros(n, dtype=int), np.ones(n), np.zeros(n), trained.classes)
