"""Figures of how sure one may be: paired differences, precision-recall, decision curves, coverage, learning curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from consilium.report import stats
from consilium.report.figures.models import NO_OUTCOME, label, one_against_rest
from consilium.report.figures.style import COLOURS, GREY, card, colour, panels
from consilium.report.words import metric as metric_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROVEN, OPEN, WORSE = COLOURS[0], "#55636F", COLOURS[5]
GROUPS = {"all": "everybody", "class": "recorded class", "sex": "sex", "ancestry": "ancestry", "site": "site",
          "age_band": "age"}  # fmt: skip
MOST_LEVELS = 24


def differences(table: pd.DataFrame, metric: str) -> Figure:
    """Forest plot: how much better the shipped model is than every other one, on the patients that both judge."""
    rows = table[(table["role"] != "stress") & table["difference"].notna()].copy()
    if rows.empty:
        return card("The shipped model against every other", "no other model was judged on the same patients")
    rows["place"] = (rows["role"] == "baseline").astype(int)
    rows = rows.sort_values(["place", "difference", "model", "modalities"])
    names = [label(r) for r in rows.itertuples()]
    figure = _forest(rows, names, f"Difference in {metric_name(metric)} (95 % interval)")
    ax = figure.axes[0]
    ax.set_title(f"Right of the line: the shipped model is better than this one; n = {rows['n'].max()}")
    last = int((rows["place"] == 0).sum())
    if 0 < last < len(rows):
        ax.axhline(last - 0.5, color=GREY, lw=0.6)
    _legend(figure, ("shipped model better", "not proven", "shipped model worse"))
    return figure


def missing_blocks(table: pd.DataFrame, metric: str) -> Figure:
    """What the shipped model loses when one block is taken from every patient."""
    rows = table[(table["role"] == "stress") & table["difference"].notna()]
    if rows.empty:
        return card("Without one block", "the model has one block only")
    rows = rows.sort_values(["difference", "modalities"], ascending=[False, True])
    figure = _forest(
        rows, list(rows["modalities"]), f"Loss in {metric_name(metric)} without this block (95 % interval)"
    )
    whole = f"With all blocks {metric_name(metric)} {rows['shipped'].iloc[0]:.2f}, n = {rows['n'].iloc[0]}"
    figure.axes[0].set_title(whole)
    _legend(figure, ("the block is needed", "not proven", "better without it"))
    return figure


def _forest(rows: pd.DataFrame, names: list[str], axis: str) -> Figure:
    """difference with its interval, a row each; blue: proven above 0, orange: proven below."""
    figure, axes = panels(1, 8.4, 1.5 + 0.27 * len(rows))
    ax = axes[0]
    ax.axvline(0, color="#1B2530", lw=0.9)
    for i, row in enumerate(rows.itertuples()):
        low, high = float(row.lower), float(row.upper)
        hue = PROVEN if low > 0 else WORSE if high < 0 else OPEN
        ax.hlines(i, low, high, color=hue, lw=2)
        ax.plot(row.difference, i, "o", color=hue, ms=5)
        said = f"{row.difference:+.2f}".replace("-", "\u2212")
        ax.annotate(said, (1.01, i), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    ax.set_yticks(range(len(rows)), names, fontsize=8.5)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel(axis)
    return figure


def _legend(figure: Any, said: tuple[str, str, str]) -> None:
    ax = figure.axes[0]
    handles = [ax.plot([], [], "o-", color=h, label=s)[0] for h, s in zip((PROVEN, OPEN, WORSE), said, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


def precision_recall(predictions: pd.DataFrame, folds: pd.DataFrame, seed: int) -> Figure:
    """One-vs-rest precision against recall a class, with a 95 % band from bootstrap over groups."""
    made = one_against_rest(predictions, folds, seed)
    if made is None:
        return card("Precision and recall", NO_OUTCOME)
    figure, classes = made
    for c in classes:
        ax, hue, name, positive, score = c.ax, c.hue, c.name, c.positive, c.score
        recall, precision = stats.precision_points(positive, score)
        low, high, ends = stats.precision_band(positive, score, c.weights, c.crossed)
        ax.fill_between(stats.GRID, low, high, color=hue, alpha=0.18, lw=0)
        ax.step(recall, precision, where="pre", color=hue, lw=1.8)
        ax.axhline(positive.mean(), color=GREY, lw=0.8, ls="--")
        area = stats.average_precision(positive, score)
        ax.set(
            xlabel="Recall (sensitivity)",
            ylabel="Precision",
            xlim=(-0.01, 1.01),
            ylim=(-0.01, 1.03),
            aspect="equal",
            title=f"{name}: {positive.sum()} of {len(positive)}\nAUPRC {area:.2f} ({ends[0]:.2f} to {ends[1]:.2f})",
        )
    return figure


def decision_curve(table: pd.DataFrame) -> Figure:
    """Net benefit of acting on the prediction, beside acting on everybody and on nobody."""
    if table.empty:
        return card("Is it worth acting on?", "no probability of a patient with a recorded class")
    names = list(dict.fromkeys(table["class"]))
    figure, axes = panels(len(names), 3.4, 3.3)
    for ax, (name, hue) in zip(axes, colour(names).items(), strict=True):
        own = table[table["class"] == name]
        x = own["threshold"]
        ax.fill_between(x, own["lower"], own["upper"], color=hue, alpha=0.18, lw=0)
        ax.plot(x, own["model"], color=hue, lw=1.8, label="the model")
        ax.plot(x, own["everybody"], color="#55636F", lw=1.1, ls="--", label="everybody")
        ax.axhline(0, color="#1B2530", lw=0.9, label="nobody")
        top = max(float(own["upper"].max()), float(own["everybody"].max()), 0.02)
        ax.set(
            xlabel="Probability from which one would act",
            ylabel="Net benefit per patient",
            xlim=(0, 1),
            ylim=(-0.3 * top, 1.08 * top),
            title=f"{name}, n = {int(own['n'].iloc[0])}",
        )
    axes[0].legend(loc="upper right")
    return figure


def coverage(table: pd.DataFrame) -> Figure:
    """Share of held-out outcomes inside their 90 % set, interval or bound, in every group that has one."""
    if table.empty:
        return card("Do the 90 % sets hold?", "no set could be given")
    rows = table[table["group"].isin(GROUPS)].head(MOST_LEVELS)
    figure, axes = panels(1, 8.4, 1.5 + 0.29 * len(rows))
    ax = axes[0]
    ax.axvline(0.9, color="#1B2530", lw=0.9)
    for i, row in enumerate(rows.itertuples()):
        hue = WORSE if row.upper < 0.9 else OPEN if row.flagged else PROVEN
        ax.hlines(i, row.lower, row.upper, color=hue, lw=2)
        ax.plot(row.coverage, i, "o", color=hue, ms=5)
        ax.annotate(f"n = {row.n}", (1.01, i), xycoords=("axes fraction", "data"), va="center", fontsize=8)
        ax.annotate(
            f"{row.width:#.3g}".rstrip("."), (1.13, i), xycoords=("axes fraction", "data"), va="center", fontsize=8
        )
    ax.annotate("width", (1.13, -0.95), xycoords=("axes fraction", "data"), fontsize=8, annotation_clip=False)
    names = [GROUPS[r.group] if r.group == "all" else f"{GROUPS[r.group]}: {r.level}" for r in rows.itertuples()]
    ax.set_yticks(range(len(rows)), names, fontsize=8.5)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    lowest = float(np.nanmin(rows["lower"]))
    ax.set(xlabel="Share of held-out patients covered (95 % interval)", xlim=(min(0.5, lowest) - 0.02, 1.01))
    ax.set_title(f"90 % is promised; n = {rows['n'].iloc[0]}", pad=14)
    said = ("threshold of its own", "threshold shared with others", "covered less, beyond chance")
    _legend(figure, said)
    return figure


def learning_curve(table: pd.DataFrame) -> Figure:
    """Losses of the networks by epoch: each inner fold thin, their mean thick."""
    rows = table[table["validation_loss"].notna() & (table["fold"] != "final")]
    if rows.empty:
        return card("Learning curves", "no network was trained")
    figure, axes = panels(1, 6.4, 3.6)
    ax = axes[0]
    for column, name, hue in (
        ("train_loss", "training patients", COLOURS[4]),
        ("validation_loss", "patients left out", COLOURS[0]),
    ):
        for _, one in rows.groupby(["fold", "inner", "seed"]):
            ax.plot(one["epoch"], one[column], color=hue, lw=0.5, alpha=0.25)
        mean = rows.groupby("epoch")[column].mean()
        ax.plot(mean.index, mean, color=hue, lw=2, label=name)
    runs = rows[["fold", "inner", "seed"]].drop_duplicates()
    high = float(np.nanquantile(rows[["train_loss", "validation_loss"]], 0.99))
    ax.set(xlabel="Epoch", ylabel="Loss (lower is better)", title=f"Networks of the inner folds, n = {len(runs)}")
    ax.set_ylim(top=high * 1.05 if high > 0 else None)
    ax.legend()
    return figure
