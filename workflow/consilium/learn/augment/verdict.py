"""From the draws of the ablation to a verdict: which arm, if any, is better than none, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray
CALIBRATION_NOISE = 0.01  # of ECE, which ten bins of a small cohort cannot tell apart
SUBGROUP_LOSS = 0.02  # of AUC


def corrected_interval(differences: Array, share: float = 1.0) -> tuple[float, float, float]:
    """(mean, lower, upper) of paired differences of r random splits, 95 %, t with r - 1 degrees of freedom.

    share: judged over trained patients (1 for halves). The variance of the mean is (1/r + share) s^2, since all splits
    draw on the same patients (Nadeau and Bengio, doi:10.1023/A:1024068626366). A bootstrap over patients would not know
    that other training patients would have given another difference. (NaN, NaN) with fewer than three.
    """
    from scipy.stats import t

    d = np.asarray(differences, dtype=float)
    d = d[np.isfinite(d)]
    if len(d) < 3:
        return (float(d.mean()) if len(d) else float("nan")), float("nan"), float("nan")
    half = float(t.ppf(0.975, len(d) - 1) * np.sqrt((1 / len(d) + share) * d.var(ddof=1)))
    return float(d.mean()), float(d.mean()) - half, float(d.mean()) + half


def judge(arm: str, learner: str, splits: dict[str, Array], groups: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """One row of table `augmentation`.

    splits: auc, log_loss, ece of the arm and (none_...) of no augmentation by split, means over seeds. groups: subgroup
    -> (AUC with, AUC without).
    """
    mean, low, high = corrected_interval(splits["auc"] - splits["none_auc"])
    loss = float(np.mean(splits["log_loss"] - splits["none_log_loss"]))
    error = float(np.mean(splits["ece"] - splits["none_ece"]))
    changes = {g: a - b for g, (a, b) in groups.items() if np.isfinite(a - b)}
    worst = min(changes, key=lambda g: changes[g], default="")
    row = {
        "arm": arm, "learner": learner, "auc": float(np.mean(splits["auc"])),
        "difference": mean, "lower": low, "upper": high,
        "log_loss": float(np.mean(splits["log_loss"])), "log_loss_difference": loss,
        "ece": float(np.mean(splits["ece"])), "ece_difference": error,
        "subgroup": worst, "subgroup_difference": changes.get(worst, float("nan")),
    }  # fmt: skip
    if arm == "none":
        return row | {"accepted": False, "reason": "what the others are compared with"}
    against = _objections(row)
    return row | {"accepted": not against, "reason": "; ".join(against) or "better, and nothing speaks against it"}


def _objections(row: dict[str, Any]) -> list[str]:
    out = []
    if not row["lower"] > 0:
        said = (
            f"AUC {row['difference']:+.3f} ({row['lower']:+.3f} to {row['upper']:+.3f}): the lower bound is not above 0"
        )
        out.append(said if np.isfinite(row["lower"]) else "too few halves could be judged for an interval")
    if row["log_loss_difference"] > 0:
        out.append(f"log loss {row['log_loss_difference']:+.3f}: worse")
    if row["ece_difference"] > CALIBRATION_NOISE:
        out.append(f"calibration error {row['ece_difference']:+.3f}: worse")
    if row["subgroup_difference"] < -SUBGROUP_LOSS:
        out.append(f"{row['subgroup']} loses {-row['subgroup_difference']:.3f} AUC")
    return out


def winner(rows: Sequence[dict[str, Any]], learner: str) -> str:
    """The accepted arm of the largest difference for this learner, or none; of equals the first."""
    good = [r for r in rows if r["learner"] == learner and r["accepted"]]
    return str(max(good, key=lambda r: r["difference"])["arm"]) if good else "none"
