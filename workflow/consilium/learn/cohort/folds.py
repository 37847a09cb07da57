"""Groups that must never be split, and stratified folds of whole groups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target, strata

Array = np.ndarray
KINSHIP_CUT = 0.0884  # KING-robust: second degree or closer (doi:10.1093/bioinformatics/btq559)
MIN_DISTINCT = 10  # a row with fewer different values (mutations, age and sex) says nothing about identity


def groups(cohort: Cohort, related: Iterable[tuple[str, str]]) -> list[str]:
    """Group of each patient: connected component of family, kinship and identical rows; named by its first member."""
    place = {p: i for i, p in enumerate(cohort.patients)}
    pairs = [(place[a], place[b]) for a, b in related if a in place and b in place]
    pairs += _same(cohort.families)
    for block in cohort.blocks:
        pairs += _same(fingerprints(block))
    parent = list(range(len(cohort.patients)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return [cohort.patients[root(i)] for i in range(len(parent))]


def fingerprints(block: Block) -> list[str]:
    """Hash of each patient's values; "" where absent or with fewer than MIN_DISTINCT different values."""
    out = []
    for row, present in zip(block.values, block.present, strict=True):
        finite = row[np.isfinite(row)] if present else row[:0]
        distinct = len(np.unique(finite))
        out.append(hashlib.sha256(row.tobytes()).hexdigest() if distinct >= MIN_DISTINCT else "")
    return out


def duplicates(cohort: Cohort) -> list[dict[str, str]]:
    """Pairs of patients with the same values in a block, each with the block."""
    out = []
    for block in cohort.blocks:
        for a, b in _same(fingerprints(block)):
            out.append({"patient_a": cohort.patients[a], "patient_b": cohort.patients[b], "block": block.name})
    return out


def _same(labels: Sequence[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [(first[x], i) for i, x in enumerate(labels) if x and first.setdefault(x, i) != i]


def possible_folds(target: Target, group: Sequence[str], wanted: int) -> int:
    """`wanted`, or fewer where a class (the events) has fewer groups than that."""
    names = np.asarray(group)
    if target.kind == "classification":
        sizes = [len(set(names[target.y == k])) for k in np.unique(target.y)]
    elif target.kind == "survival":
        sizes = [len(set(names[target.event == 1]))]
    else:
        sizes = [len(set(group))]
    return max(2, min([wanted, len(set(group)), *sizes]))


def assign(target: Target, group: Sequence[str], k: int, seed: int) -> Array:
    """Fold 0..k-1 of each row: whole groups, largest first, each put where the strata stay most even."""
    labels, codes = np.unique(strata(target), return_inverse=True)
    names = sorted(set(group))
    index = {g: i for i, g in enumerate(names)}
    counts = np.zeros((len(names), len(labels)))
    for g, c in zip(group, codes, strict=True):
        counts[index[g], c] += 1
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = sorted(shuffled, key=lambda i: (-counts[i].sum(), -counts[i].std()))
    held = np.zeros((k, len(labels)))
    fold = np.zeros(len(names), dtype=int)
    total = counts.sum(axis=0)
    for i in order:
        cost = [_unevenness(held, f, counts[i], total) for f in range(k)]
        fold[i] = int(np.lexsort((held.sum(axis=1), np.round(cost, 12)))[0])
        held[fold[i]] += counts[i]
    return np.array([fold[index[g]] for g in group], dtype=int)


def _unevenness(held: Array, fold: int, counts: Array, total: Array) -> float:
    trial = held.copy()
    trial[fold] += counts
    share = trial / np.maximum(total, 1)
    return float(share.std(axis=0).mean() + 0.1 * trial.sum(axis=1).std() / total.sum())


def permuted(target: Target, group: Sequence[str], fold: Array, seed: int) -> Target:
    """The outcome shuffled within folds, between groups of one size: a cohort with nothing to learn.

    Shuffling inside folds keeps the folds as balanced as they were (unbalanced ones bias a pooled AUC below one
    half); between groups of one size it keeps relatives alike. Sizes with fewer than three groups in a fold are
    shuffled row by row with the single patients.
    """
    generator = np.random.default_rng(seed)
    source = np.arange(len(target))
    names = np.asarray(group)
    for f in np.unique(fold):
        members = [np.flatnonzero((fold == f) & (names == g)) for g in sorted(set(names[fold == f]))]
        sizes = [len(m) for m in members]
        rare = {s for s in sizes if sizes.count(s) < 3}
        loose = np.concatenate([m for m in members if len(m) == 1 or len(m) in rare] or [np.arange(0)])
        source[loose] = generator.permutation(loose)
        for size in sorted(set(sizes) - rare - {1}):
            table = np.stack([m for m in members if len(m) == size])
            source[table] = table[generator.permutation(len(table))]
    return target.take(source)
