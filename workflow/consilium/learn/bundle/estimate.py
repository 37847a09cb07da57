"""How well a model may do on patients whose outcome nobody knows: what out-of-fold predictions let one expect."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray
Facts = dict[str, Any]


def threshold(p: Array, y: Array) -> float:
    """Average thresholded confidence (ATC, arXiv:2201.04234): the largest probability that as many predictions fall
    below as are wrong; p (row, class), y class codes. The mean of five neighbours: nobody's own number."""
    confidence, wrong = np.sort(p.max(axis=1)), int((p.argmax(axis=1) != y).sum())
    return float(confidence[max(wrong - 3, 0) : wrong + 2].mean()) if wrong else 0.0


def expected_auc(p: Array) -> float:
    """AUC that probabilities `p` (row,) would have if they were the truth: each row counts p as a case, 1 - p as none.

    NaN where there is no such pair.
    """
    order = np.argsort(p, kind="stable")
    ranked = p[order]
    _, first, count = np.unique(ranked, return_index=True, return_counts=True)
    case, none = np.add.reduceat(ranked, first), np.add.reduceat(1 - ranked, first)
    below = np.cumsum(none) - 0.5 * none
    total = ranked.sum() * (1 - ranked).sum()
    return float((case * below).sum() / total) if total > 0 and len(count) else float("nan")


def at_home(p: Array, y: Array) -> Facts:
    """What is kept of the out-of-fold predictions: p (row, class), y class codes."""
    return {
        "n": len(p), "atc_threshold": threshold(p, y), "accuracy": float((p.argmax(axis=1) == y).mean()),
        "mean_confidence": float(p.max(axis=1).mean()), "mean_predicted": p.mean(axis=0).tolist(),
        "observed": (np.bincount(y, minlength=p.shape[1]) / len(y)).tolist(),
        "expected_auc": _macro_auc(p),
    }  # fmt: skip


def _macro_auc(p: Array) -> float:
    classes = [1] if p.shape[1] == 2 else range(p.shape[1])
    return float(np.mean([expected_auc(p[:, k]) for k in classes]))


def without_labels(p: Array, home: Facts | None) -> Facts:
    """Estimates for patients with probabilities p (row, class).

    accuracy_atc: share above ATC's threshold. accuracy_confidence: mean confidence, less what it was too large by at
    home. auc: expected AUC. They hold while only the mix of patients changed; not where outcomes come about otherwise.
    """
    if home is None or not len(p):
        why = "no outcome classes" if home is None else "no patient was predicted"
        return {"status": "not assessed", "reason": why}
    gap = home["mean_confidence"] - home["accuracy"]
    return {
        "status": "assessed", "reason": "", "n": len(p),
        "accuracy_atc": float((p.max(axis=1) > home["atc_threshold"]).mean()),
        "accuracy_confidence": float(np.clip(p.max(axis=1).mean() - gap, 0.0, 1.0)),
        "auc": _macro_auc(p), "mean_predicted": p.mean(axis=0).tolist(),
        "at_training": {k: home[k] for k in ("n", "accuracy", "mean_predicted", "observed", "expected_auc")},
    }  # fmt: skip
