"""What a block's evidence is shared out to: columns of a table, summaries of a series, boxes of a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.learn.cohort import dna
from consilium.learn.cohort.data import Block
from consilium.learn.models.preproc import Design, raw_table

Array = np.ndarray
BOXES = 6  # of a volume, along each axis


@dataclass(frozen=True)
class Pieces:
    """values (row, piece): as recorded, NaN = not measured (a box: mean z). kind: feature or region.

    percentile (row, piece): share of the reference patients with a lower value, ties half; NaN where there is no value.
    x (row, column): the design. shares: None where pieces are the columns themselves, else (row, piece, column), whose
    sum over pieces is x. Zero is the training mean: a piece that is taken away is put there.
    """

    kind: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Array
    percentile: Array
    x: Array
    shares: Array | None = None

    def design(self, keep: Array) -> Array:
        """(row, column): only the pieces of `keep` (row, piece) differ from the training mean."""
        return self.x * keep if self.shares is None else np.einsum("nr,nrk->nk", keep.astype(float), self.shares)

    def linear(self, weights: Array) -> Array:
        """(row, piece): what each piece adds to x @ w; weights (row, column)."""
        return self.x * weights if self.shares is None else np.einsum("nrk,nk->nr", self.shares, weights)


def of(design: Design, block: Block, reference: Block) -> Pieces:
    """Pieces of present rows of `block`; percentiles among the present rows of `reference`."""
    known = reference.take(np.flatnonzero(reference.present))
    return _volume(design, block, known) if design.layout == "volume" else _table(design, block, known)


def _table(design: Design, block: Block, reference: Block) -> Pieces:
    values, known = (_columns(design, b) for b in (block, reference))
    units = _units(block)
    kept = [units[c] for c in design.arrays["columns"]] + ["1 = not measured"] * len(design.arrays["indicators"])
    return Pieces("feature", design.names, tuple(kept), values, percentiles(values, known), design.matrix(block))


def _columns(design: Design, block: Block) -> Array:
    raw = raw_table(block)[0][:, design.arrays["columns"]]
    return np.concatenate([raw, np.isnan(raw)[:, design.arrays["indicators"]].astype(float)], axis=1)


def _units(block: Block) -> list[str]:
    """Unit of every column of raw_table: a series' slope is per unit of time, its count has none."""
    if block.layout == "table":
        return list(block.units)
    if block.layout == "bag":
        return [*list(block.units) * 4, "instances"]
    if block.layout == "dna":
        return list(dna.UNITS)
    if block.layout == "words":
        return ["1 = in the reports"] * len(block.units)
    slope = [f"{u} a time unit" if u else "a time unit" for u in block.units]
    return list(block.units) * 4 + slope + ["values"] * len(block.units)


def percentiles(values: Array, known: Array) -> Array:
    """(row, column): share of `known` (reference row, column) below each value, ties half; NaN for no value."""
    out = np.full(values.shape, np.nan)
    for j in range(values.shape[1]):
        column = np.sort(known[np.isfinite(known[:, j]), j])
        have = np.isfinite(values[:, j])
        if len(column):
            low, high = (np.searchsorted(column, values[have, j], side=s) for s in ("left", "right"))
            out[have, j] = (low + high) / 2 / len(column)
    return out


def boxes(shape: tuple[int, ...]) -> tuple[Array, list[str]]:
    """(box of each voxel, names). Axes (z, y, x); on the template's grid z runs up, y forward, x to the right."""
    codes = [np.minimum(np.arange(n) * BOXES // n, BOXES - 1) for n in shape]
    z, y, x = np.meshgrid(*codes, indexing="ij")
    names = [
        f"box {k + 1}/{BOXES} up, {j + 1}/{BOXES} forward, {i + 1}/{BOXES} to the right"
        for k in range(BOXES) for j in range(BOXES) for i in range(BOXES)
    ]  # fmt: skip
    return (z * BOXES + y) * BOXES + x, names


def _volume(design: Design, block: Block, reference: Block) -> Pieces:
    code, names = boxes(block.values.shape[1:])
    kept = design.arrays["kept"]
    own = code.ravel()[kept]
    used = np.unique(own)
    place = np.searchsorted(used, own)
    belongs = np.zeros((len(kept), len(used)))
    belongs[np.arange(len(kept)), place] = 1.0
    size = belongs.sum(axis=0)
    z, z_known = (design.z_scores(b).reshape(len(b.values), -1)[:, kept] for b in (block, reference))
    loadings = design.arrays["loadings"] / design.arrays["norm"]
    shares = np.stack([(z * component) @ belongs for component in loadings], axis=2)
    values, known = z @ belongs / size, z_known @ belongs / size
    return Pieces(
        "region", tuple(names[c] for c in used), ("SD from the training mean",) * len(used), values,
        percentiles(values, known), shares.sum(axis=1), shares,
    )  # fmt: skip


def voxel_map(design: Design, weights: Array) -> Array:
    """(z, y, x): exact weight of each voxel's z-score in x @ weights, for a linear model of a volume's components.

    Back-projection of the weights through the components: loadings' transpose times weights.
    """
    out = np.zeros(design.arrays["voxel_mean"].shape)
    out.ravel()[design.arrays["kept"]] = design.arrays["loadings"].T @ (weights / design.arrays["norm"])
    return out
