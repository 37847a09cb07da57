"""Builds feature blocks in the one shape that fusion knows (contract.check_block)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    names = {"feature": np.array(features, dtype="U"), "unit": ("feature", np.array(units, dtype="U"))}
    return _block(room, title, "table", patients, values, ("feature",), names, reasons)


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
    names = {
        "feature": np.array(features, dtype="U"),
        "unit": ("feature", np.array(units, dtype="U")),
        "time": days.astype(float),
    }
    out = _block(room, title, "series", patients, values, ("time", "feature"), names, reasons)
    return out.assign_attrs(time_unit="days")


def volume(room: str, title: str, patients: Sequence[str], values: np.ndarray, reasons: Sequence[str]) -> xr.Dataset:
    """Layout volume. values: (patient, z, y, x)."""
    return _block(room, title, "volume", patients, values, ("z", "y", "x"), {}, reasons)


def _block(
    room: str,
    title: str,
    layout: str,
    patients: Sequence[str],
    values: np.ndarray,
    dims: tuple[str, ...],
    names: dict[str, object],
    reasons: Sequence[str],
) -> xr.Dataset:
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
