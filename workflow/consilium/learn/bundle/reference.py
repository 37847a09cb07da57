"""What the training patients looked like, without any of them: the statistics that drift is judged by.

Every stored number is made of MIN_PATIENTS patients at least (microaggregation, doi:10.1109/69.979982): bins of each
feature, never a quantile that is somebody's value; mean, covariance and centroids of the out-of-fold embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.learn.bundle.estimate import at_home
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models.preproc import raw_table

Array = np.ndarray
Facts = dict[str, Any]
MIN_PATIENTS = 5
BINS = 20
CENTROIDS = 8
FAR_SHARE = 0.01
DIGITS = 6  # significant digits kept: a mean of five patients needs no more


def binned(values: Array) -> Facts | None:
    """{n, edges, shares, low, high} of the finite values, one a patient; None when there are too few for two bins.

    edges: between neighbouring groups of equal size (BINS at most, MIN_PATIENTS each at least), half way between
    their means, so no edge is a value; shares: of values in the bins that they cut (x <= edge to the left). low, high:
    means of the lowest and the highest group. A bin of fewer than MIN_PATIENTS is joined to its neighbour.
    """
    x = np.sort(np.asarray(values, dtype=float)[np.isfinite(values)])
    k = min(BINS, len(x) // MIN_PATIENTS)
    if k < 2:
        return None
    means = np.array([group.mean() for group in np.array_split(x, k)])
    edges = _enough(x, np.unique((means[1:] + means[:-1]) / 2))
    counts = np.diff(np.concatenate([[0], np.searchsorted(x, edges, side="right"), [len(x)]]))
    return {"n": len(x), "edges": _short(edges), "shares": _short(counts / len(x)), "low": _short(means[0]),
            "high": _short(means[-1])}  # fmt: skip


def vocabulary(values: Array) -> list[float]:
    """The values, where there are at most BINS / 2 of them, each of MIN_PATIENTS patients at least; else nothing."""
    different, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    few = 0 < len(different) <= BINS // 2 and counts.min() >= MIN_PATIENTS
    return [float(v) for v in different] if few else []


def _enough(x: Array, edges: Array) -> Array:
    """The edges that leave MIN_PATIENTS values at least in every bin."""
    kept, below = [], 0
    for edge in np.asarray(_short(edges), dtype=float):
        at = int(np.searchsorted(x, edge, side="right"))
        if at - below >= MIN_PATIENTS and len(x) - at >= MIN_PATIENTS:
            kept.append(edge)
            below = at
    return np.array(kept)


def _short(x: Any) -> Any:
    """Rounded to DIGITS significant digits, as plain numbers."""
    if np.ndim(x):
        return [_short(v) for v in x]
    return float(f"{float(x):.{DIGITS}g}")


def columns(model: BlockModel, block: Block) -> tuple[Array, list[str]]:
    """(values (row, column), names) of what the block's model reads, before any preparation; absent rows are NaN.

    A volume is judged by its 64 coarse cells.
    """
    raw, names = raw_table(block)
    if block.layout != "volume":
        own = model.design.arrays["columns"]
        raw, names = raw[:, own], [names[c] for c in own]
    raw = np.array(raw, dtype=float)
    raw[~block.present] = np.nan
    return raw, names


def features(model: BlockModel, block: Block, share: float) -> list[Facts]:
    """Per column that the model reads: name, weight in the model, share missing where the block is present, bins.

    share: of the block in the shipped candidate.
    """
    raw, names = columns(model, block)
    here = raw[block.present]
    weights = share * column_weights(model, names)
    return [
        {"feature": name, "weight": _short(w), "missing": _short(np.isnan(x).mean()) if len(x) else 1.0,
         "bins": binned(x), "values": vocabulary(x)}
        for name, w, x in zip(names, weights, here.T, strict=True)
    ]  # fmt: skip


def column_weights(model: BlockModel, names: Sequence[str]) -> Array:
    """Share of each column in the block's absolute standardised coefficients, its gaps' indicator included."""
    if model.design.layout == "volume":
        return np.full(len(names), 1 / max(len(names), 1))
    size = np.abs(model.linear.weights).sum(axis=1)
    of = dict.fromkeys(names, 0.0)
    for column, value in zip(model.design.names, size, strict=True):
        name = column if column in of else column.removesuffix(" missing")
        of[name] = of.get(name, 0.0) + float(value)
    out = np.array([of[n] for n in names])
    return out / out.sum() if out.sum() > 0 else out


def block_shares(trained: Trained) -> Array:
    """Share of each block in the shipped candidate: stack weights, the best block alone, else all alike."""
    f, n = trained.fusion, len(trained.blocks)
    if trained.choice == "stack" and f.stack.weights.sum() > 0:
        out: Array = f.stack.weights / f.stack.weights.sum()
        return out
    return np.eye(n)[f.best] if trained.choice == "best_single" else np.full(n, 1 / n)


def embedding(evidence: Array, present: Array) -> Array:
    """(row, block x (classes - 1)): what each block's models say; NaN where the block is absent.

    evidence (row, block, width) is centred over classes, so its first class is left out.
    """
    e = np.where(np.asarray(present)[..., None], evidence, np.nan)
    e = e[..., 1:] if e.shape[2] > 1 else e
    return e.reshape(len(e), -1)


def embedding_names(trained: Trained) -> list[str]:
    classes = trained.classes[1:] if trained.kind == "classification" else ("",)
    return [f"{b} {c}".strip() for b in trained.fusion.blocks for c in classes]


def shape_of(points: Array) -> Facts:
    """mean, covariance (pairwise, shrunk to its diagonal by p / (p + n)), centroids and the distances of `points`."""
    n, p = points.shape
    seen = np.isfinite(points)
    many = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, points, 0.0).sum(axis=0) / many
    offset = np.where(seen, points - mean, 0.0)
    both = np.maximum(seen.T.astype(float) @ seen, 1)
    covariance = offset.T @ offset / both
    diagonal = np.maximum(np.diag(covariance), 1e-6)
    covariance = covariance * n / (n + p)
    np.fill_diagonal(covariance, diagonal)
    shape: Facts = {"mean": _short(mean), "covariance": _short(covariance)}
    away = distances(points, shape)
    farthest = np.sort(away)[-max(MIN_PATIENTS, int(np.ceil(FAR_SHARE * n))) :]
    return shape | {
        "centroids": _centroids(offset / np.sqrt(diagonal), mean, np.sqrt(diagonal)),
        "distance": binned(away), "far": _short(farthest.mean()),
    }  # fmt: skip


def distances(points: Array, shape: Facts) -> Array:
    """Mahalanobis distance per root of the number of dimensions at hand; about 1 at home. No dimension: 0."""
    mean, covariance = np.array(shape["mean"]), np.array(shape["covariance"])
    seen = np.isfinite(points)
    out = np.zeros(len(points))
    for pattern in np.unique(seen, axis=0):
        rows, at = np.flatnonzero((seen == pattern).all(axis=1)), np.flatnonzero(pattern)
        if len(at):
            d = points[np.ix_(rows, at)] - mean[at]
            inside = covariance[np.ix_(at, at)] + 1e-9 * np.eye(len(at))
            out[rows] = np.sqrt(np.maximum((d * np.linalg.solve(inside, d.T).T).sum(axis=1), 0.0) / len(at))
    return out


def _centroids(z: Array, mean: Array, sd: Array) -> list[Facts]:
    """k-means centroids of MIN_PATIENTS patients at least, in the embedding's own scale; smaller ones are dropped."""
    from sklearn.cluster import KMeans

    k = min(CENTROIDS, len(z) // (3 * MIN_PATIENTS), len(np.unique(z, axis=0)))
    if k < 2:
        return []
    label = KMeans(k, n_init=5, random_state=0).fit(z).labels_
    groups = [np.flatnonzero(label == j) for j in range(k)]
    kept = [g for g in groups if len(g) >= MIN_PATIENTS]
    return [{"n": len(g), "centre": _short(mean + sd * z[g].mean(axis=0))} for g in sorted(kept, key=lambda g: -len(g))]


def held_out(results: Sequence[Facts], blocks: Sequence[str], width: int) -> tuple[Array, Array, Array]:
    """(evidence, present, unusual) of the held-out rows of all folds; a block that a fold lacks: absent."""
    n = sum(len(r["patients"]) for r in results)
    evidence, unusual = np.zeros((n, len(blocks), width)), np.full((n, len(blocks)), np.nan)
    present = np.zeros((n, len(blocks)), dtype=bool)
    start = 0
    for r in results:
        own, end = r["held_out"], start + len(r["patients"])
        for i, block in enumerate(own["blocks"]):
            if block in blocks:
                at = list(blocks).index(block)
                evidence[start:end, at] = np.array(own["evidence"], dtype=float).reshape(end - start, -1, width)[:, i]
                present[start:end, at] = np.array(own["present"], dtype=bool).reshape(end - start, -1)[:, i]
                unusual[start:end, at] = np.array(own["unusual"], dtype=float).reshape(end - start, -1)[:, i]
        start = end
    return evidence, present, unusual


def statistics(trained: Trained, training: Cohort, results: Sequence[Facts]) -> Facts:
    """reference.json: features of the training patients; embedding and predictions of their held-out folds."""
    evidence, present, unusual = held_out(results, trained.fusion.blocks, trained.width)
    blocks, shares = [], block_shares(trained)
    for i, model in enumerate(trained.blocks):
        block = training.block(model.name)
        assert block is not None
        blocks.append({
            "block": model.name, "present": _short(block.present.mean()),
            "unusual": binned(unusual[present[:, i], i]), "features": features(model, block, float(shares[i])),
        })  # fmt: skip
    points = embedding(evidence, present)
    return {
        "n": len(training.patients), "min_patients": MIN_PATIENTS, "blocks": blocks,
        "embedding": {"names": embedding_names(trained), "bins": [binned(x) for x in points.T], **shape_of(points)},
        "predictions": _predictions(trained, results),
    }  # fmt: skip


def _predictions(trained: Trained, results: Sequence[Facts]) -> Facts | None:
    if trained.kind != "classification":
        return None
    p = np.concatenate([np.array(r["models"]["shipped"]["scores"], dtype=float) for r in results])
    y = np.concatenate([np.array(r["y"], dtype=int) for r in results])
    return at_home(p, y)
