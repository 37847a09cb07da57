"""Figures of the models: ROC with intervals, calibration, confusion, leaderboard, predicted against observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from consilium.core.statistics import group_weights
from consilium.report import stats
from consilium.report.figures.style import COLOURS, GREY, card, colour, panels
from consilium.report.words import metric as metric_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPEATS = 500
ROLES = {"shipped": COLOURS[0], "candidate": COLOURS[4], "baseline": "#55636F", "control": COLOURS[1]}
CHANCE = {"auc": 0.5, "c_index": 0.5, "balanced_accuracy": None}
NAMES = {"age sex": "age and sex", "missingness": "which data are there", "site": "site", "prevalence": "no data"}
NO_OUTCOME = "no prediction of a patient with a recorded outcome"


def judged(predictions: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold predictions of patients with a recorded class that got a probability."""
    columns = [c for c in predictions.columns if c.startswith("p_")]
    known = predictions[(predictions["observed"] != "") & (predictions["fold"] != "apply")]
    return known[known[columns].notna().all(axis=1)] if columns else known.iloc[:0]


def classes_shown(table: pd.DataFrame) -> list[str]:
    """Classes to show: all, or the second of two (the other is its mirror)."""
    names = [c[2:] for c in table.columns if c.startswith("p_")]
    return names[1:] if len(names) == 2 else names


@dataclass(frozen=True)
class OneClass:
    """A panel on one class against the rest. positive, score: by patient; weights: the bootstrap over groups.

    crossed: see core.statistics.
    """

    ax: Any
    hue: str
    name: str
    positive: np.ndarray
    score: np.ndarray
    weights: np.ndarray
    crossed: bool


def one_against_rest(predictions: pd.DataFrame, folds: pd.DataFrame, seed: int) -> tuple[Figure, list[OneClass]] | None:
    """A panel a class; None when nobody can be judged."""
    table = judged(predictions)
    if table.empty:
        return None
    of = dict(zip(folds["patient"], folds["group"], strict=True))
    weights = group_weights([of.get(p, p) for p in table["patient"]], REPEATS, seed)
    names = classes_shown(table)
    figure, axes = panels(len(names), 3.3, 3.5)
    crossed = table["fold"].nunique() > 1
    return figure, [
        OneClass(
            ax, hue, name, (table["observed"] == name).to_numpy(), table[f"p_{name}"].to_numpy(float), weights, crossed
        )
        for ax, (name, hue) in zip(axes, colour(names).items(), strict=True)
    ]


def roc(predictions: pd.DataFrame, folds: pd.DataFrame, seed: int) -> Figure:
    """One-vs-rest ROC a class, with a 95 % band from bootstrap over groups of related patients."""
    made = one_against_rest(predictions, folds, seed)
    if made is None:
        return card("ROC", NO_OUTCOME)
    figure, classes = made
    for c in classes:
        ax, hue, name, positive, score = c.ax, c.hue, c.name, c.positive, c.score
        fpr, tpr = stats.roc_points(positive, score)
        low, high, ends = stats.roc_band(positive, score, c.weights, c.crossed)
        ax.fill_between(stats.GRID, low, high, color=hue, alpha=0.18, lw=0)
        ax.plot(fpr, tpr, color=hue, lw=1.8)
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
        ax.set(
            xlabel="False positive rate",
            ylabel="True positive rate",
            xlim=(-0.01, 1.01),
            ylim=(-0.01, 1.01),
            aspect="equal",
            title=f"{name} against the rest\nAUC {stats.auc(positive, score):.2f} ({ends[0]:.2f} to {ends[1]:.2f}), "
            f"{positive.sum()} of {len(positive)}",
        )
    return figure


def calibration(predictions: pd.DataFrame) -> Figure:
    """Observed share against mean predicted probability, in bins of equal size, with Wilson intervals."""
    table = judged(predictions)
    if table.empty:
        return card("Calibration", NO_OUTCOME)
    names = classes_shown(table)
    figure, axes = panels(len(names), 3.3, 3.5)
    for ax, (name, hue) in zip(axes, colour(names).items(), strict=True):
        positive, score = (table["observed"] == name).to_numpy(), table[f"p_{name}"].to_numpy(dtype=float)
        bins = stats.calibration_bins(positive, score, 8)
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
        ax.vlines(bins["mean"], bins["lower"], bins["upper"], color=hue, lw=1.4)
        ax.plot(bins["mean"], bins["observed"], "o-", color=hue, ms=5, lw=1)
        ax.set(
            xlabel="Predicted probability",
            ylabel="Observed share",
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
            aspect="equal",
            title=f"{name}, n = {len(positive)}\ncalibration error {stats.calibration_error(bins):.2f}",
        )
    return figure


def confusion(predictions: pd.DataFrame) -> Figure:
    """Recorded against predicted class, abstentions in a column of their own; colour: share of the row."""
    known = predictions[(predictions["observed"] != "") & (predictions["fold"] != "apply")]
    if known.empty:
        return card("Confusion", NO_OUTCOME)
    said = known["predicted"].where(~known["abstained"].astype(bool), "no prediction")
    names = sorted(set(known["observed"]) | (set(said) - {"no prediction", ""}))
    columns = [*names, *(["no prediction"] if (said == "no prediction").any() else [])]
    counts = pd.crosstab(known["observed"], said).reindex(index=names, columns=columns, fill_value=0).to_numpy()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = panels(1, 2.2 + 0.8 * len(columns), 1.6 + 0.6 * len(names))
    ax = axes[0]
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), n in np.ndenumerate(counts):
        ax.text(
            j,
            i,
            f"{n}\n{100 * share[i, j]:.0f} %",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if share[i, j] > 0.55 else "#1B2530",
        )
    ax.set_xticks(range(len(columns)), columns, rotation=30 if max(map(len, columns)) > 14 else 0)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    ax.set(xlabel="Predicted", ylabel="Recorded", title=f"Out-of-fold predictions, n = {len(known)}")
    return figure


def leaderboard(table: pd.DataFrame, metric: str) -> Figure:
    """Every model's main metric with its 95 % interval: shipped, candidates, baselines, controls."""
    rows = table[(table["metric"] == metric) & table["value"].notna() & (table["role"] != "stress")].copy()
    if rows.empty:
        return card("Leaderboard", f"no {metric_name(metric)} was computed")
    rows["order"] = rows["role"].map({r: i for i, r in enumerate(ROLES)}).fillna(9)
    rows["merit"] = rows["value"] * (-1 if rows["better"].iloc[0] == "higher" else 1)
    rows = rows.sort_values(["order", "merit", "model", "modalities"]).reset_index(drop=True)
    figure, axes = panels(1, 8.4, 1.3 + 0.3 * len(rows))
    ax = axes[0]
    if CHANCE.get(metric) is not None:
        ax.axvline(CHANCE[metric], color=GREY, lw=0.9, ls="--")
    shipped = rows[rows["role"] == "shipped"]["value"]
    if len(shipped):
        ax.axvline(shipped.iloc[0], color=ROLES["shipped"], lw=0.7, alpha=0.5)
    for i, row in enumerate(rows.itertuples()):
        hue = ROLES.get(str(row.role), GREY)
        ax.hlines(i, row.lower, row.upper, color=hue, lw=2)
        ax.plot(row.value, i, "s" if row.role == "shipped" else "o", color=hue, ms=7 if row.role == "shipped" else 5)
        ax.annotate(f"{row.value:.2f}", (1.01, i), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    ax.set_yticks(range(len(rows)), [label(r) for r in rows.itertuples()], fontsize=8.5)
    ax.invert_yaxis()
    direction = rows["better"].iloc[0]
    ax.set(
        xlabel=f"{metric_name(metric)}, 95 % interval ({direction} is better)",
        title=f"All models on the same outer folds, n = {int(rows['n'].max())}",
    )
    handles = [ax.plot([], [], "o", color=h, label=r)[0] for r, h in ROLES.items() if (rows["role"] == r).any()]
    figure.legend(handles=handles, loc="outside upper right", ncols=4)
    return figure


def label(row: object) -> str:
    """Name of a model in a figure: with its block, or how many."""
    model, modalities = str(getattr(row, "model", "")), str(getattr(row, "modalities", ""))
    model = model.replace("_", " ")
    blocks = [m for m in modalities.split(", ") if "/" in m]
    if not blocks:
        return f"{model}: all blocks" if modalities == "all blocks" else NAMES.get(model, model)
    return f"{model}: {blocks[0]}" if len(blocks) == 1 else f"{model}: {len(blocks)} blocks"


def observed_predicted(predictions: pd.DataFrame, observed: pd.Series, outcome: str) -> Figure:
    """Predicted value with its 90 % interval against the recorded one (regression)."""
    truth = pd.to_numeric(observed, errors="coerce")
    known = predictions[predictions["value"].notna() & truth.notna().to_numpy() & (predictions["fold"] != "apply")]
    if known.empty:
        return card("Predicted against recorded", NO_OUTCOME)
    x = truth.loc[known.index].astype(float)
    figure, axes = panels(1, 4.6, 4.0)
    axes[0].vlines(x, known["lower"], known["upper"], color=COLOURS[0], alpha=0.25, lw=1)
    axes[0].plot(x, known["value"], "o", color=COLOURS[0], ms=4)
    ends = [float(min(x.min(), known["value"].min())), float(max(x.max(), known["value"].max()))]
    axes[0].plot(ends, ends, color=GREY, lw=0.8, ls="--")
    axes[0].set(
        xlabel=f"{outcome}, recorded",
        ylabel=f"{outcome}, predicted (90 % interval)",
        title=f"Out-of-fold, n = {len(known)}",
    )
    return figure
