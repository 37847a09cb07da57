"""A synthetic cohort of the table blocks: a GAN on what networks read, and the way back to the features' own units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.augment import sampler
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target
from consilium.learn.models import preproc
from consilium.learn.models.base import MIN_ROWS

Array = np.ndarray
FEW = 10  # a feature with at most so many different values is rounded to the nearest of them


class Maker:
    """Fitted on the rows given: designs, GAN, and per block what the way back needs."""

    def __init__(self, cohort: Cohort, target: Target, seed: int) -> None:
        self.blocks = [b for b in cohort.blocks if b.layout == "table" and b.present.sum() >= MIN_ROWS]
        self.designs = [preproc.fit(b) for b in self.blocks]
        kept = [i for i, d in enumerate(self.designs) if d.names]
        self.blocks, self.designs = [self.blocks[i] for i in kept], [self.designs[i] for i in kept]
        self.target, self.seed = target, seed
        inputs = {b.name: d.network_input(b) for b, d in zip(self.blocks, self.designs, strict=True)}
        mask = np.stack([b.present for b in self.blocks], axis=1)
        self.sampler = sampler.fit("gan", inputs, dict.fromkeys(inputs, "table"), mask, target, seed)

    def made(self, number: int) -> tuple[list[Block], Target]:
        """`number` made-up rows of every block, in the features' units; classes and presence as in training."""
        generator = np.random.default_rng(seed_from(self.seed, "rows"))
        rows = np.arange(len(self.target))[self.sampler.mask.any(axis=1)]
        rows = np.tile(generator.permutation(rows), -(-number // len(rows)))[:number]
        inputs, mask, target = self.sampler.made(rows, generator)
        out = [
            _block(b, d, inputs[b.name], mask[:, i], generator)
            for i, (b, d) in enumerate(zip(self.blocks, self.designs, strict=True))
        ]
        return out, target

    def seen(self, blocks: list[Block]) -> Array:
        """(row, column) on the designs' scale, every block alike: the space in which distances are taken."""
        return np.concatenate([d.matrix(b) for d, b in zip(self.designs, blocks, strict=True)], axis=1)


def _block(own: Block, design: preproc.Design, made: Array, present: Array, generator: np.random.Generator) -> Block:
    """Network inputs back to the block's own columns: what the projection lost is drawn with the residual SD."""
    a = design.arrays
    back = np.linalg.pinv(a["projection"])
    real = design.matrix(own)[own.present]
    lost = (real - real @ a["projection"] @ back).std(axis=0)
    design_rows = made @ back + lost * generator.standard_normal((len(made), len(lost)))
    full = design.undone(design_rows)
    k = len(a["columns"])
    values = full[:, :k]
    for c, column in enumerate(a["columns"]):
        levels = np.unique(own.values[own.present][:, column])
        levels = levels[np.isfinite(levels)]
        if len(levels) <= FEW:
            values[:, c] = levels[np.abs(values[:, c][:, None] - levels).argmin(axis=1)]
    indicators = full[:, k:] > 0.5
    for i, c in enumerate(a["indicators"]):
        values[indicators[:, i], c] = np.nan
    wide = np.full((len(made), own.values.shape[1]), np.nan, dtype=np.float32)
    wide[:, a["columns"]] = values
    wide[~present] = np.nan
    return replace(own, values=wide, present=present, reasons=("",) * len(made))
