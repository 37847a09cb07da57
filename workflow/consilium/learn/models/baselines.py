"""Baselines as extra blocks: age and sex, presence bits, sites, all blocks side by side. None of them is fused."""

from __future__ import annotations

import numpy as np

from consilium.core.sheets import DEMOGRAPHICS
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.models.preproc import raw_table

Array = np.ndarray


def _table(name: str, title: str, values: Array, features: list[str]) -> Block:
    present = np.isfinite(values).any(axis=1)
    reasons = tuple("" if p else "no value" for p in present)
    kept = values.astype(np.float32)
    return Block(name, title, "table", kept, present, reasons, tuple(features), ("",) * len(features))


def missingness(cohort: Cohort) -> Block | None:
    """Presence bits that vary; None when nothing is missing."""
    bits, names = [], []
    for b in cohort.blocks:
        if 0 < b.present.sum() < len(b.present):
            bits.append(b.present.astype(float))
            names.append(b.name)
    return _table("missingness", "Which blocks are present", np.stack(bits, axis=1), names) if bits else None


def sites(cohort: Cohort) -> Block | None:
    """One column a site; None when there is one site only."""
    names = sorted(set(cohort.sites) - {""})
    if len(names) < 2:
        return None
    values = np.array([[float(s == n) for n in names] for s in cohort.sites])
    return _table("site", "Site", values, names)


def everything(cohort: Cohort) -> Block:
    """All blocks as one table (series as summaries, volumes as coarse means); NaN where a block is absent."""
    columns, names = [], []
    for b in cohort.blocks:
        raw, features = raw_table(b)
        raw = raw.copy()
        raw[~b.present] = np.nan
        columns.append(raw)
        names += [f"{b.name}: {f}" for f in features]
    values = np.concatenate(columns, axis=1) if columns else np.zeros((len(cohort.patients), 0))
    return _table("all blocks", "All blocks side by side", values, names)


def extras(cohort: Cohort, whole: Cohort) -> list[tuple[str, Block, bool]]:
    """(model name, block, also LightGBM) of `cohort`. `whole`: all patients with their demographics block."""
    found: list[tuple[str, Block | None, bool]] = [
        ("age_sex", whole.block(DEMOGRAPHICS), False),
        ("missingness", missingness(cohort), False),
        ("site", sites(cohort), False),
        ("", everything(cohort) if len(cohort.blocks) > 1 else None, True),
    ]
    return [(name, block, trees) for name, block, trees in found if block is not None]
