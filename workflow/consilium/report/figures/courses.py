"""Figures over time and treatment: survival by risk, estimated effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from consilium.core.statistics import log_rank
from consilium.report import stats
from consilium.report.figures.style import COLOURS, GREY, card, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THIRDS = (("low risk", COLOURS[2]), ("middle", COLOURS[1]), ("high risk", COLOURS[5]))
OVERLAPS = {"green": COLOURS[2], "amber": COLOURS[1], "red": COLOURS[5]}


def survival(predictions: pd.DataFrame, time: pd.Series, event: pd.Series, unit: str) -> Figure:
    """Kaplan-Meier curves by thirds of the out-of-fold risk, with 95 % bands, numbers at risk and the log-rank test.

    time, event: recorded outcome by the rows of `predictions`; patients without one are left out. Thirds are formed
    within each outer fold, since folds have different models.
    """
    from scipy.stats import chi2

    when, happened = pd.to_numeric(time, errors="coerce"), pd.to_numeric(event, errors="coerce")
    rows = (when.notna() & happened.notna() & predictions["risk"].notna() & (predictions["fold"] != "apply")).to_numpy()
    if rows.sum() < 6 or not (happened[rows] == 1).any():
        return card("Survival by predicted risk", "fewer than six judged patients, or no event")
    t, e = when[rows].to_numpy(dtype=float), happened[rows].to_numpy() == 1
    third = stats.thirds_within(predictions["risk"][rows].to_numpy(dtype=float), list(predictions["fold"][rows]))
    figure, axes = panels(1, 6.4, 4.6)
    ax = axes[0]
    for k, (name, hue) in enumerate(THIRDS):
        if (third == k).any():
            _curve(ax, t[third == k], e[third == k], name, hue)
    p = float(chi2.sf(*log_rank(t, e, third)))
    ax.set(
        xlabel=unit,
        ylabel="Share without event",
        ylim=(0, 1.03),
        xlim=(0, t.max()),
        title=f"By thirds of out-of-fold risk, n = {rows.sum()}; log-rank p {_p_value(p)}",
    )
    ax.legend()
    _at_risk(ax, t, third)
    return figure


def _curve(ax: Any, t: np.ndarray, e: np.ndarray, name: str, hue: str) -> None:
    """One group's curve with its band; small strokes are patients who left without an event."""
    curve = stats.kaplan_meier(t, e)
    x = np.append(curve["time"], t.max())
    y, low, high = (np.append(curve[c], curve[c][-1]) for c in ("survival", "lower", "upper"))
    ax.fill_between(x, low, high, step="post", color=hue, alpha=0.15, lw=0)
    ax.step(x, y, where="post", color=hue, lw=1.8, label=f"{name}: {len(t)} patients, {e.sum()} events")
    censored = np.sort(t[~e])
    at = np.searchsorted(curve["time"], censored, side="right") - 1
    ax.plot(censored, curve["survival"][at], "|", color=hue, ms=6)


def _at_risk(ax: Any, t: np.ndarray, third: np.ndarray) -> None:
    """Patients still followed at each tick of the time axis, one row a third."""
    small: dict[str, Any] = {"fontsize": 8, "annotation_clip": False}
    for k, (_, hue) in enumerate(THIRDS):
        for v in (v for v in ax.get_xticks() if 0 <= v <= t.max()):
            n, place = int((t[third == k] >= v).sum()), (v, -0.2 - 0.055 * k)
            ax.annotate(str(n), place, xycoords=("data", "axes fraction"), ha="center", color=hue, **small)
    ax.annotate("at risk", (-0.055, -0.2), xycoords="axes fraction", ha="right", color="#55636F", **small)


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def effects(table: pd.DataFrame) -> Figure:
    """Estimated effects of all patients, sorted, with 95 % intervals, by overlap verdict."""
    known = table[table["effect"].notna()].sort_values(["effect", "patient"]).reset_index(drop=True)
    if known.empty:
        return card("Estimated treatment effects", "no effect was estimated")
    figure, axes = panels(1, 6.6, 3.6)
    ax = axes[0]
    for overlap, part in known.groupby("overlap", sort=True):
        hue = OVERLAPS.get(str(overlap), GREY)
        ax.vlines(part.index, part["lower"], part["upper"], color=hue, alpha=0.4, lw=1)
        ax.plot(part.index, part["effect"], "o", ms=3.5, color=hue, label=f"overlap {overlap} ({len(part)})")
    ax.axhline(0, color=GREY, lw=0.9, ls="--")
    first = known.iloc[0]
    withheld = len(table) - len(known)
    ax.set(
        xlabel="Patients, sorted by estimate",
        ylabel=f"{first['option']} minus {first['reference']}\n({first['outcome']})",
        title=f"Estimated effects with 95 % intervals, n = {len(known)}, withheld for {withheld}",
    )
    ax.set_xticks([])
    ax.legend()
    return figure
