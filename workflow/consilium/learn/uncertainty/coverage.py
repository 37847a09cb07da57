"""How often held-out outcomes lie in their sets, intervals or bounds, in each class and each declared group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from consilium.learn.uncertainty.conformal import LEVEL
from consilium.learn.uncertainty.groups import MIN_GROUP, Levels

Array = np.ndarray


def hits(kind: str, results: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, tuple[bool, float]]:
    """Patient -> (covered, width) from the folds' results; patients without a set are left out.

    Width: classes in the set; length of the interval; share of the observed time that lies before the bound
    (survival), where covered = the bound is not later than the end of observation, by an event or without.
    """
    found = {}
    for r in results:
        for patient, y, time, record in zip(r["patients"], r["y"], r["time"], r["shipped"], strict=True):
            if kind == "classification" and "set" in record:
                members = [c for c in record["set"].split(" or ") if c]
                found[patient] = (classes[int(y)] in members, float(len(members)))
            elif kind == "regression" and record.get("lower") is not None:
                found[patient] = (bool(record["lower"] <= y <= record["upper"]), record["upper"] - record["lower"])
            elif kind == "survival" and record.get("lower") is not None:
                found[patient] = (bool(record["lower"] <= time), float(record["lower"]))
    return found


def table(
    found: Mapping[str, tuple[bool, float]], truth: Mapping[str, str], patients: Sequence[str], levels: Levels,
    own: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of table `coverage`: everybody, each class, each level of each declared group that has a held-out patient.

    truth: patient -> class (empty but for classification); own: characteristic -> levels calibrated for themselves in
    every fold.
    """
    rows = [_row("all", "all", list(found), found, "")]
    for name in sorted(set(truth.values())):
        rows.append(_row("class", name, [p for p in found if truth[p] == name], found, ""))
    for characteristic, of in levels.items():
        where = dict(zip(patients, of, strict=True))
        for level in sorted(set(of) - {""}):
            shared = "" if level in own.get(characteristic, ()) else (
                f"fewer than {MIN_GROUP} patients to calibrate with: threshold shared with others"
            )  # fmt: skip
            members = [p for p in found if where.get(p) == level]
            if members:
                rows.append(_row(characteristic, level, members, found, shared))
    return [r for r in rows if r["n"]]


def _row(
    group: str, level: str, members: Sequence[str], found: Mapping[str, tuple[bool, float]], shared: str
) -> dict[str, Any]:
    n = len(members)
    share = float(np.mean([found[p][0] for p in members])) if n else float("nan")
    low, high = wilson(sum(found[p][0] for p in members), n)
    widths = [found[p][1] for p in members]
    off = ""
    if n and high < LEVEL:
        off = f"covers less than {LEVEL:.0%}, beyond chance".replace("%", " %")
    return {
        "group": group, "level": level, "n": n, "coverage": share, "lower": low, "upper": high,
        "width": float(np.mean(widths)) if n else float("nan"), "flagged": "; ".join(x for x in (off, shared) if x),
    }  # fmt: skip


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % score interval of a share of n (doi:10.1080/01621459.1927.10502953); NaN where n is 0."""
    from scipy.stats import binomtest

    if not n:
        return float("nan"), float("nan")
    found = binomtest(hits, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(found.low), float(found.high)
