"""The feature block "windows", layout dna: a number a base, so that models can read the sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from consilium.core import blocks
from consilium.core.contract import BASES

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

NONE = "no variant of the wanted kind was called in the wanted regions, tested or not"
TITLE = "DNA around variants"


def block(patients: Sequence[str], table: pd.DataFrame, most: int, absent: Mapping[str, str]) -> xr.Dataset:
    """Layout dna. table: rows of dna_windows (not none), at most `most` a patient. absent: patient -> why not."""
    length = len(table["reference"].iloc[0])
    half = length // 2
    values = np.full((len(patients), most, 1 + 2 * length), np.nan, dtype=np.float32)
    code = np.zeros(128, dtype=np.float32)
    code[[ord(b) for b in BASES]] = np.arange(len(BASES))
    place = {p: i for i, p in enumerate(patients)}
    number = dict.fromkeys(patients, 0)
    for patient, copies, *strings in zip(*(table[c] for c in ("patient", "copies", "reference", "sequence")),
                                         strict=True):  # fmt: skip
        if patient not in place:
            continue
        letters = np.frombuffer("".join(strings).encode("ascii"), dtype=np.uint8)
        values[place[patient], number[patient]] = [copies, *code[letters]]
        number[patient] += 1
    names = ["copies", *(f"{row} {at:+d}" for row in ("reference", "patient") for at in range(-half, half + 1))]
    units = ["strands", *["base"] * (2 * length)]
    why = [absent.get(p) or ("" if number[p] else NONE) for p in patients]
    return blocks.bag("genomics", TITLE, patients, values, names, units, why, layout="dna")
