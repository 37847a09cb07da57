"""Runs of homozygosity of the cohort: how many, how long, and the long ones apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from consilium.report.figures.style import COLOURS, GREY, card, colour, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUSINS = 1 / 16  # of the genome of a child of first cousins, on average
_NAMED = 5  # patients with most in long runs whose names stand beside their dots
_MANY = 2000  # dots beyond which vector formats are filled with a picture instead


def runs(table: pd.DataFrame, ancestry: pd.DataFrame) -> Figure:
    """Total length against number of runs per patient, of all runs and of those of 5 Mb and longer.

    table: homozygosity; ancestry: whose population colours the dots. Patients whose runs were not assessed are counted
    in the title.
    """
    known = table[table["f_roh"].notna()]
    if known.empty:
        return card("Runs of homozygosity", "no patient had enough called sites" if len(table) else "no genotypes")
    without = len(table) - len(known)
    more = f", {without} not assessed" if without else ""
    if not known["n_runs"].any():
        return card("Runs of homozygosity", f"Nobody has a run of 1.5 Mb or longer (n = {len(known)}{more})", lead="")
    population = ancestry.set_index("patient")["population"].dropna() if len(ancestry) else pd.Series(dtype=object)
    known = known.assign(population=known["patient"].map(population).fillna("not assessed"))
    names = sorted(set(known["population"]) - {"not assessed"})
    hues = {**colour(names), "not assessed": GREY}
    figure, (left, right) = panels(2, 4.4, 3.6)
    for ax, count, length in ((left, "n_runs", "total_mb"), (right, "n_long", "long_mb")):
        for name in (n for n in (*names, "not assessed") if (known["population"] == n).any()):
            part = known[known["population"] == name]
            ax.scatter(part[count], part[length], s=20, color=hues[name], label=f"{name} ({len(part)})",
                       rasterized=len(known) > _MANY)  # fmt: skip
        most = max(known[count].max(), 1), max(known[length].max(), 1)
        ax.set(xlim=(-0.03 * most[0], 1.1 * most[0]), ylim=(-0.03 * most[1], 1.1 * most[1]))
        ax.xaxis.get_major_locator().set_params(integer=True)
    left.set(xlabel="Runs of 1.5 Mb and longer", ylabel="Their length together (Mb)", title=f"n = {len(known)}{more}")
    long = "Long runs" if known["n_long"].any() else "Long runs: nobody has any"
    right.set(xlabel="Runs of 5 Mb and longer", ylabel="Their length together (Mb)", title=long)
    _name_longest(right, known)
    _cousins(right, known)
    left.legend(title="population")
    return figure


def _name_longest(ax: Axes, known: pd.DataFrame) -> None:
    for row in known[known["n_long"] > 1].nlargest(_NAMED, "long_mb").itertuples():
        ax.annotate(str(row.patient), (row.n_long, row.long_mb), xytext=(0, 5), fontsize=8,
                    textcoords="offset points", ha="center")  # fmt: skip


def _cousins(ax: Axes, known: pd.DataFrame) -> None:
    """The length to be expected in children of first cousins, in the genome that was looked at."""
    expected = COUSINS * float(known["spanned_mb"].median())
    if known["long_mb"].max() > 0.3 * expected:
        ax.set_ylim(top=max(ax.get_ylim()[1], 1.15 * expected))
        ax.axhline(expected, color=COLOURS[5], lw=1, ls=":")
        ax.annotate("children of first cousins, on average", (0.01, expected), xycoords=("axes fraction", "data"),
                    xytext=(0, 3), textcoords="offset points", fontsize=8, color=COLOURS[5])  # fmt: skip
