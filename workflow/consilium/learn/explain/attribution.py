"""Exact contributions of a block's pieces to what its models say: linear weights, bent lines, Tree-SHAP of trees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from consilium.learn.explain.pieces import Pieces
from consilium.learn.fusion.fusion import Parts
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models import boosting
from consilium.learn.models.boosting import Boosted
from consilium.learn.models.heads import centred

Array = np.ndarray
TOLERANCE = 1e-6  # of additivity, on the scale of evidence


@dataclass(frozen=True)
class Shared:
    """phi (row, piece): what each piece adds to the block's evidence for the row's target. constant (row,): what does
    not belong to any piece (the trees' mean; of a volume all but what the linear model says of its components)."""

    phi: Array
    constant: Array


def shares(model: BlockModel, pieces: Pieces, target: Array) -> Shared:
    """target (row,): the class whose evidence is shared out (0 where there is one column only)."""
    weights = centred(model.linear.weights)[:, target].T
    phi = model.mix.get("elastic_net", 0.0) * pieces.linear(weights)
    constant = np.zeros(len(phi))
    rows = np.arange(len(phi))
    for learner, fitted in model.beside.items():
        share = model.mix.get(learner, 0.0)
        if share <= 0:
            continue
        if isinstance(fitted, Boosted):
            by_column, base = tree_shap(fitted, pieces.x)
            constant += share * base[rows, target]
        else:
            by_column = fitted.by_column(pieces.x)
        own = share * by_column[rows, :, target]
        if pieces.shares is None:
            phi = phi + own
        else:
            constant += own.sum(axis=1)  # they speak of whole components, which have no place
    return Shared(phi, constant)


def tree_shap(model: Boosted, x: Array) -> tuple[Array, Array]:
    """(row, column of x, width) and (row, width): exact SHAP values and their base, LightGBM's own (arXiv:1802.03888).

    They add up to the evidence; where they do not, the explanation is withheld (fold.Asked, verdict). The evidence of
    a forest is the logarithm of its trees' mean: values of the mean are stretched by the slope between it and its base.
    """
    out, base = np.zeros((len(x), x.shape[1], model.width)), np.zeros((len(x), model.width))
    if not model.text or not len(x):
        return out, base
    used = x[:, model.columns]
    raw = np.asarray(boosting.booster(model.text).predict(used, pred_contrib=True, num_threads=1))
    raw = raw.reshape(len(x), -1, len(model.columns) + 1).transpose(0, 2, 1)  # (row, column and base, tree class)
    if model.ratio:
        raw = _of_logarithm(raw, model.evidence(x))
    if model.width == 2 and raw.shape[2] == 1:
        raw = np.concatenate([-raw, raw], axis=2) / 2
    raw = centred(raw)
    out[:, model.columns], base = raw[:, :-1], raw[:, -1]
    return out, base


def _of_logarithm(raw: Array, evidence: Array) -> Array:
    """Contributions to a forest's sum of trees (row, column and base, 1) as contributions to log(mean) = evidence."""
    mean = raw * (np.exp(evidence) / raw.sum(axis=1))[:, None]
    base = mean[:, -1:]
    away = (mean.sum(axis=1) - base[:, 0])[:, None]
    slope = np.where(np.abs(away) > 1e-12, (evidence[:, None] - np.log(base)) / np.where(away == 0, 1, away), 1 / base)
    return np.concatenate([mean[:, :-1] * slope, np.log(base)], axis=1)


def block_weights(trained: Trained, parts: Parts) -> Array:
    """(row, block): weight of each block's evidence in the shipped linear predictor.

    Every candidate is affine in the blocks' evidence: its weights are asked for, block by block. The rest holds
    presence terms, bias and the networks. ValueError where the candidate is not affine.
    """
    n, m, width = parts.base.shape
    rest = trained.eta(replace(parts, base=np.zeros_like(parts.base)))
    probe = np.eye(1, width)[0] - 1 / width if width > 1 else np.ones(1)
    weights = np.zeros((n, m))
    for b in range(m):
        base = np.zeros_like(parts.base)
        base[:, b] = probe
        weights[:, b] = (trained.eta(replace(parts, base=base)) - rest)[:, 0] / probe[0]
    gap = np.abs(rest + np.einsum("nm,nmk->nk", weights, parts.base) - trained.eta(parts)).max(initial=0.0)
    if gap > TOLERANCE:
        raise ValueError(f"the shipped candidate is not affine in the blocks' evidence (by {gap:.2g})")
    return weights
