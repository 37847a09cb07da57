"""Sex from the depth of X and Y relative to the autosomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from consilium.genomics.intake.build import BUILD, CONTIGS, LENGTHS, in_par
from consilium.genomics.reads.regions import Window

_EVEN = 0.15  # largest relative spread of the autosomes' depth in reads over the whole genome
_READS = 20_000  # reads needed on the autosomes together
_WINDOWS = {"chrX": 20, "chrY": 5}
_AUTOSOMAL_WINDOWS = 100
# Relative depth of X is 1 in women and 1/2 in men; of Y next to nothing and up to 1/2 (much of Y cannot be mapped to).
_X_FEMALE, _X_MALE, _Y_FEMALE, _Y_MALE = 0.8, 0.7, 0.1, 0.2


@dataclass(frozen=True)
class SexByDepth:
    """x, y: depth relative to the autosomes, NaN where not assessed; sex: female, male or unknown, with `reason`."""

    x: float
    y: float
    sex: str
    reason: str


def from_contigs(reads: Mapping[str, int]) -> SexByDepth | None:
    """By mapped reads per chromosome; None where they do not lie evenly over the genome (targets, a piece of it)."""
    rate = {c: reads.get(c, 0) / LENGTHS[BUILD][c] for c in CONTIGS}
    autosomes = np.array([rate[c] for c in CONTIGS[:22]])
    middle = float(np.median(autosomes))
    if sum(reads.get(c, 0) for c in CONTIGS[:22]) < _READS or middle == 0:
        return None
    if 1.4826 * float(np.median(np.abs(autosomes / middle - 1))) > _EVEN or autosomes.min() < middle / 2:
        return None
    return verdict(rate["chrX"] / middle, rate["chrY"] / middle)


def from_windows(windows: Sequence[Window], depth: Sequence[float]) -> SexByDepth:
    """By the median depth of windows outside the pseudo-autosomal regions (targets of an exome or panel)."""
    values: dict[str, list[float]] = {"autosomes": [], "chrX": [], "chrY": []}
    for window, value in zip(windows, depth, strict=True):
        if window.chrom in values and not (window.chrom == "chrX" and in_par(window.start + 1)):
            values[window.chrom].append(value)
        elif window.chrom in CONTIGS[:22]:
            values["autosomes"].append(value)
    covered = [v for v in values["autosomes"] if v > 0]
    if len(covered) < _AUTOSOMAL_WINDOWS or len(values["chrX"]) < _WINDOWS["chrX"]:
        reason = "reads neither lie evenly over the genome nor are there targets enough on X"
        return SexByDepth(float("nan"), float("nan"), "unknown", reason)
    middle = float(np.median(covered))
    y = float(np.median(values["chrY"])) / middle if len(values["chrY"]) >= _WINDOWS["chrY"] else float("nan")
    return verdict(float(np.median(values["chrX"])) / middle, y)


def verdict(x: float, y: float) -> SexByDepth:
    """A sex only where X says it and Y, if it was measured, does not contradict."""
    if x >= _X_FEMALE and not y >= _Y_FEMALE:
        return SexByDepth(x, y, "female", "")
    if x <= _X_MALE and not y < _Y_MALE:
        return SexByDepth(x, y, "male", "")
    return SexByDepth(x, y, "unknown", f"relative depth of X {x:.2f}, of Y {y:.2f}: neither a woman's nor a man's")
