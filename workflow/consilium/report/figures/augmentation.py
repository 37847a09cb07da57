"""Figure of the ablation: what made training rows change, arm by arm, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from consilium.report.figures.style import COLOURS, GREY, card, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"classic": "noise, movement", "mixup": "mixup within class", "gan": "conditional GAN",
         "gan_classic": "GAN and noise"}  # fmt: skip
LEARNERS = {"network": "Network (decides)", "ridge": "Ridge (beside it)"}


def ablation(table: pd.DataFrame, draws: pd.DataFrame) -> Figure:
    """AUC of each arm less that without made rows: dots are halves (mean over seeds), lines corrected 95 % intervals.

    table, draws: "augmentation" and "augmentation_draws" of the contract.
    """
    arms = [a for a in NAMES if (table["arm"] == a).any()]
    if not arms:
        return card("Augmentation", "no ablation was run, or the outcome allows none")
    learners = [m for m in LEARNERS if (table["learner"] == m).any()]
    figure, axes = panels(len(learners), 5.6, 1.5 + 0.55 * len(arms), most=1)
    for ax, learner in zip(axes, learners, strict=True):
        own = table[table["learner"] == learner].set_index("arm")
        single = _differences(draws[draws["learner"] == learner])
        ax.axvline(0, color=GREY, lw=0.9, ls="--")
        for i, arm in enumerate(arms):
            row = own.loc[arm]
            hue = COLOURS[2] if row["accepted"] else COLOURS[5]
            dots = single[single["arm"] == arm]["difference"]
            ax.plot(dots, [i + 0.22] * len(dots), "o", color=GREY, ms=3.2, alpha=0.7)
            ax.hlines(i, row["lower"], row["upper"], color=hue, lw=2)
            ax.plot(row["difference"], i, "s" if row["accepted"] else "o", color=hue, ms=6)
            said = f"{row['difference']:+.3f}  {'accepted' if row['accepted'] else 'rejected'}"
            ax.annotate(said, (1.01, i), xycoords=("axes fraction", "data"), va="center", fontsize=8.5)
        ax.set_yticks(range(len(arms)), [NAMES[a] for a in arms])
        ax.set_ylim(len(arms) - 0.4, -0.6)
        ax.set(xlabel="AUC less AUC without made rows (higher is better)",
               title=f"{LEARNERS[learner]}: AUC {own.loc['none', 'auc']:.3f} without, {_halves(draws)}")  # fmt: skip
    return figure


def _differences(draws: pd.DataFrame) -> pd.DataFrame:
    """(arm, repeat, half, difference), each the mean over seeds."""
    means = draws.groupby(["arm", "repeat", "half"], sort=True)["auc"].mean().reset_index()
    none = means[means["arm"] == "none"].drop(columns="arm").rename(columns={"auc": "none"})
    both = means.merge(none, on=["repeat", "half"])
    return both.assign(difference=both["auc"] - both["none"])


def _halves(draws: pd.DataFrame) -> str:
    splits, seeds = draws[["repeat", "half"]].drop_duplicates(), draws["seed"].nunique()
    return f"{len(splits)} halves x {seeds} seed{'s' if seeds > 1 else ''}"
