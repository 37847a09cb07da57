"""From a block's values to the numbers models take; everything fitted here is fitted on the rows given."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from consilium.learn.cohort import dna, words
from consilium.learn.cohort.data import Block
from consilium.learn.models import squeezed

Array = np.ndarray
MAX_COLUMNS = 2000  # of a table: those of largest variance on the training rows
MAX_COMPONENTS = 30  # of a volume; also at most a third of the training rows, so that no patient can be rebuilt
CLIP = 5.0  # SD: an outlier of a new cohort must not run away with a linear model
MIN_FINITE = 0.3  # share of training rows in which a column must have a value
SUMMARIES = ("last", "mean", "min", "max", "slope", "count")
SPREAD = ("mean", "sd", "min", "max")  # of a bag's instances
NET_COLUMNS = 64  # input width of a network's table encoder
NET_CELLS = (18, 18, 18)  # of a volume as a network reads it, at most
VOCABULARY = 1000  # words that a network knows: those that most training patients have
NO_WORD, OTHER_WORD = 0, 1  # codes that a network reads: nothing there, a word outside the vocabulary


def raw_table(block: Block) -> tuple[Array, list[str]]:
    """(row, column) and names: a table as it is, a series as six summaries a feature, a volume as 4 x 4 x 4 means, a
    bag as four summaries a feature and its size, words as 1 or 0 a word, DNA as counts of triples and changes."""
    if block.layout == "table":
        return block.values.astype(float), list(block.features)
    if block.layout == "series":
        return series_summaries(block), [f"{f} {s}" for s in SUMMARIES for f in block.features]
    if block.layout == "bag":
        return bag_summaries(block), [*(f"{f} {s}" for s in SPREAD for f in block.features), "instances"]
    if block.layout == "words":
        return words.said(block), list(block.features)
    if block.layout == "dna":
        return dna.summaries(block), list(dna.NAMES)
    coarse = pooled(block.values.astype(float), (4, 4, 4)).reshape(len(block.values), -1)
    return coarse, [f"cell {i}" for i in range(coarse.shape[1])]


def series_summaries(block: Block) -> Array:
    """last, mean, min, max, slope (per time unit), count of every feature; NaN where there is nothing to count."""
    v = block.values.astype(float)
    seen = np.isfinite(v)
    n = seen.sum(axis=1).astype(float)
    filled = np.where(seen, v, 0.0)
    t = np.asarray(block.time)[None, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=1) / n
        t_mean = (t * seen).sum(axis=1) / n
        dt = (t - t_mean[:, None]) * seen
        slope = (dt * filled).sum(axis=1) / (dt**2).sum(axis=1)
    slope[(n < 2) | ~np.isfinite(slope)] = np.nan
    low = np.where(seen, v, np.inf).min(axis=1)
    high = np.where(seen, v, -np.inf).max(axis=1)
    place = v.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
    last = np.take_along_axis(v, place[:, None], axis=1)[:, 0]
    empty = n == 0
    for a in (low, high, last, mean):
        a[empty] = np.nan
    n[~block.present] = np.nan
    return np.concatenate([last, mean, low, high, slope, n], axis=1)


def bag_summaries(block: Block) -> Array:
    """mean, sd, min and max over the instances of every feature (NaN without a value), and their number."""
    v = block.values.astype(float)
    seen = np.isfinite(v)
    n = seen.sum(axis=1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(seen, v, 0.0).sum(axis=1) / n
        sd = np.sqrt((np.where(seen, v - mean[:, None], 0.0) ** 2).sum(axis=1) / n)
    low = np.where(seen, v, np.inf).min(axis=1)
    high = np.where(seen, v, -np.inf).max(axis=1)
    for a in (sd, low, high):
        a[n == 0] = np.nan
    size = seen.any(axis=2).sum(axis=1).astype(float)
    size[~block.present] = np.nan
    return np.concatenate([mean, sd, low, high, size[:, None]], axis=1)


def pooled(volume: Array, cells: tuple[int, int, int]) -> Array:
    """Means over a grid of at most `cells` boxes; NaN voxels are left out, an empty box is NaN."""
    out, seen = np.where(np.isfinite(volume), volume, 0.0), np.isfinite(volume).astype(float)
    for axis, k in enumerate(cells, start=1):
        edges = edges_of(volume.shape[axis], k)
        out, seen = np.add.reduceat(out, edges, axis=axis), np.add.reduceat(seen, edges, axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return out / np.where(seen > 0, seen, np.nan)


def edges_of(size: int, cells: int) -> Array:
    """First places of at most `cells` boxes along an axis."""
    return np.unique(np.linspace(0, size, min(cells, size) + 1).astype(int))[:-1]


@dataclass(frozen=True)
class Design:
    """Fitted preparation of one block. arrays: what was fitted, by name (in the bundle: preproc.safetensors)."""

    layout: str
    names: tuple[str, ...]  # columns of the design
    arrays: dict[str, Array] = field(default_factory=dict)

    def matrix(self, block: Block) -> Array:
        """(row, column), every value finite; rows of absent patients are all zero. Mean square row norm about 1."""
        if self.layout == "volume":
            x = self.z_scores(block).reshape(len(block.values), -1)[:, self.arrays["kept"]] @ self.arrays["loadings"].T
            x = x / self.arrays["norm"]
        else:
            x = self._columns(raw_table(block)[0]) / self.arrays["norm"]
        x[~block.present] = 0.0
        return x

    def _columns(self, raw: Array) -> Array:
        a = self.arrays
        if not len(self.names):
            return np.zeros((len(raw), 0))
        full = _filled(raw[:, a["columns"]], a["median"], a["squeeze"], a["indicators"])
        return np.clip((full - a["mean"]) / a["sd"], -CLIP, CLIP)

    def undone(self, x: Array) -> Array:
        """(row, column): rows of a table's `matrix` in the units of its values; an indicator as a share of 1."""
        a = self.arrays
        full = a["mean"] + a["sd"] * np.clip(x * a["norm"], -CLIP, CLIP)
        k = len(a["columns"])
        full[:, :k] = squeezed.stretched(full[:, :k], a["median"], a["squeeze"])
        return full

    def z_scores(self, block: Block) -> Array:
        """Voxelwise z against the training patients, clipped; 0 outside and where there is no value."""
        z = (block.values - self.arrays["voxel_mean"]) / self.arrays["voxel_sd"]
        return np.clip(np.nan_to_num(z, nan=0.0, posinf=0.0, neginf=0.0), -CLIP, CLIP)

    def unusual(self, block: Block) -> Array:
        """Mean squared column of each row against the training rows: about 1 at home, large far from them."""
        x = self.matrix(block)
        return (x**2).sum(axis=1) / max(float(self.arrays["usual"][0]), 1e-9)

    @property
    def network_layout(self) -> str:
        return "table" if "projection" in self.arrays else self.layout

    def network_input(self, block: Block) -> Array:
        """float32. table: (row, <= 64); series, bag: (row, time or instance, 2 x feature): value and mask; volume:
        (row, 1, z, y, x); words: (row, position), codes; dna: (row, window, feature), 0 where there is no window."""
        if self.network_layout == "table":
            return (self.matrix(block) @ self.arrays["projection"]).astype(np.float32)
        if self.layout == "words":
            return self._codes(block)
        if self.layout == "dna":
            return np.nan_to_num(block.values).astype(np.float32)
        if self.layout in ("series", "bag"):
            v = (block.values - self.arrays["series_mean"]) / self.arrays["series_sd"]
            seen = np.isfinite(v)
            v = np.clip(np.where(seen, v, 0.0), -CLIP, CLIP)
            return np.concatenate([v, seen], axis=2).astype(np.float32)
        return pooled(self.z_scores(block), NET_CELLS).astype(np.float32)[:, None]

    def _codes(self, block: Block) -> Array:
        known = self.arrays["vocabulary"]
        code = np.full(len(block.features) + 1, OTHER_WORD, dtype=np.float32)  # the last: words.UNKNOWN
        code[known] = OTHER_WORD + 1 + np.arange(len(known))
        there = np.isfinite(block.values)
        return np.where(there, code[np.where(there, block.values, words.UNKNOWN).astype(int)], np.float32(NO_WORD))


def fit(block: Block, cnn: bool = False) -> Design:
    """Fit on the present rows of `block`, which must hold training patients alone.

    cnn: a network reads a volume itself; else it reads its principal components, as it reads a table.
    """
    own = block.take(np.flatnonzero(block.present))
    design = _fit_volume(own) if block.layout == "volume" else _fit_table(own)
    x = design.matrix(own)
    design.arrays["usual"] = np.array([(x**2).sum(axis=1).mean() if len(x) and x.size else 1.0])
    if block.layout == "table" or (block.layout == "volume" and not cnn):
        design.arrays["projection"] = _projection(x)
    if block.layout == "words":
        design.arrays["vocabulary"] = _vocabulary(own)
    if block.layout in ("series", "bag"):
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(own.values)
            n = np.maximum(seen.sum(axis=(0, 1)), 1)
            mean = np.where(seen, own.values, 0.0).sum(axis=(0, 1), dtype=float) / n
            sd = np.sqrt((np.where(seen, own.values - mean, 0.0) ** 2).sum(axis=(0, 1)) / n)
        design.arrays.update(series_mean=mean, series_sd=np.where(sd > 1e-9, sd, 1.0))
    return design


def _vocabulary(own: Block) -> Array:
    """Places of the words that most patients have, in rising order."""
    of = words.patients_of(own)
    most = np.argsort(-of, kind="stable")[:VOCABULARY]
    return np.sort(most[of[most] >= words.MIN_PATIENTS])


def _fit_table(own: Block) -> Design:
    raw, names = raw_table(own)
    seen = np.isfinite(raw)
    n = np.maximum(seen.sum(axis=0), 1)
    centre = np.where(seen, raw, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(seen, raw - centre, 0.0) ** 2).sum(axis=0) / n)
    good = (seen.sum(axis=0) >= max(3, MIN_FINITE * len(raw))) & (spread > 1e-9 * np.maximum(1.0, np.abs(centre)))
    if own.layout == "words":
        good &= np.nansum(raw, axis=0) >= words.MIN_PATIENTS
    columns = np.flatnonzero(good)
    if len(columns) > MAX_COLUMNS:
        columns = np.sort(columns[np.argsort(-spread[columns], kind="stable")[:MAX_COLUMNS]])
    kept = raw[:, columns]
    gaps = np.isnan(kept)
    median = np.nanmedian(kept, axis=0) if kept.size else np.zeros(len(columns))
    squeeze = squeezed.scale(kept, median)
    often = np.flatnonzero((gaps.sum(axis=0) >= 3) & (gaps.mean(axis=0) >= 0.05))
    _, first = np.unique(gaps[:, often], axis=1, return_index=True)  # one indicator per pattern of gaps
    indicators = often[np.sort(first)] if len(often) else often
    full = _filled(kept, median, squeeze, indicators)
    sd = full.std(axis=0) if len(full) else np.ones(full.shape[1])
    labels = (*(names[c] for c in columns), *(f"{names[columns[i]]} missing" for i in indicators))
    arrays = {
        "columns": columns, "median": median, "squeeze": squeeze, "indicators": indicators,
        "mean": full.mean(axis=0) if len(full) else np.zeros(full.shape[1]), "sd": np.where(sd > 1e-9, sd, 1.0),
        "norm": np.array([np.sqrt(max(full.shape[1], 1))]),
    }  # fmt: skip
    return Design(own.layout, labels, arrays)


def _filled(kept: Array, median: Array, squeeze: Array, indicators: Array) -> Array:
    """(row, column): gaps filled with the median, squeezed; then the gaps of the columns `indicators`, as 1 or 0."""
    gaps = np.isnan(kept)
    filled = squeezed.squeezed(np.where(gaps, median, kept), median, squeeze)
    return np.concatenate([filled, gaps[:, indicators].astype(float)], axis=1)


def _fit_volume(own: Block) -> Design:
    v = own.values.astype(float)
    seen = np.isfinite(v)
    n = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, v, 0.0).sum(axis=0) / n
    sd = np.sqrt((np.where(seen, v - mean, 0.0) ** 2).sum(axis=0) / n)
    inside = (seen.mean(axis=0) >= 0.9) & (sd > 1e-9) if len(v) else np.zeros(v.shape[1:], dtype=bool)
    typical = float(np.median(sd[inside])) if inside.any() else 1.0
    sd = np.where(inside, np.maximum(sd, 0.1 * typical), np.inf)  # outside: z = 0
    arrays = {"voxel_mean": mean, "voxel_sd": sd, "kept": np.flatnonzero(inside.ravel())}
    design = Design("volume", (), arrays)
    z = design.z_scores(own).reshape(len(v), -1)[:, arrays["kept"]]
    loadings = _components(z, min(MAX_COMPONENTS, max(len(v) // 3, 1)))
    scores = z @ loadings.T
    arrays["loadings"] = loadings
    arrays["norm"] = np.array([np.sqrt(max(float((scores**2).sum(axis=1).mean()), 1e-12)) if len(scores) else 1.0])
    return Design("volume", tuple(f"component {i + 1}" for i in range(len(loadings))), arrays)


def _components(x: Array, k: int) -> Array:
    """First k principal axes (k, column) of centred columns; each sign fixed by its largest entry."""
    if not x.size:
        return np.zeros((0, x.shape[1]))
    if x.shape[0] <= x.shape[1]:
        values, vectors = np.linalg.eigh(x @ x.T)
        order = np.argsort(-values, kind="stable")[:k]
        order = order[values[order] > 1e-9 * max(values.max(), 1e-12)]
        axes = (vectors[:, order] / np.sqrt(values[order])).T @ x
    else:
        values, vectors = np.linalg.eigh(x.T @ x)
        order = np.argsort(-values, kind="stable")[:k]
        axes = vectors[:, order[values[order] > 1e-9 * max(values.max(), 1e-12)]].T
    sign = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]) if len(axes) else np.ones(0)
    return axes * sign[:, None]


def _projection(x: Array) -> Array:
    """(column, <= 64): identity scaled to unit columns, or the first principal axes of a wide table."""
    p = x.shape[1]
    if p <= NET_COLUMNS:
        return np.eye(p) * np.sqrt(max(p, 1))
    axes = _components(x, min(NET_COLUMNS, max(len(x) // 3, 2)))
    spread = np.sqrt(max(float(((x @ axes.T) ** 2).mean()), 1e-12))
    return axes.T / spread
