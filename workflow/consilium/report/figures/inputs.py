"""Figures of what came in: the missing-modality map, image quality, refused files."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from consilium.core.errors import parted
from consilium.report.figures.genome import spread
from consilium.report.figures.style import GREY, VERDICTS, card, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRICS_A_KIND = 5
MOST_FILES = 24


def missing_map(present: pd.DataFrame) -> Figure:
    """Which patient has which feature block. present: (patient, block) bool; patients sorted by pattern."""
    if present.empty or not len(present.columns):
        return card("Data by patient", "no feature block")
    from matplotlib.colors import ListedColormap

    ordered = present.sort_values(list(present.columns), ascending=False, kind="stable")
    figure, axes = panels(1, 7.4, 1.4 + 0.3 * len(present.columns))
    ax = axes[0]
    ax.imshow(ordered.to_numpy(dtype=float).T, aspect="auto", interpolation="nearest", vmin=0, vmax=1,
              cmap=ListedColormap(["#ECEFF1", "#0072B2"]))  # fmt: skip
    labels = [f"{c}   {int(present[c].sum())}" for c in present.columns]
    ax.set_yticks(range(len(labels)), labels, fontsize=9)
    ax.set_yticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    ax.grid(which="minor", axis="y", color="white", lw=2)
    ax.tick_params(which="both", length=0)
    ax.set_xticks([])
    ax.set(
        xlabel="Patients, sorted by pattern",
        title=f"Usable feature blocks (blue) and how many patients have them, n = {len(present)}",
    )
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def image_quality(table: pd.DataFrame) -> Figure:
    """Quality metrics of each kind of image that differ between samples, one dot a sample, by the sample's verdict."""
    if table.empty:
        return card("Image quality", "no image could be judged")
    metrics = {str(kind): _telling(part) for kind, part in table.groupby("kind", sort=True)}
    width = max(map(len, metrics.values()))  # one row of panels a kind
    shown = [(k, m[i] if i < len(m) else "") for k, m in metrics.items() for i in range(width)]
    figure, axes = panels(len(shown), 2.1, 2.3, most=width)
    for ax, (kind, metric) in zip(axes, shown, strict=True):
        if not metric:
            ax.set_axis_off()
            continue
        part = table[(table["kind"] == kind) & (table["metric"] == metric)]
        known = part[part["value"].notna()]
        for verdict, some in known.groupby("verdict", sort=True):
            ax.scatter(
                spread(len(some)), some["value"], s=16, color=VERDICTS.get(str(verdict), GREY), label=str(verdict)
            )
        unit = next((u for u in known["unit"] if u), "")
        better = part["better"].iloc[0]
        ax.set(xlim=(-0.3, 1.3), xticks=[], title=f"{kind}, n = {len(known)}",
               ylabel=metric.replace("_", " ") + (f" ({unit})" if unit else ""))  # fmt: skip
        ax.set_xlabel(
            f"{better} is better" if better in ("higher", "lower") else str(better), fontsize=8, color="#55636F"
        )
    handles: dict[Any, Any] = {}
    for ax in axes:
        handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=3)
    return figure


def _telling(part: pd.DataFrame) -> list[str]:
    """The first metrics of a kind that are not the same in all samples; where all are, the first of them."""
    spread_of = part.groupby("metric", sort=False)["value"].nunique()
    return [str(m) for m in spread_of.index[spread_of > 1]][:METRICS_A_KIND] or [str(spread_of.index[0])]


def quarantine(table: pd.DataFrame) -> Figure:
    """The refused files as a table picture; the full list is quarantine.tsv."""
    if table.empty:
        return card("Refused files", "nothing: every input file could be used")
    lines: list[tuple[str, ...]] = []
    for row in table.head(MOST_FILES).itertuples():
        found = parted(str(row.cause))[0]
        where = f"{row.file}:{row.line}" if row.line else str(row.file)
        parts = (textwrap.wrap(where, 34) or [""], textwrap.wrap(found, 58) or [""])
        for i in range(max(map(len, parts))):
            who = "cohort" if row.patient == "*" else str(row.patient)
            lines.append(
                (*((str(row.room), who) if i == 0 else ("", "")), *(p[i] if i < len(p) else "" for p in parts))
            )
    figure, axes = panels(1, 9.2, 0.9 + 0.22 * len(lines))
    ax = axes[0]
    ax.set_axis_off()
    more = f", the first {MOST_FILES} shown" if len(table) > MOST_FILES else ""
    ax.set_title(f"Refused files and rows: {len(table)}{more}")
    for column, (x, head) in enumerate(((0, "room"), (0.09, "patient"), (0.2, "file"), (0.52, "cause"))):
        ax.text(x, 1, head, transform=ax.transAxes, fontsize=9, fontweight="bold", va="top")
        for i, cells in enumerate(lines):
            ax.text(x, 1 - (i + 1) / (len(lines) + 1), cells[column], transform=ax.transAxes, fontsize=8, va="top")
    return figure
