"""Consensus clustering against a reference without structure (doi:10.1023/A:1023949509487, 10.1038/s41598-020-58766-1).

k-means on many subsamples; the consensus of two patients is the share of subsamples with both in which they fell
together. PAC (doi:10.1038/srep06207): share of pairs with a consensus between LOW and HIGH; 0 = every pair is clear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
SUBSAMPLES, SHARE = 50, 0.8
STARTS, ROUNDS = 2, 10
LOW, HIGH = 0.1, 0.9
REFERENCES = 24  # so that the smallest possible p is 0.04
FLOOR = 1e-3  # of PAC, below which differences mean nothing


def kmeans(x: Array, k: int, generator: np.random.Generator) -> Array:
    """(sample, row): clusters of each x[sample] (row, column), the best of STARTS runs of Lloyd's algorithm."""
    s, n = x.shape[:2]
    best, inertia = np.zeros((s, n), dtype=int), np.full(s, np.inf)
    for _ in range(STARTS):
        centres = _spread(x, k, generator)
        for _ in range(ROUNDS):
            label = _distances(x, centres).argmin(axis=2)
            member = (label[:, None] == np.arange(k)[:, None]).astype(float)  # (sample, cluster, row)
            size = member.sum(axis=2)
            means = member @ x / np.maximum(size, 1)[..., None]
            moved = np.where(size[..., None] > 0, means, centres)
            if np.array_equal(moved, centres):
                break
            centres = moved
        distance = _distances(x, centres)
        label, cost = distance.argmin(axis=2), distance.min(axis=2).sum(axis=1)
        better = cost < inertia - 1e-12
        best[better], inertia[better] = label[better], cost[better]
    return best


def _distances(x: Array, centres: Array) -> Array:
    """(sample, row, centre): squared distances."""
    out = x @ centres.transpose(0, 2, 1)
    out *= -2
    out += (x**2).sum(axis=2)[..., None]
    out += (centres**2).sum(axis=2)[:, None]
    return np.maximum(out, 0.0, out=out)


def _spread(x: Array, k: int, generator: np.random.Generator) -> Array:
    """k-means++: each further centre drawn with chance proportional to the squared distance from the nearest."""
    s, n, _ = x.shape
    rows = np.arange(s)
    chosen = [generator.integers(n, size=s)]
    nearest = _distances(x, x[rows, chosen[0]][:, None])[..., 0]
    for _ in range(1, k):
        heap = np.cumsum(nearest, axis=1)
        at = (heap < (generator.random(s) * heap[:, -1])[:, None]).sum(axis=1)
        chosen.append(np.minimum(at, n - 1))
        nearest = np.minimum(nearest, _distances(x, x[rows, chosen[-1]][:, None])[..., 0])
    return np.stack([x[rows, c] for c in chosen], axis=1)


@dataclass(frozen=True)
class Consensus:
    """matrix (row, row); drawn: rows of each subsample; labels: their clusters in it."""

    matrix: Array
    drawn: Array
    labels: Array

    @property
    def pac(self) -> float:
        pairs = self.matrix[np.triu_indices(len(self.matrix), 1)]
        return float(((pairs > LOW) & (pairs < HIGH)).mean())


def consensus(x: Array, k: int, generator: np.random.Generator) -> Consensus:
    n = len(x)
    size = max(round(SHARE * n), k + 1)
    drawn = np.argsort(generator.random((SUBSAMPLES, n)), axis=1)[:, :size]
    labels = kmeans(x[drawn], k, generator)
    member = np.zeros((n, SUBSAMPLES, k), dtype=np.float32)
    member[drawn, np.arange(SUBSAMPLES)[:, None], labels] = 1.0
    inside = member.sum(axis=2)
    together = member.reshape(n, -1) @ member.reshape(n, -1).T
    return Consensus(together / np.maximum(inside @ inside.T, 1), drawn, labels)


def reference(x: Array, present: Array, generator: np.random.Generator) -> Array:
    """Rows with exactly the covariance of x, but without groups; zero where `present` (row, column) is not.

    The left singular vectors are drawn anew among all rotations: exact for Gaussian rows
    (doi:10.1007/s11222-005-4789-5).
    Rows drawn from the covariance instead would be clearer than x by having it twice estimated. What is absent stays
    absent, so that who lacks what makes no groups that the reference does not have.
    """
    mean = x.mean(axis=0)
    _, size, axes = np.linalg.svd(x - mean, full_matrices=False)
    kept = size > 1e-9 * size.max(initial=1e-12)
    drawn = generator.standard_normal((len(x), int(kept.sum())))
    q, r = np.linalg.qr(drawn - drawn.mean(axis=0))
    return np.where(present, (q * np.sign(np.diag(r)) * size[kept]) @ axes[kept] + mean, 0.0)


@dataclass(frozen=True)
class Tried:
    """One number of groups. gain: log10 of the references' mean PAC over the data's; above 0 = clearer than without
    groups. p: share of the references whose best gain over all k is as large."""

    k: int
    pac: float
    reference_pac: float
    gain: float
    p: float


def tried(x: Array, present: Array, k_max: int, generator: np.random.Generator) -> tuple[list[Tried], list[Consensus]]:
    """Every k from 2 to k_max against the references. p is corrected for having looked at every k."""
    ks = range(2, k_max + 1)
    found = [consensus(x, k, generator) for k in ks]
    null = np.array([
        [consensus(drawn, k, generator).pac for k in ks]
        for drawn in (reference(x, present, generator) for _ in range(REFERENCES))
    ])  # fmt: skip
    level = np.maximum(null.mean(axis=0), FLOOR)
    best = (np.log10(level) - np.log10(np.maximum(null, FLOOR))).max(axis=1)
    out = []
    for i, (k, c) in enumerate(zip(ks, found, strict=True)):
        gain = float(np.log10(level[i] / max(c.pac, FLOOR)))
        p = (1 + int((best >= gain).sum())) / (1 + REFERENCES)
        out.append(Tried(k, c.pac, float(null[:, i].mean()), gain, p))
    return out, found


def groups(found: Consensus, k: int) -> Array:
    """(row,): k groups by average linkage of 1 - consensus, numbered by falling size."""
    from sklearn.cluster import AgglomerativeClustering

    labels = AgglomerativeClustering(k, metric="precomputed", linkage="average").fit_predict(1 - found.matrix)
    order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    return np.argsort(order)[labels]


def jaccard(found: Consensus, labels: Array) -> list[float]:
    """Of each group: mean over subsamples of its largest overlap with a cluster there (doi:10.1016/j.csda.2006.11.025).

    Overlap: Jaccard's, within the subsample. Below 0.6 a group should not be trusted.
    """
    out = []
    for g in range(labels.max() + 1):
        values = []
        for rows, drawn in zip(found.drawn, found.labels, strict=True):
            own = labels[rows] == g
            if own.any():
                values.append(max(((drawn == c) & own).sum() / ((drawn == c) | own).sum() for c in np.unique(drawn)))
        out.append(float(np.mean(values)) if values else float("nan"))
    return out


def belonging(found: Consensus, labels: Array) -> Array:
    """(row,): mean consensus with the other members of the own group; NaN where there are none."""
    same = (labels[:, None] == labels[None, :]) & ~np.eye(len(labels), dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(same.any(axis=1), (found.matrix * same).sum(axis=1) / same.sum(axis=1), np.nan)
