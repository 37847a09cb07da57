"""Figure of the patients' strata: where they lie, and how clear they are against a reference without groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consilium.report.figures.style import COLOURS, GREY, card, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def strata(table: pd.DataFrame, facts: dict[str, Any]) -> Figure:
    """Left: patients on the first two components of what the models say. Right: share of unclear pairs by number."""
    if not facts.get("tried") or table.empty:
        return card("Strata", facts.get("reason") or "no strata were looked for")
    figure, (left, right) = panels(2, 4.2, 3.6)
    names = sorted(set(table["stratum"]) - {""}, key=int)
    for i, name in enumerate(names or [""]):
        own = table[table["stratum"] == name]
        hue = COLOURS[i % len(COLOURS)] if name else GREY
        label = f"stratum {name}, n = {len(own)}" if name else f"no stable strata, n = {len(own)}"
        left.plot(own["axis_1"], own["axis_2"], "o", color=hue, ms=4.5, alpha=0.75, label=label)
    left.set(
        xlabel="First component of the evidence",
        ylabel="Second component",
        title=f"Patients, out of fold, n = {len(table)}",
    )
    tried = facts["tried"]
    ks = [t["k"] for t in tried]
    right.plot(ks, [t["pac"] for t in tried], "o-", color=COLOURS[0], label="these patients")
    right.plot(ks, [t["reference_pac"] for t in tried], "s--", color=GREY, label="without groups (mean)")
    for t in tried:
        right.annotate(f"p {t['p']:.2f}", (t["k"], t["pac"]), xytext=(0, -13), textcoords="offset points", fontsize=8,
                       ha="center")  # fmt: skip
    right.set(xlabel="Number of groups", ylabel="Share of unclear pairs (PAC)", ylim=(-0.12, 1.06), xticks=ks,
              title="Clearer than without groups?")  # fmt: skip
    right.margins(x=0.12)
    for ax in (left, right):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return figure
