"""The training store: every image and mask of the cohort on one grid, as two arrays that are read by memory map.

images.npy: (slice, row, column) float16 of all patients one after another; masks.npy: the same, uint8, 0 or 1 (0 where
a patient has no mask). store.json: patients in order with their slices, spacing and whether a mask was supplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.store import read_facts

NDArray = np.ndarray
FINAL, GIVEN = "final", "given"  # parts beside the numbered folds


@dataclass(frozen=True)
class Entry:
    """One patient: rows first to last of the arrays, slice_mm: distance of slices; image, mask: samples of the sheet.

    Without an expert mask `mask` is "" and `fold` is -1. group: family, or the patient alone.
    """

    patient: str
    group: str
    fold: int
    first: int
    last: int
    slice_mm: float
    image: str
    mask: str


@dataclass(frozen=True)
class Store:
    images: NDArray
    masks: NDArray
    entries: tuple[Entry, ...]
    facts: dict[str, Any]

    def of(self, entry: Entry) -> tuple[NDArray, NDArray]:
        """(image, mask) of one patient, each (slice, row, column), still on disk."""
        return self.images[entry.first : entry.last], self.masks[entry.first : entry.last]

    @property
    def trainable(self) -> tuple[Entry, ...]:
        """Patients with an expert mask."""
        return tuple(e for e in self.entries if e.mask)


def judged(entries: Sequence[Entry], part: str) -> tuple[Entry, ...]:
    """Patients whom the model of a part predicts: its held-out fold; with "final" those without an expert mask; with
    "given" (a model from another cohort) everybody."""
    if part == GIVEN:
        return tuple(entries)
    return tuple(e for e in entries if (not e.mask if part == FINAL else e.fold == int(part)))


def listed(file: Path) -> tuple[Entry, ...]:
    """Patients of store.json."""
    return tuple(Entry(**e) for e in read_facts(file)["patients"])


def load(file: Path) -> Store:
    """Open the store beside `file` (store.json); the arrays are read slice by slice later."""
    images, masks = (np.load(Path(file).parent / name, mmap_mode="r") for name in ("images.npy", "masks.npy"))
    return Store(images, masks, listed(file), read_facts(file))
