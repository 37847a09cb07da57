"""Who is judged by whom: a given train/test split, repeated folds, one site at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import seed_from
from consilium.learn.cohort.folds import assign
from consilium.learn.cohort.tasks import Target

Array = np.ndarray
TEST, TRAIN = 0, 1  # folds of a given split: only fold 0 is ever judged
MIN_SITES = 3
MIN_AT_SITE = 10  # patients with an outcome; fewer say nothing about a site
MIN_EVENTS_AT_SITE = 3  # of every class, or events, at the site


def given(column: str, cells: Sequence[Mapping[str, str]], known: Array, file: str, patients: Sequence[str]) -> Array:
    """Fold of each patient by a column that says train or test (0 = test, 1 = train); -1 where nothing is known.

    Raises InputError for any other word beside a known outcome, and where nobody is on one of the sides.
    """
    fold = np.full(len(patients), -1)
    words = {"test": TEST, "train": TRAIN}
    problems = []
    for i, row in enumerate(cells):
        word = row.get(column, "")
        if not known[i] and word in ("", *words):
            continue
        if word not in words:
            found = f"{column} '{word}'"
            problems.append(Problem(file, found, "train or test", "correct the cell", patient=patients[i]))
            continue
        fold[i] = words[word]
    for word, side in words.items():
        if not problems and not (fold == side).any():
            found = f"no patient with an outcome is '{word}' in {column}"
            problems.append(Problem(file, found, "patients on both sides", "mark some, or leave out the task's split"))
    if problems:
        raise InputError(problems)
    return fold


def too_few(fold: Array, target: Target) -> str:
    """Why a given split cannot be used: both sides need outcomes that differ; "" when they do."""
    for name, side in (("training", TRAIN), ("test", TEST)):
        own = target.take(np.flatnonzero(fold == side))
        if target.kind == "survival":
            short = own.event.sum() < MIN_EVENTS_AT_SITE
        elif target.kind == "classification":
            short = len(np.unique(own.y)) < (target.width if side == TRAIN else 2)
        else:
            short = len(np.unique(own.y)) < MIN_EVENTS_AT_SITE
        if short:
            return f"the {name} part of the given split has too few different outcomes"
    return ""


def repeated(target: Target, groups: Sequence[str], k: int, repeats: int, seed: int) -> Array:
    """Folds (repeat, row); the first is that of a single run, the others are dealt anew."""
    seeds = [seed, *(seed_from(seed, "repeat", r) for r in range(1, repeats))]
    return np.stack([assign(target, groups, k, s) for s in seeds])


def sites(sites: Sequence[str], target: Target, use: Array) -> tuple[list[dict[str, Any]], str]:
    """(sites to leave out one at a time, each with its n, why none at all or "").

    A site that is too small to be judged is listed with the reason. use: patients to learn from.
    """
    names = sorted({s for s, on in zip(sites, use, strict=True) if s and on})
    if len(names) < MIN_SITES:
        return [], f"{len(names)} sites named, fewer than {MIN_SITES}"
    found = []
    for name in names:
        rows = np.flatnonzero(use & (np.asarray(sites) == name))
        found.append({"site": name, "n": len(rows), "reason": _too_small(target.take(rows))})
    if not any(not f["reason"] for f in found):
        return found, "no site has enough patients"
    return found, ""


def _too_small(own: Target) -> str:
    if len(own) < MIN_AT_SITE:
        return f"{len(own)} patients, fewer than {MIN_AT_SITE}"
    if own.kind == "classification" and (np.bincount(own.y, minlength=2) >= MIN_EVENTS_AT_SITE).sum() < 2:
        return f"fewer than two classes have {MIN_EVENTS_AT_SITE} patients"
    if own.kind == "survival" and own.event.sum() < MIN_EVENTS_AT_SITE:
        return f"fewer than {MIN_EVENTS_AT_SITE} events"
    return ""
