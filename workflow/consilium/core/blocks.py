"""Builds feature blocks in the one shape that fusion knows (contract.check_block)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


def table(
    room: str,
    title: str,
    patients: Sequence[str],
    values: np.ndarray,
    features: Sequence[str],
    units: Sequence[str],
    reasons: Sequence[str],
) -> xr.Dataset:
    """Layout table. values: (patient, feature), NaN where missing. reasons: "" where the block is there, else why not.

    What a patient without the block has in `values` is dropped.
    """
    return _block(room, title, "table", patients, values, ("feature",), _named(features, units), reasons)


def series(
    room: str,
    title: str,
    patients: Sequence[str],
    values: np.ndarray,
    features: Sequence[str],
    units: Sequence[str],
    reasons: Sequence[str],
    days: np.ndarray,
) -> xr.Dataset:
    """Layout series. values: (patient, time, feature); days: of the bins, before the end of the window."""
    names = _named(features, units) | {"time": days.astype(float)}
    out = _block(room, title, "series", patients, values, ("time", "feature"), names, reasons)
    return out.assign_attrs(time_unit="days")


def volume(room: str, title: str, patients: Sequence[str], values: np.ndarray, reasons: Sequence[str]) -> xr.Dataset:
    """Layout volume. values: (patient, z, y, x)."""
    return _block(room, title, "volume", patients, values, ("z", "y", "x"), {}, reasons)


def bag(
    room: str,
    title: str,
    patients: Sequence[str],
    values: np.ndarray,
    features: Sequence[str],
    units: Sequence[str],
    reasons: Sequence[str],
    layout: str = "bag",
) -> xr.Dataset:
    """Layout bag or dna. values: (patient, instance, feature), NaN where missing and below the last instance."""
    names = _named(features, units)
    return _block(room, title, layout, patients, values, ("instance", "feature"), names, reasons)


def words(
    room: str,
    title: str,
    patients: Sequence[str],
    values: np.ndarray,
    vocabulary: Sequence[str],
    reasons: Sequence[str],
) -> xr.Dataset:
    """Layout words. values: (patient, position), place of each word in `vocabulary`, NaN after the last."""
    names = _named(vocabulary, [""] * len(vocabulary))
    return _block(room, title, "words", patients, values, ("position",), names, reasons)


def _named(features: Sequence[str], units: Sequence[str]) -> dict[str, Any]:
    import numpy as np

    return {"feature": np.array(features, dtype="U"), "unit": ("feature", np.array(units, dtype="U"))}


def _block(
    room: str,
    title: str,
    layout: str,
    patients: Sequence[str],
    values: np.ndarray,
    dims: tuple[str, ...],
    names: dict[str, Any],
    reasons: Sequence[str],
) -> xr.Dataset:
    import numpy as np
    import xarray as xr

    reason = np.array(reasons, dtype="U")
    present = reason == ""
    kept = values.astype(np.float32).copy()
    kept[~present] = np.nan
    return xr.Dataset(
        {"values": (("patient", *dims), kept), "present": ("patient", present), "reason": ("patient", reason)},
        coords={"patient": np.array(patients, dtype="U"), **names},
        attrs={"room": room, "title": title, "layout": layout},
    )
