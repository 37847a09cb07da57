"""What is removed from every signal of a run, in ONE regression over the volumes that are used.

Trends, head motion, signals of white matter and CSF and everything outside the band are columns of one matrix, and
volumes with much motion are left out before it is fitted: done one after the other, each step would bring back what
another removed (doi:10.1002/hbm.24528). Degrees of freedom are what is left of the used volumes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.fmri.settings import Settings

Matrix = NDArray[np.float64]
MIN_VOLUMES = 30
MIN_FREEDOM = 15  # left after all is removed
ROOMY = 40  # degrees of freedom that a plan must leave, judged by the length of the run


@dataclass(frozen=True)
class Model:
    """basis: (used volume, column) orthonormal columns of what is removed. used: (time,) volumes that are used. told:
    what is removed, in words. freedom: degrees of freedom left. reason: why too few, "" if enough."""

    basis: Matrix
    used: NDArray[np.bool_]
    told: str
    freedom: int
    reason: str

    def residual(self, signals: NDArray) -> NDArray:
        """What is left of (used volume, signal) values."""
        basis = self.basis.astype(signals.dtype, copy=False)
        return np.asarray(signals - basis @ (basis.T @ signals))


@dataclass(frozen=True)
class Plan:
    """What one model removes. high_pass, low_pass in Hz; low_pass None = not filtered."""

    motion: int
    compcor: int
    high_pass: float
    low_pass: float | None

    def told(self, tr_s: float | None, global_signal: bool) -> str:
        tissue = (
            "means of white matter and CSF"
            if not self.compcor
            else f"{self.compcor} components of white matter and CSF"
        )
        parts = ["trends", f"{self.motion} motion regressors", tissue]
        parts += ["global signal"] if global_signal else []
        parts += [f"frequencies below {self.high_pass:g} Hz"] if tr_s is not None else []
        parts += [f"frequencies above {self.low_pass:g} Hz"] if tr_s is not None and self.low_pass else []
        return ", ".join(parts)


def plans(settings: Settings) -> list[Plan]:
    """What is wanted, then what is given up first where a run is too short: the low-pass, then all but 6 motion
    regressors."""
    low, high = settings.band_hz
    wanted = Plan(settings.motion_regressors, settings.compcor, low, high)
    return list(dict.fromkeys([
        wanted, Plan(wanted.motion, wanted.compcor, low, None), Plan(6, wanted.compcor, low, None),
    ]))  # fmt: skip


def chosen(settings: Settings, n: int, tr_s: float | None) -> Plan:
    """The first plan that leaves ROOMY degrees of freedom of `n` volumes, else the last: by the run's length, not by
    how much the patient moved, so that everybody scanned alike is cleaned alike."""
    every = plans(settings)
    for plan in every:
        bands = sum(len(b) for b in _bands(plan, n, tr_s))
        columns = 3 + plan.motion + (plan.compcor or 2) + int(settings.global_signal) + bands
        if n - columns >= ROOMY:
            return plan
    return every[-1]


def model(plan: Plan, parameters: Matrix, used: NDArray[np.bool_], tr_s: float | None, tissue: list[NDArray],
          whole: Matrix | None = None, filtered: bool = True) -> Model:  # fmt: skip
    """The model of a run.

    parameters: (time, 6) motion. used: (time,). tissue: (used volume, voxel) values in white matter and CSF. whole:
    (used volume,) global signal to remove. filtered: False keeps all frequencies (for ALFF).
    """
    n = len(parameters)
    time = np.linspace(-1, 1, n)
    columns = [np.ones(n), time, time**2, *motion_regressors(parameters, plan.motion).T]
    if filtered:
        columns += [c for band in _bands(plan, n, tr_s) for c in band]
    matrix = np.stack(columns, axis=1)[used]
    if not tissue:
        beside = np.empty((len(matrix), 0))
    elif plan.compcor:
        beside = components(tissue, plan.compcor)
    else:
        beside = np.stack([t.mean(axis=1, dtype=np.float64) for t in tissue], axis=1)
    more = [beside] if whole is None else [beside, whole[:, None]]
    basis = orthonormal(np.hstack([matrix, *more]))
    n_used, freedom = int(used.sum()), int(used.sum()) - basis.shape[1]
    reason = ""
    if n_used < MIN_VOLUMES:
        reason = f"{n_used} volumes without much motion, at least {MIN_VOLUMES} needed"
    elif freedom < MIN_FREEDOM:
        reason = f"{freedom} degrees of freedom left after nuisance and band, at least {MIN_FREEDOM} needed"
    return Model(basis, used, plan.told(tr_s if filtered else None, whole is not None), freedom, reason)


def motion_regressors(parameters: Matrix, n: int) -> Matrix:
    """(time, 6 or 24): the parameters; with 24 also their changes since the volume before, and all squares
    (doi:10.1002/mrm.1910350312, doi:10.1016/j.neuroimage.2012.08.052)."""
    if n == 6:
        return parameters
    both = np.hstack([parameters, np.diff(parameters, axis=0, prepend=parameters[:1])])
    return np.hstack([both, both**2])


def components(tissue: list[NDArray], n: int) -> Matrix:
    """(used volume, n) strongest temporal components of all voxels of `tissue`, straight trend removed and each voxel
    scaled to unit variance (aCompCor, doi:10.1016/j.neuroimage.2007.04.042)."""
    values = np.hstack(tissue).astype(np.float64)
    time = np.linspace(-1, 1, len(values))
    line = orthonormal(np.stack([np.ones(len(values)), time], axis=1))
    left = values - line @ (line.T @ values)
    spread = left.std(axis=0)
    left = left[:, spread > 0] / spread[spread > 0]
    _, vectors = np.linalg.eigh(left @ left.T)
    found = vectors[:, ::-1][:, : min(n, left.shape[1])]
    signs = np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])
    return np.asarray(found * signs)


def orthonormal(columns: Matrix) -> Matrix:
    """An orthonormal basis of what the columns span, each scaled alike first."""
    length = np.linalg.norm(columns, axis=0)
    basis, scale, _ = np.linalg.svd(columns[:, length > 0] / length[length > 0], full_matrices=False)
    return np.asarray(basis[:, scale > 1e-6 * scale[0]])


def _bands(plan: Plan, n: int, tr_s: float | None) -> tuple[list[Matrix], list[Matrix]]:
    """Waves (below the band, above it); none without a repetition time."""
    if tr_s is None:
        return [], []
    fast = waves(n, tr_s, plan.low_pass, np.inf) if plan.low_pass else []
    return waves(n, tr_s, 0, plan.high_pass), fast


def waves(n: int, tr_s: float, above: float, below: float) -> list[Matrix]:
    """Cosines and sines of the run's own frequencies strictly between two frequencies in Hz; of the highest of an even
    number of volumes only the cosine, since its sine is 0."""
    phase = 2 * np.pi * np.arange(n) / n
    inside = [k for k in range(1, n // 2 + 1) if above < k / (n * tr_s) < below]
    return [f(k * phase) for k in inside for f in (np.cos, np.sin)[: 1 if 2 * k == n else 2]]
