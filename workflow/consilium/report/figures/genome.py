"""Figures of the genomics room: quality, ancestry, kinship, pharmacogenes, polygenic scores."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from consilium.report.facts_genome import NOTHING_TESTED
from consilium.report.figures.style import COLOURS, GREY, VERDICTS, card, colour, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 2000  # points beyond which vector formats are filled with a picture instead
DEGREES = ((0.354, "duplicate"), (0.177, "first degree"), (0.0884, "second degree"), (0.0442, "third degree"))


def genotype_quality(samples: pd.DataFrame, identity: pd.DataFrame) -> Figure:
    """Call rate against heterozygosity, X heterozygosity by sex, and reads against genotypes."""
    if samples.empty:
        return card("Genotype quality", "no genotypes")
    figure, axes = panels(3 if len(identity) else 2)
    for verdict, part in samples.groupby("verdict", sort=True):
        axes[0].scatter(
            100 * part["missing_rate"],
            part["het_rate"],
            s=22,
            color=VERDICTS.get(str(verdict), GREY),
            label=f"{verdict} ({len(part)})",
            rasterized=len(samples) > MANY,
        )
    axes[0].set(xlabel="Sites without a call (%)", ylabel="Heterozygous share", title=f"Genotypes, n = {len(samples)}")
    axes[0].legend()
    _sex_panel(axes[1], samples)
    if len(identity):
        _identity_panel(axes[2], identity)
    return figure


def _sex_panel(ax: Axes, samples: pd.DataFrame) -> None:
    known = samples[samples["x_het_rate"].notna()]
    order = [s for s in ("female", "male", "unknown") if (known["sex_sheet"] == s).any()]
    for i, sex in enumerate(order):
        part = known[known["sex_sheet"] == sex]
        wrong = (
            (part["sex_inferred"] != part["sex_sheet"])
            & part["sex_inferred"].isin(["female", "male"])
            & (sex != "unknown")
        )
        place = i + 0.5 * (spread(len(part)) - 0.5)
        for mask, hue, label in ((~wrong, COLOURS[0], "agrees"), (wrong, COLOURS[5], "differs")):
            if mask.any():
                ax.scatter(
                    place[mask.to_numpy()],
                    part["x_het_rate"][mask],
                    s=22,
                    color=hue,
                    label=label,
                    rasterized=len(known) > MANY,
                )
    ax.set_xticks(range(len(order)), order)
    ax.set(xlabel="Sex in patient sheet", ylabel="Heterozygous share of X calls", title=f"Sex check, n = {len(known)}")
    labels = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(labels.values(), labels.keys(), title="sex from X")


def spread(n: int) -> np.ndarray:
    """Places between 0 and 1 that do not clump: the golden-ratio sequence."""
    return np.modf(np.arange(n) * 0.618033988749895)[0]


def _identity_panel(ax: Axes, identity: pd.DataFrame) -> None:
    shown = identity[identity["concordance"].notna() & identity["contamination"].notna()]
    hues = {"match": COLOURS[0], "swap": COLOURS[5]}
    for verdict, part in shown.groupby("verdict", sort=True):
        ax.scatter(
            100 * part["contamination"],
            100 * part["concordance"],
            s=26,
            color=hues.get(str(verdict), GREY),
            label=f"{verdict} ({len(part)})",
        )
    odd = shown[(shown["verdict"] == "swap") | (shown["contamination_verdict"] == "contaminated")]
    # Names of points that lie on one another share a line.
    near = [100 * odd["contamination"].round(2), 100 * odd["concordance"].round(1)]
    for _, part in odd.groupby(near):
        ax.annotate(
            ", ".join(part["patient"]),
            (100 * part["contamination"].max(), 100 * part["concordance"].max()),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
        )
    ax.set(
        xlabel="Foreign reads, estimated (%)",
        ylabel="Genotypes that agree (%)",
        title=f"Reads against genotypes, n = {len(shown)}",
    )
    if len(shown):
        ax.legend()
    else:
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "Not assessed:\nno reads beside genotypes", ha="center", va="center", transform=ax.transAxes)


def ancestry(table: pd.DataFrame) -> Figure:
    """Principal components of the cohort's genotypes and the posterior over the reference populations."""
    known = table[table["probability"].notna()]
    if known.empty:
        return card("Ancestry", "no patient had enough reference sites")
    names = sorted(c[2:] for c in known.columns if c.startswith("p_"))
    hues = colour(names)
    spaces = [
        (prefix, said)
        for prefix, said in (("ref_PC", "Reference's components"), ("PC", "Cohort's own components"))
        if {f"{prefix}1", f"{prefix}2"} <= set(known.columns) and known[f"{prefix}1"].notna().any()
    ]
    figure, axes = panels(len(spaces) + 1, 4.4 if len(spaces) < 2 else 3.7, 3.5)
    for ax, (prefix, said) in zip(axes, spaces, strict=False):
        _components(ax, known[known[f"{prefix}1"].notna()], prefix, said, hues)
    posterior = known[[f"p_{n}" for n in names]].fillna(0).to_numpy()
    order = np.lexsort((-posterior.max(axis=1), posterior.argmax(axis=1)))
    bottom = np.zeros(len(known))
    for i, name in enumerate(names):
        heights = posterior[order, i]
        axes[-1].bar(range(len(known)), heights, bottom=bottom, width=1.0, color=hues[name], label=name)
        bottom += heights
    axes[-1].set(
        xlabel="Patients, by most likely population",
        ylabel="Posterior",
        ylim=(0, 1),
        xlim=(-0.5, len(known) - 0.5),
        title=f"Posterior over populations, n = {len(known)}",
    )
    axes[-1].set_xticks([])
    if not spaces:
        axes[-1].legend()
    return figure


def _components(ax: Axes, known: pd.DataFrame, prefix: str, said: str, hues: dict[str, str]) -> None:
    """First two components by most likely population."""
    for name, part in known.groupby("population", sort=True):
        ax.scatter(
            part[f"{prefix}1"], part[f"{prefix}2"], s=22, color=hues.get(str(name), GREY),
            label=f"{name} ({len(part)})", rasterized=len(known) > MANY,
        )  # fmt: skip
    ax.set(xlabel="PC 1 (arbitrary units)", ylabel="PC 2 (arbitrary units)", title=f"{said}, n = {len(known)}")
    ax.legend()


def kinship(table: pd.DataFrame, n_patients: int) -> Figure:
    """Every related pair, by kinship coefficient; hollow where the patient sheet names no common family."""
    if table.empty:
        return card("Kinship", f"no pair of {n_patients} patients at or above 0.0442 (third degree)")
    ordered = table.sort_values(["kinship", "patient_a", "patient_b"], ascending=[False, True, True]).head(40)
    hues = colour([name for _, name in DEGREES])
    apart = "ibs0" in table.columns
    height = 1.4 + 0.22 * len(ordered)
    figure, axes = panels(2, 5.2, max(3.4, height)) if apart else panels(1, 6.6, height)
    if apart:
        _opposite(axes[1], table, hues)
    ax = axes[0]
    # Labels stand right of the lower limit of their degree.
    for low, name in DEGREES:
        ax.axvline(low, color=GREY, lw=0.8, ls=":")
        ax.text(low, -0.9, f" {name.replace(' degree', '')}", fontsize=8, ha="left", va="bottom", color="#55636F")
    for i, row in enumerate(ordered.itertuples()):
        hue = hues.get(str(row.relationship), GREY)
        ax.plot([0, row.kinship], [i, i], color="#D9DFE4", lw=1, zorder=1)
        ax.scatter(
            [row.kinship],
            [i],
            s=38,
            zorder=2,
            edgecolor=hue,
            linewidth=1.6,
            facecolor=hue if row.same_family_in_sheet else "white",
        )
    ax.set_yticks(range(len(ordered)), [f"{r.patient_a}, {r.patient_b}" for r in ordered.itertuples()], fontsize=8)
    ax.set(xlim=(0, 0.54), ylim=(len(ordered) - 0.4, -1.0), xlabel="KING-robust kinship coefficient")
    ax.set_title(
        f"Related pairs: {len(table)}, among n = {n_patients} patients\n(hollow: not one family in the sheet)", pad=12
    )
    return figure


def _opposite(ax: Axes, table: pd.DataFrame, hues: dict[str, str]) -> None:
    """Kinship against the share of sites without a common allele: parent and child have none, siblings some."""
    for name, part in table.groupby("relationship", sort=True):
        ax.scatter(
            100 * part["ibs0"], part["kinship"], s=26, color=hues.get(str(name), GREY), label=f"{name} ({len(part)})",
            rasterized=len(table) > MANY,
        )  # fmt: skip
    ax.set(xlabel="Sites without a common allele (%)", ylabel="KING-robust kinship coefficient",
           title=f"Kind of kinship, n = {len(table)} pairs")  # fmt: skip
    ax.legend()


_PHENOTYPE_HUES = (
    ("not called", "#D5DADE"),
    ("several", "#9AA5AE"),
    ("ultrarapid", "#6B3E8E"),
    ("rapid", "#CC79A7"),
    ("increased", "#CC79A7"),
    ("intermediate", "#56B4E9"),
    ("decreased", "#E69F00"),
    ("poor", "#D55E00"),
    ("normal", "#009E73"),
)


def pharmacogenes(table: pd.DataFrame) -> Figure:
    """Patients per phenotype and gene; a call that leaves several phenotypes open is counted as such.

    Genes of which nobody has a defining position are named below the bars.
    """
    covered = table.loc[table["reason"] != NOTHING_TESTED, "gene"].unique()
    if not len(covered):
        return card("Pharmacogenes", "no gene was called")
    absent = sorted(set(table["gene"]) - set(covered))
    table = table[table["gene"].isin(covered)]
    said = table["phenotypes"].where(table["phenotypes"] != "", "not called")
    said = said.where(~said.str.contains(" or "), "several possible")
    counts = pd.crosstab(table["gene"], said)
    figure, axes = panels(1, 7.2, 1.5 + 0.36 * len(counts))
    ax = axes[0]
    columns = sorted(counts.columns, key=lambda c: (c in ("several possible", "not called"), c == "not called", c))
    left = np.zeros(len(counts))
    used: dict[str, int] = {}
    for name in columns:
        hue = next((h for key, h in _PHENOTYPE_HUES if key in name.lower()), COLOURS[6])
        # Hatching tells apart what has no colour of its own.
        repeat = used[hue] = used.get(hue, -1) + 1 if hue == COLOURS[6] else 0
        widths = counts[name].to_numpy()
        ax.barh(
            range(len(counts)),
            widths,
            left=left,
            color=hue,
            edgecolor="white",
            label=name,
            hatch=("", "//", "..", "xx")[min(repeat, 3)],
        )
        left += widths
    ax.set_yticks(range(len(counts)), counts.index)
    ax.invert_yaxis()
    note = "no defining position in anybody's files: " + ", ".join(absent) if absent else ""
    ax.set_xlabel("\n".join(["Patients", *wrap(note, 60)]))
    ax.set_title(f"Pharmacogene phenotypes, n = {table['patient'].nunique()}")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def polygenic(table: pd.DataFrame, populations: pd.DataFrame) -> Figure:
    """Distribution of each score, by most likely population: scores do not compare between populations."""
    known = table[table["sum"].notna()]
    if known.empty:
        return card("Polygenic scores", "no score could be computed")
    of = dict(zip(populations["patient"], populations["population"], strict=True))
    scores = sorted(set(known["score"]))[:9]
    figure, axes = panels(len(scores), 4.4 if len(scores) < 3 else 3.4)
    names = sorted({of.get(p, "not assessed") for p in known["patient"]})
    hues = colour(names)
    for ax, score in zip(axes, scores, strict=True):
        part = known[known["score"] == score]
        groups = [part[[of.get(p, "not assessed") == n for p in part["patient"]]]["sum"] for n in names]
        edges = np.histogram_bin_edges(part["sum"].astype(float), bins=min(24, max(6, len(part) // 5)))
        ax.hist(
            groups, bins=edges, stacked=True, color=[hues[n] for n in names], label=names, edgecolor="white", lw=0.4
        )
        ax.set(
            xlabel="Score sum (score units)",
            ylabel="Patients",
            title=f"{score}, n = {len(part)}\n{100 * part['overlap'].iloc[0]:.0f} % of its variants used",
        )
    axes[0].legend(title="population")
    return figure
