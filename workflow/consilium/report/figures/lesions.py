"""Figure of predicted lesions: agreement with the experts' masks, and the pictures of three cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from consilium.report.figures.genome import spread
from consilium.report.figures.style import card

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def agreement(table: pd.DataFrame, picture: Path) -> Figure:
    """Dice of every patient with an expert's mask, predicted against expert volume, and best, median, worst case.

    table: "segmentation" of the contract. picture: PNG of the three cases, as the imaging room drew it.
    """
    judged = table[table["dice"].notna()]
    if judged.empty:
        return card("Predicted lesions", f"{len(table)} patients predicted, no expert's mask to compare with")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(7.4, 9.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 2.6), width_ratios=(1, 1.6))
    dice, volume, cases = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, :])
    dice.scatter(spread(len(judged)), judged["dice"], s=16, color="#0072B2")
    dice.axhline(judged["dice"].mean(), color="#D55E00", lw=1.2)
    dice.set(xlim=(-0.3, 1.3), ylim=(-0.03, 1.03), xticks=[], ylabel="Dice",
             title=f"n = {len(judged)}, mean {judged['dice'].mean():.3f}")  # fmt: skip
    most = float(np.nanmax(judged[["volume_ml", "expert_volume_ml"]].to_numpy(dtype=float)))
    volume.plot([0, most], [0, most], color="#90A4AE", lw=1)
    volume.scatter(judged["expert_volume_ml"], judged["volume_ml"], s=16, color="#0072B2")
    volume.set(xlabel="Expert's volume (ml)", ylabel="Predicted (ml)", title="Volume")
    cases.set_axis_off()
    if picture.exists():
        cases.imshow(plt.imread(picture))
    return figure
