"""Made cohorts of 80 patients for `learn_leaks.py` and `learn_faults.py`: honest ones, and with one thing changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.core.sheets import Patient, Sample  # noqa: E402
from consilium.learn.cohort.data import Block, Cohort  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402

Array = np.ndarray
N = 80


@dataclass(frozen=True)
class Case:
    """A cohort as the guards see it."""

    cohort: Cohort
    target: Target
    related: list[tuple[str, str]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    split: Array | None = None  # a given split instead of dealt folds

    def patients(self) -> list[Patient]:
        people = zip(self.cohort.patients, self.cohort.sites, self.cohort.families, strict=True)
        return [Patient(p, site=s, family=f, index_date="2020-06-01") for p, s, f in people]


def table(name: str, values: Array, names: list[str] | None = None, present: Array | None = None) -> Block:
    x = np.array(values, dtype=np.float32)
    present = np.ones(len(x), dtype=bool) if present is None else present
    x[~present] = np.nan
    columns = tuple(names or [f"{name.split('/')[1]} {i}" for i in range(x.shape[1])])
    reasons = tuple("" if p else "not supplied" for p in present)
    return Block(name, name, "table", x, present, reasons, columns, ("",) * len(columns))


def honest(seed: int = 0, survival: bool = False) -> Case:
    """Expression and labs with a moderate effect, a volume without one; shuffled names; three sites; some families."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], N // 2)[rng.permutation(N)]
    x, labs, image = rng.normal(size=(N, 60)), rng.normal(size=(N, 6, 4)), rng.normal(size=(N, 12, 12, 12))
    x[:, :3] += 0.7 * y[:, None]
    labs[:, :, 0] += 0.4 * y[:, None]
    labs[rng.random(labs.shape) < 0.3] = np.nan
    clinical = np.column_stack([rng.normal(60, 12, N).round(), rng.integers(0, 2, N), rng.normal(27, 4, N)])
    have = rng.random(N) > 0.2
    series = Block("ehr/series", "labs", "series", labs.astype(np.float32), np.ones(N, dtype=bool), ("",) * N,
                   ("crp", "sodium", "urea", "hb"), ("",) * 4, tuple(range(6)))  # fmt: skip
    volume = Block("imaging/t1", "t1", "volume", image.astype(np.float32), np.ones(N, dtype=bool), ("",) * N)
    ids = tuple(f"P{i:04d}" for i in rng.permutation(9000)[:N] + 1000)
    blocks = (table("ehr/clinical", clinical, ["age", "female", "bmi"]), series, volume,
              table("omics/expression", x, present=have))  # fmt: skip
    cohort = Cohort(ids, tuple(f"site_{i}" for i in rng.integers(1, 4, N)), ("",) * N, blocks)
    nothing = np.full(N, np.nan)
    if not survival:
        return Case(cohort, Target("classification", y, nothing, np.zeros(N), ("ill", "well")))
    time = np.round(rng.exponential(500 * np.exp(-0.8 * y)) + 5)
    event = (rng.random(N) < 0.7).astype(float)
    return Case(cohort, Target("survival", np.zeros(N), time, event))


def with_values(case: Case, name: str, values: Array, present: Array | None = None) -> Case:
    """`case` with other values of one block."""

    def changed(b: Block) -> Block:
        if b.name != name:
            return b
        own = b.present if present is None else present
        return replace(b, values=np.where(own.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan).astype(np.float32),
                       present=own)  # fmt: skip

    return replace(case, cohort=replace(case.cohort, blocks=tuple(changed(b) for b in case.cohort.blocks)))


def with_column(case: Case, name: str, column: Array, block: str = "ehr/clinical") -> Case:
    """`case` with a further column in a table; NaN = missing."""
    blocks = []
    for b in case.cohort.blocks:
        if b.name == block:
            values = np.column_stack([b.values, column.astype(np.float32)])
            values[~b.present] = np.nan
            b = replace(b, values=values, features=(*b.features, name), units=(*b.units, ""))
        blocks.append(b)
    return replace(case, cohort=replace(case.cohort, blocks=tuple(blocks)))


def copied(case: Case, name: str, change: Callable[[Array, Array], Array], a: int = 3, b: int = 50) -> Case:
    """Patient b gets patient a's values of one block, changed; change(values, SD of each feature)."""
    block = case.cohort.block(name)
    assert block is not None
    values, present = block.values.copy(), block.present.copy()
    present[[a, b]] = True
    values[a] = np.where(np.isfinite(values[a]), values[a], 0.3)
    values[b] = change(values[a], np.nanstd(block.values, axis=0))
    return with_values(case, name, values, present)
