"""One look for all figures: colours that colour-blind readers tell apart, readable sizes, no run-dependent bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito, Color Universal Design, 2008.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C7B00", "#000000")
GREY = "#9AA5AE"
VERDICTS = {"keep": "#0072B2", "flag": "#E69F00", "exclude": "#D55E00"}
RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 10.5, "axes.labelsize": 10, "legend.fontsize": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#5A6770", "axes.titlelocation": "left",
    "xtick.color": "#3A444B", "ytick.color": "#3A444B", "axes.labelcolor": "#1B2530", "text.color": "#1B2530",
    "legend.frameon": False, "figure.facecolor": "white", "savefig.facecolor": "white", "figure.dpi": 100,
    "svg.hashsalt": "consilium", "svg.fonttype": "path", "axes.unicode_minus": True,
}  # fmt: skip
DPI = 140


@contextmanager
def applied() -> Iterator[None]:
    """The look, for the duration of drawing and saving."""
    import matplotlib

    with matplotlib.rc_context(RC):
        yield


def panels(n: int, width: float = 3.4, height: float = 3.2, most: int = 3) -> tuple[Any, list[Any]]:
    """A figure of `n` panels in rows of at most `most`; sizes in inches of one panel."""
    from matplotlib.figure import Figure

    columns = max(1, min(n, most))
    rows = max(1, math.ceil(n / columns))
    figure = Figure(figsize=(max(width * columns, 4.6), height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for extra in axes[n:]:
        extra.set_axis_off()
    return figure, axes[:n]


def card(title: str, why: str, lead: str = "Not assessed: ") -> Figure:
    """A figure in place of one that has nothing to show. lead: "" where something was assessed and nothing found."""
    figure, axes = panels(1, 6.4, 1.5)
    axes[0].set_axis_off()
    axes[0].set_title(title)
    axes[0].text(0, 0.5, f"{lead}{why}.", transform=axes[0].transAxes, color="#55636F", va="center")
    return figure


def colour(names: Sequence[str]) -> dict[str, str]:
    """A colour a name, by its place in the sequence."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def save(figure: Figure, folder: Path, name: str) -> None:
    """PNG and SVG without date or program name: the same data give the same bytes."""
    from consilium.core.store import atomic

    figure.set_dpi(DPI)
    engine = figure.get_layout_engine()
    if engine is not None:
        # Laid out once, here; with an engine both files would be drawn twice, the first time only to lay out.
        engine.execute(figure)
        figure.set_layout_engine(None)
    with atomic(folder / f"{name}.png") as path:
        figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None})
    with atomic(folder / f"{name}.svg") as path:
        figure.savefig(path, dpi=RC["figure.dpi"], format="svg", metadata={"Date": None, "Creator": None})
