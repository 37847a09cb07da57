"""Deletions and duplications over the measured regions, by depth against the other patients: flags, not diagnoses.

Depth of each window over the patient's median, over the median of the same ratio in all other patients; runs of windows
that fit 0, 1/2, 3/2 or 2 times better than 1 by a hidden Markov chain. Autosomes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.reads.regions import Window

MINIMUM_PATIENTS = 10
MINIMUM_WINDOWS = 100
NEEDED_DEPTH = 10.0  # median of a window in the cohort
DECISIVE = 10.0  # natural-log odds of a run against normal copies
SHORTEST = 2  # windows of a run
NOISY = 0.25  # spread of a patient's ratios from which nothing is said
_RATIOS = np.array([1.0, 0.0, 0.5, 1.5, 2.0])
_ENTER, _LEAVE = 1e-5, 0.05
_LEAST_NOISE = 0.05
_NEAR = 50_000  # bases; windows further apart do not make one run

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """finding: deletion, duplication, none or not assessed; ratio: median of the run's ratios, 1 = normal."""

    patient: str
    finding: str
    chrom: str = ""
    start: int | None = None
    end: int | None = None
    genes: str = ""
    n_windows: int = 0
    ratio: float = float("nan")
    log_odds: float = float("nan")
    reason: str = ""


def findings(patients: Sequence[str], windows: Sequence[Window], depth: Floats) -> list[Finding]:
    """Findings of every patient from the mean depth (patient, window)."""
    autosomal = np.array([w.chrom in CONTIGS[:22] for w in windows], dtype=bool)
    middle = np.median(depth, axis=0) if len(patients) else np.zeros(len(windows))
    used = np.flatnonzero(autosomal & (middle >= NEEDED_DEPTH))
    reason = ""
    if len(patients) < MINIMUM_PATIENTS:
        reason = f"reads of {len(patients)} patients, fewer than {MINIMUM_PATIENTS} to compare with"
    elif len(used) < MINIMUM_WINDOWS:
        reason = f"{len(used)} windows with a median depth of {NEEDED_DEPTH:.0f}, fewer than {MINIMUM_WINDOWS}"
    if reason:
        return [Finding(p, "not assessed", reason=reason) for p in patients]
    ratio, noise = ratios(depth[:, used])
    spread = _spread(ratio, axis=1)
    picked = [windows[i] for i in used.tolist()]
    paths, gain = _paths(ratio, np.maximum(noise[None, :], spread[:, None]), _breaks(picked))
    out = []
    for i, patient in enumerate(patients):
        if not spread[i] <= NOISY:  # also NaN: a patient without depth
            why = f"depth varies by {spread[i]:.2f} between windows, over {NOISY}"
            out.append(Finding(patient, "not assessed", n_windows=len(used), reason=why))
            continue
        found = _runs(patient, paths[i], gain[i], ratio[i], picked)
        out += found or [Finding(patient, "none", n_windows=len(used))]
    return out


def ratios(depth: Floats) -> tuple[Floats, Floats]:
    """(patient, window) depth relative to the patient's median and to the others' median; (window,) its spread.

    A window's own spread over few patients is uncertain: it is averaged with that of the middle window.
    """
    middle = np.median(depth, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = depth / middle
        expected = _median_of_others(np.nan_to_num(own, nan=1.0))
        relative = own / np.maximum(expected, 1e-9)
    spread = _spread(np.nan_to_num(relative, nan=1.0), axis=0)
    return relative, np.maximum((spread + np.median(spread)) / 2, _LEAST_NOISE)


def _median_of_others(values: Floats) -> Floats:
    """For each entry the median of its column without it."""
    n = len(values)
    order = np.argsort(values, axis=0, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(n)[:, None], order.shape), axis=0)
    ordered = np.take_along_axis(values, order, axis=0)

    def nth(k: int) -> Floats:
        return np.asarray(np.where(rank <= k, ordered[min(k + 1, n - 1)], ordered[k]))

    return (nth((n - 2) // 2) + nth((n - 1) // 2)) / 2


def _spread(values: Floats, axis: int) -> Floats:
    middle = np.median(values, axis=axis, keepdims=True)
    return np.asarray(1.4826 * np.median(np.abs(values - middle), axis=axis))


def _breaks(windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Windows at which no run goes on from the one before."""
    out = [True]
    out += [b.chrom != a.chrom or b.start - a.end > _NEAR for a, b in pairwise(windows)]
    return np.array(out, dtype=bool)


def _paths(ratio: Floats, noise: Floats, breaks: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Most likely state (patient, window) and its log likelihood over that of normal copies."""
    states = len(_RATIOS)
    sd = noise[:, :, None] * np.sqrt(np.maximum(_RATIOS, 0.1))
    log = -0.5 * ((np.nan_to_num(ratio, nan=1.0)[:, :, None] - _RATIOS) / sd) ** 2 - np.log(sd)
    prior = np.log(np.where(np.arange(states) == 0, 1 - _ENTER, _ENTER / (states - 1)))
    step = np.full((states, states), _LEAVE * _ENTER)
    step[0], step[:, 0] = np.exp(prior), _LEAVE
    np.fill_diagonal(step, np.where(np.arange(states) == 0, 1 - _ENTER, 1 - _LEAVE))
    move = np.log(step)
    best = prior + log[:, 0]
    came = np.zeros(log.shape, dtype=np.int8)
    for w in range(1, log.shape[1]):
        reach = best[:, :, None] + (np.broadcast_to(prior, move.shape) if breaks[w] else move)
        came[:, w] = reach.argmax(axis=1)
        best = reach.max(axis=1) + log[:, w]
    path = np.zeros(ratio.shape, dtype=np.int64)
    path[:, -1] = best.argmax(axis=1)
    rows = np.arange(len(ratio))
    for w in range(log.shape[1] - 1, 0, -1):
        path[:, w - 1] = came[rows, w, path[:, w]]
    gain = np.take_along_axis(log, path[:, :, None], axis=2)[:, :, 0] - log[:, :, 0]
    return path, gain


def _runs(
    patient: str, path: npt.NDArray[np.int64], gain: Floats, ratio: Floats, windows: Sequence[Window]
) -> list[Finding]:
    out = []
    edges = np.flatnonzero(np.diff(path) | _breaks(windows)[1:]) + 1
    for part in np.split(np.arange(len(path)), edges):
        state, odds = int(path[part[0]]), float(gain[part].sum() + np.log(_ENTER))
        if state == 0 or len(part) < SHORTEST or odds < DECISIVE:
            continue
        genes = sorted({g for i in part for g in windows[i].genes.split(",") if g})
        first, last = windows[part[0]], windows[part[-1]]
        kind = "deletion" if _RATIOS[state] < 1 else "duplication"
        out.append(Finding(patient, kind, first.chrom, first.start, last.end, ",".join(genes), len(part),
                           float(np.median(ratio[part])), odds, "flag: to be confirmed by another method"))  # fmt: skip
    return out
