"""Base models of one block, with out-of-fold evidence on two levels of inner folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.learn.cohort.data import Block
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.model import BlockModel
from consilium.learn.models import additive, boosting, linear, preproc
from consilium.learn.models.heads import Objective, losses, objective, prior
from consilium.learn.models.tuning import tuned
from consilium.learn.models.work import Work

Array = np.ndarray
TEMPER = 0.5
MIN_ROWS = 12  # training patients with a block; below it the block is left out
MIN_ROWS_TREES = 150  # below it trees are baselines and do not enter fusion
ONE_LEVEL = 1000  # from here on the few choices made on the first level of evidence no longer show in its losses
BESIDE = ("lightgbm", "forest", "additive")  # the linear model
MAX_PAIRS = 200_000


@dataclass(frozen=True)
class Folded:
    """A block's final model, its designs per inner fold, and out-of-fold evidence, (row, width) each.

    first: by learner and `fusion` (their mixture); each row from models that saw neither it nor its inner fold.
    second: per inner fold j, of the rows outside j, from models and choices that saw neither j nor the row's fold (from
    ONE_LEVEL rows on the models saw j, the choices did not).
    """

    model: BlockModel
    designs: list[preproc.Design]
    first: dict[str, Array]
    second: list[Array]


@dataclass(frozen=True)
class Field:
    """What competes to speak for a block, in this order: penalties, shapes of boosted trees, forest, additive models.

    tuned: one shape more, found inside each fit. mixed: trees enter fusion. large: shares by stacking, see `_shares`.
    """

    grid: tuple[linear.Penalty, ...]
    shapes: tuple[boosting.Shape, ...]
    tuned: bool
    forest: bool
    additive: bool
    mixed: bool
    large: bool

    @property
    def places(self) -> dict[str, slice]:
        """Learner -> its options."""
        ends = np.cumsum([0, *self.sizes])
        names = ("elastic_net", *BESIDE)
        return {n: slice(int(a), int(b)) for n, a, b in zip(names, ends[:-1], ends[1:], strict=True) if b > a}

    @property
    def sizes(self) -> tuple[int, ...]:
        return len(self.grid), len(self.shapes) + self.tuned, int(self.forest), len(additive.GRID) * self.additive

    def __len__(self) -> int:
        return sum(self.sizes)


def field(work: Work, rows: int, trees: bool, columns: int) -> Field:
    """Of a block that `rows` training patients have, with so many columns of its design."""
    s = work.settings
    mixed = trees and rows >= MIN_ROWS_TREES
    trees = trees and (mixed or s.baselines)
    shapes = boosting.shapes(rows) if trees else ()
    forest, large = trees and work.target.kind == "survival", rows >= boosting.LARGE
    bent = trees and large and columns <= additive.MAX_COLUMNS
    return Field(s.grid, shapes, bool(shapes) and s.trials > 0, forest, bent, mixed, large)


def fit_block(work: Work, block: Block, trees: bool = True, fused: bool = True) -> Folded | None:
    """Base models of one block, or None when too few training patients have it or nothing in it varies.

    trees: also what stands beside the linear model. fused: also the second level of evidence, which judges fusion.
    """
    have = np.flatnonzero(block.present)
    if not _enough(work, have):
        return None
    design = preproc.fit(block.take(have), len(have) >= work.settings.cnn_min_patients)
    x = design.matrix(block.take(have))
    if not x.shape[1]:
        return None
    own = field(work, len(have), trees, x.shape[1])
    work.note(f"{block.name}: shares, preparation and base models", have)
    levels = [_out_of_fold(work, block, have, (j,), own) for j in work.folds]
    first = np.sum([evidence for evidence, _ in levels], axis=0)
    if fused and len(have) < ONE_LEVEL:
        without, second = _second_level(work, block, have, own)
    else:
        without = _first_level_shares(work, have, first, own)
        second = [np.tensordot(without[j], first, axes=1) for j in work.folds] if fused else []
    shares = _shares(own, work.target.take(have), first[:, have], work.inner[have])
    held = {
        name: _mixed(first[at], {j: _alone(s, at) for j, s in without.items()}, work.inner)
        for name, at in own.places.items()
    } | {"fusion": _mixed(first, without, work.inner)}
    return Folded(_final(work, block, have, own, design, x, shares), [d for _, d in levels], held, second)


def _final(
    work: Work, block: Block, have: Array, own: Field, design: preproc.Design, x: Array, shares: Array
) -> BlockModel:
    """The block's models on every row that has it, in the mixture found out of fold."""
    target, places = work.target.take(have), own.places
    boosted = forest = bent = None
    if "lightgbm" in places:
        best = int(shares[places["lightgbm"]].argmax())
        seed = work.seed(block.name, "trees")
        boosted = boosting.fit(x, target, seed, _shapes(work, own, x, target, work.inner[have], seed)[best])
    if "forest" in places:
        forest = boosting.forest(x, target, work.seed(block.name, "forest"))
    if "additive" in places:
        penalty = additive.GRID[int(shares[places["additive"]].argmax())]
        bent = additive.fit(x, target, (penalty,))[0]
    return BlockModel(
        block.name, design, linear.averaged(linear.fit(x, target, own.grid), _alone(shares, places["elastic_net"])),
        boosted, {n: float(shares[at].sum()) for n, at in places.items() if own.mixed or n not in BESIDE},
        float(np.quantile(design.unusual(block.take(have)), 0.99)), forest, bent,
    )  # fmt: skip


def _shapes(
    work: Work, own: Field, x: Array, target: Target, fold: Array, seed: int
) -> tuple[boosting.Shape, ...]:  # fmt: skip
    """The shapes of the field; the tuned one is found on the rows given."""
    found = (tuned(x, target, fold, work.settings.trials, seed),) if own.tuned else ()
    return own.shapes + found


def _enough(work: Work, have: Array) -> bool:
    """Enough rows, and enough of them outside any two inner folds."""
    sizes = sorted(np.bincount(work.inner[have], minlength=len(work.folds)))
    return len(have) >= MIN_ROWS and len(have) - sum(sizes[-2:]) >= MIN_ROWS // 3


def _second_level(work: Work, block: Block, have: Array, own: Field) -> tuple[dict[int, Array], list[Array]]:
    """(shares found without each inner fold, evidence (row, width) of the rows outside it by models without it)."""
    pairs = [(j, k) for j in work.folds for k in work.folds if j < k]
    inside = {pair: _out_of_fold(work, block, have, pair, own)[0] for pair in pairs}
    shares, second = {}, []
    for j in work.folds:
        level = np.sum([e * (work.inner != j)[:, None] for pair, e in inside.items() if j in pair], axis=0)
        rows = have[work.inner[have] != j]
        shares[j] = _shares(own, work.target.take(rows), level[:, rows], work.inner[rows])
        second.append(np.tensordot(shares[j], level, axes=1))
    return shares, second


def _first_level_shares(work: Work, have: Array, first: Array, own: Field) -> dict[int, Array]:
    """Shares without each inner fold from the first level alone: for baselines and large cohorts."""
    rows = {j: have[work.inner[have] != j] for j in work.folds}
    return {j: _shares(own, work.target.take(r), first[:, r], work.inner[r]) for j, r in rows.items()}


def _out_of_fold(
    work: Work, block: Block, have: Array, held: tuple[int, ...], own: Field
) -> tuple[Array, preproc.Design]:
    """(evidence (option, row, width) of the held folds' rows, else 0; design) of models fitted without `held`."""
    out = np.zeros((len(own), len(work.target), work.target.width))
    train = have[~np.isin(work.inner[have], held)]
    asked = have[np.isin(work.inner[have], held)]
    work.note(f"{block.name}: preparation and base models without inner fold {' and '.join(map(str, held))}", train)
    design = preproc.fit(block.take(train), len(have) >= work.settings.cnn_min_patients)
    x, x_asked, target = design.matrix(block.take(train)), design.matrix(block.take(asked)), work.target.take(train)
    for g, fitted in enumerate(linear.fit(x, target, own.grid)):
        out[g, asked] = fitted.evidence(x_asked)
    places = own.places
    if "lightgbm" in places:
        seed = work.seed(block.name, "trees", *held)
        shapes = _shapes(work, own, x, target, work.inner[train], seed)
        out[places["lightgbm"], asked] = boosting.paths(x, target, seed, shapes, x_asked)
    if "forest" in places:
        forest = boosting.forest(x, target, work.seed(block.name, "forest", *held))
        out[places["forest"].start, asked] = forest.evidence(x_asked)
    if "additive" in places:
        for g, bent in enumerate(additive.fit(x, target), start=places["additive"].start):
            out[g, asked] = bent.evidence(x_asked)
    return out, design


def _shares(own: Field, target: Target, evidence: Array, fold: Array) -> Array:
    """Share of each option of the field, from its out-of-fold evidence (option, row, width) and the rows' inner folds.

    Of a learner's shapes or bends the option of smallest loss speaks. Small: `mixture` of penalties and trees. Large:
    penalties by `mixture`, then the learners by `stacked`.
    """
    at, places = prior(target), own.places
    by_row = np.stack([losses(target, at.offset + e, at) for e in evidence])
    out = np.zeros(len(evidence))
    n = len(own.grid)
    beside = [places[t].start + int(by_row[places[t]].mean(axis=1).argmin()) for t in BESIDE if t in places]
    if not own.mixed:
        out[:n] = mixture(by_row[:n])
    elif not own.large:
        options = [*range(n), *beside]
        out[options] = mixture(by_row[options])
    else:
        out[:n] = mixture(by_row[:n])
        one = np.tensordot(out[:n], evidence[:n], axes=1)
        weights = stacked(np.stack([one, *evidence[beside]]), target, fold)
        out[:n] *= weights[0]
        out[beside] = weights[1:]
    return out


def stacked(evidence: Array, target: Target, fold: Array) -> Array:
    """Weight >= 0 of each learner's out-of-fold evidence (learner, row, width) by penalised likelihood.

    Stacking proper (doi:10.1016/S0893-6080(05)80023-1) with weights drawn towards equal shares (prior SD 0.5): with
    hundreds of rows `mixture` would give all to the learner that is ahead by a hair. Survival: by the order of events
    (`ranking`), which is what is judged, not by the partial likelihood.
    """
    at, k = prior(target), len(evidence)
    if target.kind == "survival":
        loss = ranking(evidence[:, :, 0], target, fold)
    else:
        plain = objective(target, at)

        def loss(w: Array) -> tuple[float, Array]:
            value, gradient = plain(at.offset + np.tensordot(w, evidence, axes=1))
            return value, np.einsum("kre,re->k", evidence, gradient)

    def smooth(w: Array) -> tuple[float, Array]:
        value, gradient = loss(w)
        pull = (w - 1 / k) / 0.25
        return value + 0.5 * float((w - 1 / k) @ pull), gradient + pull

    # Never quite 0: the best shape of a learner that fusion does not use is still known by its share.
    return linear.minimise(smooth, lambda w, _size: np.maximum(w, 1e-9), np.full(k, 1 / k))


def ranking(evidence: Array, target: Target, fold: Array) -> Objective:
    """Weights (learner,) -> (logistic loss of the pairs in which one is known to fail first, gradient).

    The smooth form of one minus Harrell's C. evidence: (learner, row); pairs of one fold only, at most MAX_PAIRS, drawn
    with a fixed seed; weighted so that all pairs together count as much as the events.
    """
    earlier = (target.event[:, None] == 1) & (target.time[:, None] < target.time[None, :])
    first, then = np.nonzero(earlier & (fold[:, None] == fold[None, :]))
    kept = np.sort(np.random.default_rng(0).permutation(len(first))[:MAX_PAIRS])
    apart = evidence[:, first[kept]] - evidence[:, then[kept]]
    each = target.event.sum() / max(len(kept), 1)

    def loss(w: Array) -> tuple[float, Array]:
        margin = w @ apart
        return each * float(np.logaddexp(0, -margin).sum()), -each * (apart @ (1 / (1 + np.exp(margin))))

    return loss


def _alone(shares: Array, at: slice) -> Array:
    """Shares of one learner's options among themselves."""
    own = shares[at]
    return own / own.sum() if own.sum() > 0 else np.full(len(own), 1 / len(own))


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
