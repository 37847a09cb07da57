"""Made training rows beside the real ones: fitted on the rows of one training set, asked batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.augment import classic
from consilium.learn.cohort.tasks import Target

if TYPE_CHECKING:
    from torch import Tensor

    from consilium.learn.augment.gan import Gan

Array = np.ndarray
Inputs = dict[str, Array]


@dataclass(frozen=True)
class Sampler:
    """Training rows and what was fitted on them. mask (row, block), blocks in the order of `inputs`."""

    method: str
    inputs: Inputs
    layouts: dict[str, str]
    mask: Array
    target: Target
    spread: Inputs
    tables: Gan | None
    volumes: dict[str, Gan]

    def made(self, rows: Array, generator: np.random.Generator) -> tuple[Inputs, Array, Target]:
        """As many made rows as `rows` (indices of training rows), with their classes: (inputs, mask, target).

        gan_classic: the first half of `rows` by the GAN, the rest classic. A GAN makes tables and volumes alone: its
        rows lack other blocks, and a row that would have no block at all is left out, so there may be fewer.
        """
        if self.method == "gan_classic":
            by_gan, by_noise = np.array_split(rows, 2)
            parts = [self._by("gan", by_gan, generator), self._by("classic", by_noise, generator)]
        else:
            parts = [self._by(self.method, rows, generator)]
        inputs = {n: np.concatenate([p[0][n] for p in parts]) for n in self.inputs}
        of = np.concatenate([p[2] for p in parts])
        return inputs, np.concatenate([p[1] for p in parts]), self.target.take(of)

    def beside(
        self, batch: dict[str, Tensor], mask: Array, target: Target, rows: Array, generator: np.random.Generator
    ) -> tuple[dict[str, Tensor], Array, Target]:
        """A network's batch of the real `rows` with made rows below it."""
        import torch

        inputs, more, of = self.made(rows, generator)
        both = {n: torch.cat([v, torch.from_numpy(inputs[n]).to(v.device)]) for n, v in batch.items()}
        return both, np.concatenate([mask, more]), joined(target, of)

    def _by(self, method: str, rows: Array, generator: np.random.Generator) -> tuple[Inputs, Array, Array]:
        if method == "gan":
            return self._generated(rows, generator)
        mask = self.mask[rows]
        if method == "classic":
            inputs = {
                n: classic.changed(x[rows], self.layouts[n], self.spread[n], generator) for n, x in self.inputs.items()
            }
        else:
            others = classic.partners(self.target.y, rows, generator)
            weight = generator.beta(classic.MIX, classic.MIX, len(rows))
            inputs = {}
            for i, (n, x) in enumerate(self.inputs.items()):
                alone = ~self.mask[others, i]  # what the other lacks stays the row's own
                partner, share = np.where(alone, rows, others), np.where(alone, 1.0, weight)
                inputs[n] = classic.mixed(x, self.layouts[n], rows, partner, share)
        for i, x in enumerate(inputs.values()):
            x[~mask[:, i]] = 0.0  # absent stays zero, as network_input gives it
        return inputs, mask, rows

    def _generated(self, rows: Array, generator: np.random.Generator) -> tuple[Inputs, Array, Array]:
        names = list(self.inputs)
        mask = self.mask[rows] & np.array([self.layouts[n] in ("table", "volume") for n in names])
        rows, mask = rows[mask.any(axis=1)], mask[mask.any(axis=1)]
        inputs = {n: np.zeros((len(rows), *x.shape[1:]), dtype=np.float32) for n, x in self.inputs.items()}
        if self.tables is not None:
            wide = self.tables.made(condition(self.target, self.mask, self.tables_at)[rows], generator)
            inputs |= _split(wide, {names[i]: self.inputs[names[i]].shape[1] for i in self.tables_at})
        for name, gan in self.volumes.items():
            inputs[name] = gan.made(condition(self.target, self.mask, [])[rows], generator)
        for i, n in enumerate(names):
            inputs[n][~mask[:, i]] = 0.0
        return inputs, mask, rows

    @property
    def tables_at(self) -> list[int]:
        return [i for i, n in enumerate(self.inputs) if self.layouts[n] == "table"]


def fit(method: str, inputs: Inputs, layouts: dict[str, str], mask: Array, target: Target, seed: int) -> Sampler:
    """Fit `method` (of settings.ARMS, not none) on these rows, which must be training rows alone."""
    names = list(inputs)
    spread = {n: classic.spread(x, layouts[n], mask[:, i]) for i, (n, x) in enumerate(inputs.items())}
    tables, volumes = None, {}
    if method.startswith("gan"):
        from consilium.learn.augment import gan

        at = [i for i, n in enumerate(names) if layouts[n] == "table"]
        if at:
            shown = np.concatenate([np.repeat(mask[:, [i]], inputs[names[i]].shape[1], axis=1) for i in at], axis=1)
            x = np.concatenate([inputs[names[i]] for i in at], axis=1)
            tables = gan.fit_table(x * shown, shown, condition(target, mask, at), seed_from(seed, "tables"))
        for i, n in enumerate(names):
            have = np.flatnonzero(mask[:, i])
            if layouts[n] == "volume" and len(have):
                told = condition(target, mask, [])[have]
                volumes[n] = gan.fit_volume(inputs[n][have], told, seed_from(seed, n))
    return Sampler(method, inputs, layouts, mask, target, spread, tables, volumes)


def wanted(
    method: str, inputs: Inputs, layouts: dict[str, str], mask: Array, target: Target, seed: int
) -> Sampler | None:
    """A sampler for a network's training rows; None without a method, or where the outcome is no class."""
    if method == "none" or target.kind != "classification":
        return None
    return fit(method, inputs, layouts, mask, target, seed)


def with_method(fitted: Sampler, method: str) -> Sampler:
    """The same fit asked another way: the GAN of `gan` also serves `gan_classic`."""
    return replace(fitted, method=method)


def joined(a: Target, b: Target) -> Target:
    """Outcomes of the rows of `a`, then of `b`."""
    y, time, event = (np.concatenate(p) for p in ((a.y, b.y), (a.time, b.time), (a.event, b.event)))
    return Target(a.kind, y, time, event, a.classes)


def condition(target: Target, mask: Array, at: list[int]) -> Array:
    """Class, one column each, then presence of the blocks `at`."""
    return np.concatenate([np.eye(target.width)[target.y], mask[:, at]], axis=1).astype(np.float32)


def _split(wide: Array, widths: dict[str, int]) -> Inputs:
    ends = np.cumsum(list(widths.values()))[:-1]
    return {n: np.ascontiguousarray(x) for n, x in zip(widths, np.split(wide, ends, axis=1), strict=True)}
