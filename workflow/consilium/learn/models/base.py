"""Base models of one block, with out-of-fold evidence on two levels of inner folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.learn.cohort.data import Block
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.model import BlockModel
from consilium.learn.models import boosting, linear, preproc
from consilium.learn.models.heads import losses, prior
from consilium.learn.models.work import Work

Array = np.ndarray
TEMPER = 0.5
MIN_ROWS = 12  # training patients with a block; below it the block is left out
MIN_ROWS_TREES = 150  # below it LightGBM is a baseline and does not enter fusion


@dataclass(frozen=True)
class Folded:
    """A block's final model, its designs per inner fold, and out-of-fold evidence, (row, width) each.

    first: by learner and `fusion` (their mixture); each row from models that saw neither it nor its inner fold.
    second: per inner fold j, of the rows outside j, from models and choices that saw neither j nor the row's fold.
    """

    model: BlockModel
    designs: list[preproc.Design]
    first: dict[str, Array]
    second: list[Array]


def fit_block(work: Work, block: Block, trees: bool = True, fused: bool = True) -> Folded | None:
    """Base models of one block, or None when too few training patients have it or nothing in it varies.

    trees: also LightGBM. fused: also the second level of evidence, by which fusion is judged.
    """
    have = np.flatnonzero(block.present)
    if not _enough(work, have):
        return None
    own, grid = work.target.take(have), work.settings.grid
    in_mix = trees and len(have) >= MIN_ROWS_TREES
    trees = trees and (in_mix or work.settings.baselines)
    design = preproc.fit(block.take(have), len(have) >= work.settings.cnn_min_patients)
    x = design.matrix(block.take(have))
    if not x.shape[1]:
        return None
    work.note(f"{block.name}: shares, preparation and base models", have)
    levels = [_out_of_fold(work, block, have, (j,), trees) for j in work.folds]
    first = np.sum([evidence for evidence, _ in levels], axis=0)
    options = first[: len(grid) + in_mix]
    if fused:
        without, second = _second_level(work, block, have, in_mix)
    else:
        without, second = _plain_shares(work, have, options), []
    shares = _shares(own, options[:, have])
    linear_only = {j: _only_linear(s, len(grid)) for j, s in without.items()}
    held = {
        "elastic_net": _mixed(first[: len(grid)], linear_only, work.inner),
        "fusion": _mixed(options, without, work.inner),
    }
    if trees:
        held["lightgbm"] = first[len(grid)]
    model = BlockModel(
        block.name, design, linear.averaged(linear.fit(x, own, grid), _only_linear(shares, len(grid))),
        boosting.fit(x, own, work.seed(block.name, "trees")) if trees else None,
        {"elastic_net": float(shares[: len(grid)].sum())} | ({"lightgbm": float(shares[-1])} if in_mix else {}),
        float(np.quantile(design.unusual(block.take(have)), 0.99)),
    )  # fmt: skip
    return Folded(model, [d for _, d in levels], held, second)


def _enough(work: Work, have: Array) -> bool:
    """Enough rows, and enough of them outside any two inner folds."""
    sizes = sorted(np.bincount(work.inner[have], minlength=len(work.folds)))
    return len(have) >= MIN_ROWS and len(have) - sum(sizes[-2:]) >= MIN_ROWS // 3


def _second_level(work: Work, block: Block, have: Array, trees: bool) -> tuple[dict[int, Array], list[Array]]:
    """(shares found without each inner fold, evidence (row, width) of the rows outside it by models without it)."""
    pairs = [(j, k) for j in work.folds for k in work.folds if j < k]
    inside = {pair: _out_of_fold(work, block, have, pair, trees)[0] for pair in pairs}
    shares, second = {}, []
    for j in work.folds:
        level = np.sum([e * (work.inner != j)[:, None] for pair, e in inside.items() if j in pair], axis=0)
        rows = have[work.inner[have] != j]
        shares[j] = _shares(work.target.take(rows), level[:, rows])
        second.append(np.tensordot(shares[j], level, axes=1))
    return shares, second


def _plain_shares(work: Work, have: Array, options: Array) -> dict[int, Array]:
    """Shares without each inner fold from the first level alone: enough for a baseline, which chooses nothing else."""
    rows = {j: have[work.inner[have] != j] for j in work.folds}
    return {j: _shares(work.target.take(r), options[:, r]) for j, r in rows.items()}


def _out_of_fold(
    work: Work, block: Block, have: Array, held: tuple[int, ...], trees: bool
) -> tuple[Array, preproc.Design]:
    """(evidence (option, row, width) of the held folds' rows, else 0; design) of models fitted without `held`."""
    grid = work.settings.grid
    out = np.zeros((len(grid) + trees, len(work.target), work.target.width))
    train = have[~np.isin(work.inner[have], held)]
    asked = have[np.isin(work.inner[have], held)]
    work.note(f"{block.name}: preparation and base models without inner fold {' and '.join(map(str, held))}", train)
    design = preproc.fit(block.take(train), len(have) >= work.settings.cnn_min_patients)
    x, x_asked, target = design.matrix(block.take(train)), design.matrix(block.take(asked)), work.target.take(train)
    for g, fitted in enumerate(linear.fit(x, target, grid)):
        out[g, asked] = fitted.evidence(x_asked)
    if trees:
        out[-1, asked] = boosting.fit(x, target, work.seed(block.name, "trees", *held)).evidence(x_asked)
    return out, design


def _shares(own: Target, evidence: Array) -> Array:
    at = prior(own)
    return mixture(np.stack([losses(own, at.offset + e, at) for e in evidence]))


def _only_linear(shares: Array, n: int) -> Array:
    total = shares[:n].sum()
    return shares[:n] / total if total > 0 else np.full(n, 1 / n)


def mixture(by_row: Array) -> Array:
    """Share of each option from its out-of-fold losses (option, row): falls with TEMPER times the total loss.

    Options are averaged, not chosen (the plainest form of stacking weights, doi:10.1214/17-BA1091): over a dozen blocks
    of noise, taking the luckiest penalty each time adds up to a stack that seems to work.
    """
    total = by_row.sum(axis=1)
    weight = np.exp(-TEMPER * (total - total.min()))
    return weight / weight.sum()


def _mixed(options: Array, shares: dict[int, Array], inner: Array) -> Array:
    """(row, width) of `options` (option, row, width): each row by the shares found without its inner fold."""
    out = np.zeros(options.shape[1:])
    for j, share in shares.items():
        out[inner == j] = np.tensordot(share, options[:, inner == j], axes=1)
    return out
