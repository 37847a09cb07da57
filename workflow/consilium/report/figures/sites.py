"""Figure of the cohort's sites: frequencies, gaps, transitions per transversion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from consilium.report.figures.style import COLOURS, GREY, VERDICTS, card, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40


def site_quality(variants: Iterable[pd.DataFrame], samples: pd.DataFrame) -> Figure:
    """Frequency of the alternative allele, share of patients without a call (both over sites), Ti/Tv by patient.

    variants: alt, alt_freq and missing_rate of the sites, in parts.
    """
    empty = np.empty(0)
    frequencies, gaps = [empty], [empty]
    for part in variants:
        frequencies.append(part.loc[part["alt"] != "", "alt_freq"].dropna().to_numpy(dtype=float))
        gaps.append(part["missing_rate"].to_numpy(dtype=float))
    frequency, missing = np.concatenate(frequencies), 100 * np.concatenate(gaps)
    if not len(missing):
        return card("Sites", "the cohort has no site")
    figure, axes = panels(3)
    _bars(axes[0], frequency, "Frequency of the alternative allele", f"Frequencies, n = {len(frequency)} variants")
    _bars(axes[1], missing, "Patients without a call (%)", f"Calls, n = {len(missing)} sites")
    axes[1].axvline(10, color=GREY, lw=0.8, ls=":")
    _ratios(axes[2], samples[samples["titv"].notna()])
    return figure


def _bars(ax: Axes, values: np.ndarray, label: str, title: str) -> None:
    top = float(values.max(initial=0)) or 1.0
    counts, edges = np.histogram(values, bins=_BINS, range=(0, top))
    ax.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=COLOURS[0], edgecolor="white", lw=0.3)
    if counts.max(initial=0) > 20 * max(1, int(np.median(counts))):
        ax.set_yscale("log")
        ax.set_ylim(bottom=0.7)
    ax.set(xlabel=label, ylabel="Sites", title=title)


def _ratios(ax: Axes, samples: pd.DataFrame) -> None:
    for verdict, part in samples.groupby("verdict", sort=True):
        ax.scatter(part["titv"], part["n_singletons"], s=22, color=VERDICTS.get(str(verdict), GREY),
                   label=f"{verdict} ({len(part)})", rasterized=len(samples) > 2000)  # fmt: skip
    ax.set(xlabel="Transitions per transversion", ylabel="Alleles of this patient alone",
           title=f"Patients, n = {len(samples)}")  # fmt: skip
    if len(samples):
        ax.legend()
