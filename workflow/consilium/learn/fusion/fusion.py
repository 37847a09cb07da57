"""From what each block says to one prediction, for any subset of blocks: single, late mean, stack, network, average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.hazards import Hazards, OwnCourses
from consilium.learn.models.heads import Prior, centred, losses, objective
from consilium.learn.models.linear import minimise

Array = np.ndarray
CANDIDATES = ("best_single", "late_mean", "stack", "network", "network_late_mean")
FROM_NETWORK = ("network", "network_late_mean")
MIN_SCALE = 0.1  # a calibrated prediction keeps its ranking even where the inner folds saw no signal


@dataclass(frozen=True)
class Parts:
    """What the base models say. mask (row, block); base (row, block, width), 0 where absent; nets: (logits, gates).

    hazards: what a column of the logits is, where networks speak of intervals of time.
    """

    mask: Array
    base: Array
    nets: tuple[tuple[Array, Array], ...] = ()
    hazards: Hazards | None = None

    def take(self, rows: Array) -> Parts:
        nets = tuple((u[rows], g[rows]) for u, g in self.nets)
        return Parts(self.mask[rows], self.base[rows], nets, self.hazards)

    def seen_with(self, masks: Array) -> Parts:
        """One patient's parts under many masks (mask, block); absent blocks stay absent."""
        k = len(masks)
        wide = lambda a: np.broadcast_to(a, (k, *a.shape[1:]))  # noqa: E731
        nets = tuple((wide(u), wide(g)) for u, g in self.nets)
        return Parts(masks & self.mask, wide(self.base), nets, self.hazards)


@dataclass(frozen=True)
class Calibration:
    """eta = prior + scale * evidence + bias: temperature and bias (Platt for two classes); slope for survival."""

    scale: float = 1.0
    bias: Array = field(default_factory=lambda: np.zeros(1))

    def eta(self, evidence: Array, at: Prior) -> Array:
        return at.offset + self.scale * evidence + self.bias


@dataclass(frozen=True)
class Stack:
    """Non-negative weight of each block, and what its presence alone adds (block, width)."""

    weights: Array
    presence: Array

    def evidence(self, parts: Parts) -> Array:
        on = parts.mask[..., None]
        return centred((self.weights[:, None] * parts.base * on).sum(axis=1) + parts.mask @ self.presence)


@dataclass(frozen=True)
class Fusion:
    """Everything that turns parts into the evidence of any candidate."""

    blocks: tuple[str, ...]
    best: int  # index of the best single block
    stack: Stack
    average: tuple[float, float] = (1.0, 1.0)  # scales of network and late mean before they are averaged

    def evidence(self, name: str, parts: Parts) -> Array:
        if name == "best_single":
            # Who lacks that block is not left without an answer: the others speak, by their mean.
            return np.where(parts.mask[:, self.best, None], parts.base[:, self.best], late_mean(parts))
        if name == "late_mean":
            return late_mean(parts)
        if name == "stack":
            return self.stack.evidence(parts)
        if name == "network":
            return network_evidence(parts)
        a, b = self.average
        return 0.5 * (a * network_evidence(parts) + b * late_mean(parts))

    def used(self, name: str, mask: Array) -> list[str]:
        """Blocks that speak in a row's prediction."""
        if name == "best_single" and mask[self.best]:
            return [self.blocks[self.best]]
        return [b for b, on in zip(self.blocks, mask, strict=True) if on]


def late_mean(parts: Parts) -> Array:
    """Mean evidence of the present blocks."""
    count = np.maximum(parts.mask.sum(axis=1, keepdims=True), 1)
    return (parts.base * parts.mask[..., None]).sum(axis=1) / count


def network_evidence(parts: Parts) -> Array:
    """Mean over networks of the gate-weighted logits, of hazards of what they make of mortality."""
    out = np.zeros((len(parts.mask), parts.base.shape[2]))
    for said in _gated(parts):
        out += said if parts.hazards is None else parts.hazards.mortality(said)
    return centred(out / max(len(parts.nets), 1))


def smallest(candidates: Sequence[Array], target: Target, at: Prior) -> int:
    """Which evidence (row, column), each with its own scale, has the smallest mean loss; of equals the first."""
    means = [losses(target, fit_calibration(e, target, at).eta(e, at), at).mean() for e in candidates]
    return int(np.argmin(np.round(means, 9)))


def own_courses(parts: Parts, hazards: Hazards) -> OwnCourses:
    """Each row's cumulative hazard at evidence 0, as the networks shape it: mean over networks."""
    shapes = [hazards.cumulative(said) * np.exp(-hazards.mortality(said)) for said in _gated(parts)]
    return OwnCourses(np.array(hazards.ends), np.mean(shapes, axis=0))


def _gated(parts: Parts) -> list[Array]:
    """Of each network: gate-weighted logits (row, column) (see network.fused, whose numbers these are)."""
    out = []
    for logits, gates in parts.nets:
        g = np.where(parts.mask, gates, -np.inf)
        top = np.where(parts.mask.any(axis=1), g.max(axis=1, initial=-np.inf), 0.0)
        w = np.where(parts.mask, np.exp(g - top[:, None]), 0.0)
        w /= np.maximum(w.sum(axis=1, keepdims=True), 1e-300)
        out.append((w[..., None] * logits).sum(axis=1) * np.sqrt(parts.mask.sum(axis=1, keepdims=True)))
    return out


def fit_stack(parts: Parts, target: Target, at: Prior) -> Stack:
    """Stack on out-of-fold evidence.

    Weights are shrunk towards one common weight (prior SD 0.5) rather than towards nothing, presence terms towards
    zero (SD 0.3): with 50 patients and ten blocks a free logistic on [logit, mask] has more unknowns than patients.
    """
    loss = objective(target, at)
    base = parts.base * parts.mask[..., None]
    total = base.sum(axis=1)
    common = fit_calibration(total, target, at, towards=0.5).scale
    m, width = base.shape[1], base.shape[2]

    def smooth(theta: Array) -> tuple[float, Array]:
        w, c = theta[:m], theta[m:].reshape(m + 1, width)
        value, gradient = loss(at.offset + np.einsum("nmk,m->nk", base, w) + parts.mask @ c[:m] + c[m])
        pull = (w - common) / 0.25
        out_c = np.concatenate([parts.mask.T @ gradient + c[:m] / 0.09, gradient.sum(axis=0)[None] + c[m:] / 0.25])
        value += 0.5 * float((w - common) @ pull) + float((c[:m] ** 2).sum()) / 0.18 + float((c[m] ** 2).sum()) / 0.5
        return value, np.concatenate([np.einsum("nmk,nk->m", base, gradient) + pull, out_c.ravel()])

    def prox(theta: Array, _size: float) -> Array:
        out = theta.copy()
        out[:m] = np.maximum(out[:m], 0.0)
        return out

    start = np.concatenate([np.full(m, common), np.zeros((m + 1) * width)])
    theta = minimise(smooth, prox, start)
    presence = theta[m:].reshape(m + 1, width)[:m]
    return Stack(theta[:m], presence)


def fit_calibration(evidence: Array, target: Target, at: Prior, towards: float = 1.0) -> Calibration:
    """Scale (prior: `towards`, SD 1) and bias (prior SD 0.5) by penalised likelihood on out-of-fold evidence."""
    loss = objective(target, at)
    width = evidence.shape[1]
    with_bias = target.kind != "survival"

    def smooth(theta: Array) -> tuple[float, Array]:
        value, gradient = loss(at.offset + theta[0] * evidence + theta[1:])
        free = gradient.sum(axis=0) + theta[1:] / 0.25 if with_bias else np.zeros(width)
        value += 0.5 * (theta[0] - towards) ** 2 + 2.0 * float((theta[1:] ** 2).sum())
        return value, np.concatenate([[(gradient * evidence).sum() + theta[0] - towards], free])

    def prox(theta: Array, _size: float) -> Array:
        out = theta.copy()
        out[0] = max(out[0], MIN_SCALE)
        return out

    theta = minimise(smooth, prox, np.concatenate([[towards], np.zeros(width)]))
    return Calibration(float(theta[0]), theta[1:])


def cross_calibrated(evidence: Array, target: Target, at: Prior, inner: Array) -> Array:
    """eta of each row, calibrated on the other inner folds."""
    eta = np.zeros_like(evidence)
    for j in np.unique(inner):
        held = inner == j
        calibration = fit_calibration(evidence[~held], target.take(np.flatnonzero(~held)), at)
        eta[held] = calibration.eta(evidence[held], at)
    return eta
