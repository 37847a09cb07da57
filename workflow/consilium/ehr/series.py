"""Observations to features: a time grid and summaries in the window before the index date. Nothing is fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd

STATS = ("last", "mean", "min", "max", "slope", "count", "days_since_last")
MIN_POINTS, MIN_SPAN = 3, 0.1  # a slope needs three values that span a tenth of the window


def in_window(observations: pd.DataFrame, window_days: float) -> pd.DataFrame:
    """Observations of the window with `t`: days before its end (<= 0).

    The window ends with the index day; where a patient has no index date, with the last measurement.
    """
    moment = pd.to_datetime(observations["taken_on"], format="ISO8601")
    last = moment.groupby(observations["patient"]).transform("max")
    own = (moment - last) / pd.Timedelta(days=1)
    t = observations["days"].where(observations["days"].notna(), own).clip(upper=0)
    rows = observations.assign(t=t)
    return rows[rows["t"] >= -window_days].sort_values(["patient", "analyte", "t", "value"], kind="stable")


def grid(rows: pd.DataFrame, patients: list[str], window_days: float, bins: int) -> tuple[np.ndarray, list[str]]:
    """(values patient x bin x analyte, analytes): mean of the values in each bin; NaN where there is none."""
    analytes = sorted(rows["analyte"].unique())
    place = (rows["t"].to_numpy() + window_days) / (window_days / bins)
    at = (
        pd.Index(patients).get_indexer(rows["patient"]),
        np.minimum(place.astype(int), bins - 1),
        pd.Index(analytes).get_indexer(rows["analyte"]),
    )
    shape = (len(patients), bins, len(analytes))
    total, n = np.zeros(shape), np.zeros(shape)
    np.add.at(total, at, rows["value"].to_numpy())
    np.add.at(n, at, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (total / n).astype(np.float32), analytes


def bin_centres(window_days: float, bins: int) -> np.ndarray:
    """Middle of each bin in days relative to the end of the window (negative)."""
    width = window_days / bins
    return -window_days + width * (np.arange(bins) + 0.5)


def summaries(rows: pd.DataFrame, window_days: float) -> pd.DataFrame:
    """Per (patient, analyte): last, mean, min, max, slope (per year), count, days_since_last.

    slope: least squares over the window; NaN with fewer than MIN_POINTS values or too short a span.
    """
    groups = rows.groupby(["patient", "analyte"], sort=True)
    out = groups["value"].agg(["last", "mean", "min", "max", "count"]).astype(float)
    out["days_since_last"] = -groups["t"].last()
    centred = rows["t"] - groups["t"].transform("mean")
    years = centred / 365.25
    keys = [rows["patient"], rows["analyte"]]
    above = (years * rows["value"]).groupby(keys).sum()
    below = (years**2).groupby(keys).sum()
    span = groups["t"].max() - groups["t"].min()
    enough = (out["count"] >= MIN_POINTS) & (span >= MIN_SPAN * window_days) & (below > 0)
    out["slope"] = (above / below.where(enough)).reindex(out.index)
    return out[list(STATS)]


def summary_table(rows: pd.DataFrame, window_days: float, units: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """(patients x "<analyte>.<stat>", unit of each column). count is 0, the rest NaN, where a patient has none."""
    long = summaries(rows, window_days)
    analytes = sorted(rows["analyte"].unique())
    wide = long.unstack("analyte")
    columns = {f"{a}.{s}": wide[(s, a)] for a in analytes for s in STATS}
    table = pd.DataFrame(columns)
    counts = [c for c in table.columns if c.endswith(".count")]
    table[counts] = table[counts].fillna(0.0)
    own = {"slope": "{}/year", "count": "1", "days_since_last": "days"}
    return table, [own.get(s, "{}").format(units[a]) for a in analytes for s in STATS]
