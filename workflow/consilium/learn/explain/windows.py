"""When the values that mattered were measured: whole windows of a series hidden from the shipped model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.fusion.fusion import Parts
from consilium.learn.fusion.model import Trained

Array = np.ndarray
WINDOWS = 6


def windows(block: Block) -> list[tuple[str, Array]]:
    """(name, places in time) of at most WINDOWS equal stretches."""
    places = np.array_split(np.arange(len(block.time)), min(WINDOWS, len(block.time)))
    return [(f"values from time {block.time[p[0]]:.4g} to {block.time[p[-1]]:.4g}", p) for p in places]


def hidden(block: Block, places: Array) -> Block:
    values = block.values.copy()
    values[:, places] = np.nan
    return replace(block, values=values)


def occlusion(
    trained: Trained, cohort: Cohort, parts: Parts, name: str, target: Array
) -> list[tuple[str, Array, Array]]:
    """(name, change (row,), values measured (row,)) of each window: eta of the target with it less eta without it.

    parts: of `cohort`. A patient whose only values lie in the window keeps the block, with nothing in it.
    """
    block = cohort.block(name)
    if block is None or block.layout != "series":
        return []
    rows = np.arange(len(cohort.patients))
    full = trained.eta(parts)[rows, target]
    out = []
    for label, places in windows(block):
        without = trained.eta(_without(trained, cohort, parts, hidden(block, places)))[rows, target]
        out.append((label, full - without, np.isfinite(block.values[:, places]).sum(axis=(1, 2)).astype(float)))
    return out


def _without(trained: Trained, cohort: Cohort, parts: Parts, block: Block) -> Parts:
    if trained.nets:
        return trained.parts(replace(cohort, blocks=tuple(block if b.name == block.name else b for b in cohort.blocks)))
    base = parts.base.copy()
    index = trained.fusion.blocks.index(block.name)
    base[:, index] = trained.blocks[index].evidence(block)
    return Parts(parts.mask, base)
