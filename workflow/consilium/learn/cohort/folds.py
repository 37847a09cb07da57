"""Groups that must never be split, and stratified folds of whole groups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from consilium.learn.cohort import likeness
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target, strata

Array = np.ndarray
KINSHIP_CUT = 0.0884  # KING-robust: second degree or closer (doi:10.1093/bioinformatics/btq559)
MIN_DISTINCT = 10  # a row with fewer different values (mutations, age and sex) says nothing about identity


@dataclass(frozen=True)
class Link:
    """Two patients who must lie on one side. how: family, kinship, identical values or nearly identical values."""

    patient_a: str
    patient_b: str
    how: str
    block: str = ""
    figure: str = ""

    def facts(self) -> dict[str, str]:
        return asdict(self)


def links(cohort: Cohort, related: Iterable[tuple[str, str]]) -> list[Link]:
    """Every reason to keep two patients together. related: pairs by kinship; unknown names are left out."""
    ids = cohort.patients
    out = [Link(ids[a], ids[b], "family") for a, b in _same(cohort.families)]
    out += [Link(a, b, "kinship") for a, b in related if {a, b} <= set(ids)]
    for block in cohort.blocks:
        marks = fingerprints(block)
        out += [Link(ids[a], ids[b], "identical values", block.name) for a, b in _same(marks)]
        for near in likeness.near_copies(block):
            if not marks[near.a] or marks[near.a] != marks[near.b]:
                said = f"distance {near.distance:.3f} against {near.usual:.3f} to others"
                out.append(Link(ids[near.a], ids[near.b], "nearly identical values", block.name, said))
    return out


def groups(cohort: Cohort, joined: Sequence[Link]) -> list[str]:
    """Group of each patient: connected component of the links; named by its first member."""
    place = {p: i for i, p in enumerate(cohort.patients)}
    parent = list(range(len(cohort.patients)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for link in joined:
        low, high = sorted((root(place[link.patient_a]), root(place[link.patient_b])))
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
