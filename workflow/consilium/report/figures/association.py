"""Figure of an association analysis: every variant by place, and p values against chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from consilium.report.figures.style import COLOURS, GREY, card

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNIFICANT = 5e-8
_ALL_ABOVE = 2.0  # -log10 p from which every variant is drawn; below, evenly thinned
_THINNED = 8000
_BAND_POINTS = 200


def association(variants: pd.DataFrame, analyses: pd.DataFrame, name: str) -> Figure:
    """Manhattan and quantile plot. analyses: table association, of which the row `name` gives lambda and counts."""
    from matplotlib.figure import Figure

    row = next((r for r in analyses.itertuples() if r.analysis == name), None)
    tested = variants[variants["p"].notna()]
    if row is None or row.status != "assessed" or tested.empty:
        return card(f"Association: {name}", row.reason if row is not None and row.reason else "no variant was tested")
    figure = Figure(figsize=(10.2, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
    p = np.maximum(tested["p"].to_numpy(dtype=float), 1e-300)
    height = -np.log10(p)
    _manhattan(left, tested["chrom"].to_numpy(), tested["pos"].to_numpy(dtype=float), height)
    who = f"n = {row.n}" + (f" ({row.n_cases} cases)" if not pd.isna(row.n_cases) else "")
    left.set_title(f"{name.replace('_', ' ')}: {len(tested)} variants, {who}")
    _quantiles(right, height)
    said = f"λ = {row.inflation:.3f}"
    if not pd.isna(row.inflation_lower):
        said += f" ({row.inflation_lower:.2f} to {row.inflation_upper:.2f})"
    right.set_title(said)
    return figure


def _thinned(height: np.ndarray) -> np.ndarray:
    """Places of the points drawn: all high ones, and an even share of the crowd below."""
    low = np.flatnonzero(height < _ALL_ABOVE)
    step = max(1, len(low) // _THINNED)
    return np.sort(np.concatenate([low[::step], np.flatnonzero(height >= _ALL_ABOVE)]))


def _manhattan(ax: Axes, chrom: np.ndarray, pos: np.ndarray, height: np.ndarray) -> None:
    names = list(dict.fromkeys(chrom))
    start, ticks = 0.0, []
    for i, name in enumerate(names):
        here = chrom == name
        x = start + pos[here]
        shown = _thinned(height[here])
        ax.scatter(x[shown], height[here][shown], s=6, color=(COLOURS[0], COLOURS[4])[i % 2], rasterized=True, lw=0)
        ticks.append((start + x.max()) / 2)
        start = x.max() + 2e7
    ax.axhline(-np.log10(SIGNIFICANT), color=COLOURS[5], lw=0.9, ls="--")
    labels = [n.removeprefix("chr") for n in names]
    crowded = len(names) > 16
    ax.set_xticks(ticks, [x if not crowded or i < 12 or i % 2 == 0 else "" for i, x in enumerate(labels)], fontsize=8)
    ax.set(xlabel="Chromosome", ylabel="−log10 p", ylim=(0, max(8.2, 1.06 * float(height.max()))))
    ax.margins(x=0.01)


def _quantiles(ax: Axes, height: np.ndarray) -> None:
    from scipy.stats import beta

    seen = np.sort(height)[::-1]
    n = len(seen)
    expected = -np.log10((np.arange(n) + 0.5) / n)
    rank = np.unique(np.geomspace(1, n, _BAND_POINTS).astype(int))
    band = [-np.log10(beta.ppf(q, rank, n + 1 - rank)) for q in (0.975, 0.025)]
    ax.fill_between(expected[rank - 1], *band, color="#E3E8EC", lw=0)
    ax.plot([0, expected[0]], [0, expected[0]], color=GREY, lw=1)
    shown = _thinned(seen)
    ax.scatter(expected[shown], seen[shown], s=7, color=COLOURS[0], rasterized=True, lw=0)
    ax.set(xlabel="−log10 p by chance", ylabel="−log10 p", ylim=(0, None), xlim=(0, None))
