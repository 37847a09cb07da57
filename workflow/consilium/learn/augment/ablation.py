"""The ablation: every arm on the same repeated halves and seeds, judged on patients that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.core.sheets import DEMOGRAPHICS
from consilium.learn.augment import judges, sampler, verdict
from consilium.learn.augment.settings import ARMS, Ablation
from consilium.learn.cohort.data import Cohort
from consilium.learn.cohort.folds import assign
from consilium.learn.cohort.tasks import Target
from consilium.learn.judge import metrics
from consilium.learn.models.base import MIN_ROWS
from consilium.learn.models.work import Ledger

Array = np.ndarray
LEARNERS = ("network", "ridge")
DECIDES = "network"  # whose training the made rows change
MIN_GROUP, MIN_CLASS = 20, 5  # patients of a subgroup, and of each class in it, to say anything of it


@dataclass
class Draws:
    """Held-out probabilities by (arm, learner): (seed, repeat, row, class); half of each (repeat, row)."""

    half: Array
    probabilities: dict[tuple[str, str], Array]
    ledger: Ledger = field(default_factory=Ledger)
    leaks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Trial:
    """What an ablation starts from. names: what its seeds are made from."""

    cohort: Cohort
    target: Target
    groups: Sequence[str]
    plan: Ablation
    names: Sequence[Any]
    arms: Sequence[str] = ARMS
    learners: Sequence[str] = LEARNERS


def run(t: Trial) -> Draws:
    """Fit every arm on both halves of every repeat."""
    draws = blank(t)
    for r in range(t.plan.repeats):
        repeat(t, draws, r)
    return draws


def blank(t: Trial) -> Draws:
    """The halves, and room for what will be predicted on them."""
    seeds = [seed_from(*t.names, "halves", r) for r in range(t.plan.repeats)]
    half = np.stack([assign(t.target, t.groups, 2, s) for s in seeds])
    nothing = np.full((t.plan.seeds, *half.shape, t.target.width), np.nan)
    return Draws(half, {(a, m): nothing.copy() for a in t.arms for m in t.learners})


def impossible(t: Trial) -> str:
    """Why no arm could be fitted; "" where every half has a feature block in enough patients."""
    present = t.cohort.mask
    for half in blank(t).half:
        if min((present[half == h].sum(axis=0).max(initial=0) for h in (0, 1)), default=0) < MIN_ROWS:
            return f"in one half fewer than {MIN_ROWS} patients share a feature block"
    return ""


def repeat(t: Trial, draws: Draws, r: int) -> None:
    """Fit every arm on both halves of repeat `r`, with every seed, and fill in its predictions."""
    for h in (0, 1):
        train, held = np.flatnonzero(draws.half[r] == h), np.flatnonzero(draws.half[r] != h)
        prepared = judges.Half(t.cohort, t.target, train, held, t.plan.cnn_min_patients)
        _audit(draws, t, train, held, f"repeat {r} half {h}")
        for s in range(t.plan.seeds):
            seed = seed_from(*t.names, r, h, s)
            gan: sampler.Sampler | None = None
            for arm in t.arms:
                made = None if arm == "none" else _sampler(arm, gan, prepared, seed)
                gan = made if arm == "gan" else gan
                if "network" in t.learners:
                    p = judges.by_network(prepared, made, t.plan.epochs, seed)
                    draws.probabilities[arm, "network"][s, r, held] = p
                if "ridge" in t.learners:
                    draws.probabilities[arm, "ridge"][s, r, held] = judges.by_ridge(prepared, made, seed)


def _sampler(arm: str, gan: sampler.Sampler | None, half: judges.Half, seed: int) -> sampler.Sampler:
    """GAN + classic uses the GAN that the arm before it trained."""
    if arm == "gan_classic" and gan is not None:
        return sampler.with_method(gan, arm)
    return sampler.fit(arm, half.inputs, half.layouts, half.mask, half.target, seed)


def _audit(draws: Draws, t: Trial, train: Array, held: Array, name: str) -> None:
    draws.ledger.record(f"{name}: preparation, GAN and learners", [t.cohort.patients[i] for i in train])
    shared = {t.groups[i] for i in train} & {t.groups[i] for i in held}
    if shared:
        draws.leaks.append(f"{name}: {', '.join(sorted(shared))}")


def rows(
    draws: Draws, target: Target, subgroups: dict[str, Array]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows of table `augmentation`, rows of table `augmentation_draws`). subgroups: name -> rows, see `subgroups`."""
    by_draw: list[dict[str, Any]] = []
    found: dict[tuple[str, str], dict[str, Array]] = {}
    for (arm, learner), p in draws.probabilities.items():
        figures = np.full((3, len(draws.half), 2, len(p)), np.nan)  # auc, log loss, ece; repeat, half, seed
        for s, r, h in np.ndindex(len(p), len(draws.half), 2):
            held = np.flatnonzero(draws.half[r] != h)
            one = np.ones((1, len(held)))
            functions = (metrics.auc, metrics.log_loss, metrics.ece)
            figures[:, r, h, s] = [float(f(target.take(held), p[s, r, held], one)[0]) for f in functions]
            by_draw.append({
                "arm": arm, "learner": learner, "repeat": r, "half": h, "seed": s,
                "n_train": int(len(target) - len(held)), "n_judged": len(held),
                "auc": figures[0, r, h, s], "log_loss": figures[1, r, h, s], "ece": figures[2, r, h, s],
            })  # fmt: skip
        found[arm, learner] = dict(zip(("auc", "log_loss", "ece"), figures, strict=True))
    out = []
    for (arm, learner), f in found.items():
        none = found["none", learner]
        splits = {k: v.mean(axis=-1).ravel() for k, v in f.items()}
        splits |= {f"none_{k}": v.mean(axis=-1).ravel() for k, v in none.items()}
        groups = {
            g: (_pooled_auc(draws, target, (arm, learner), at), _pooled_auc(draws, target, ("none", learner), at))
            for g, at in subgroups.items()
        }
        spread = float(f["auc"].mean(axis=(0, 1)).std(ddof=1)) if f["auc"].shape[-1] > 1 else float("nan")
        out.append(verdict.judge(arm, learner, splits, groups) | {"auc_sd_of_seeds": spread})
    return out, by_draw


def _pooled_auc(draws: Draws, target: Target, key: tuple[str, str], at: Array) -> float:
    """AUC inside a subgroup from pairs judged by the same models, mean over repeats and seeds."""
    p, found = draws.probabilities[key], []
    for s, r in np.ndindex(*p.shape[:2]):
        one = np.ones((1, len(at)))
        found.append(float(metrics.within(draws.half[r][at], target.take(at), p[s, r, at], one)[0]))
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def subgroups(cohort: Cohort, target: Target, ancestry: dict[str, str]) -> tuple[dict[str, Array], list[str]]:
    """(subgroup -> rows, those too small to judge): sex, site, ancestry, each where known."""
    labels: list[tuple[str, str]] = []
    at: dict[str, list[int]] = {}
    for kind, values in (("sex", _sexes(cohort)), ("site", cohort.sites),
                         ("ancestry", [ancestry.get(p, "") for p in cohort.patients])):  # fmt: skip
        for i, v in enumerate(values):
            if v:
                at.setdefault(f"{kind} {v}", []).append(i)
        labels += [(kind, v) for v in sorted({v for v in values if v})]
    good, small = {}, []
    for kind, v in labels:
        members = np.array(at[f"{kind} {v}"])
        counts = np.bincount(target.y[members], minlength=target.width)
        if len(members) >= MIN_GROUP and counts.min() >= MIN_CLASS:
            if len(members) < len(target):
                good[f"{kind} {v}"] = members
        else:
            small.append(f"{kind} {v} ({len(members)} patients)")
    return good, small


def _sexes(cohort: Cohort) -> list[str]:
    block = cohort.block(DEMOGRAPHICS)
    if block is None:
        return [""] * len(cohort.patients)
    female = block.values[:, block.features.index("female")]
    return ["" if not np.isfinite(v) else ("female" if v == 1 else "male") for v in female]
