"""Quality of a harmonised matrix: per patient, per feature, and between sites. It informs; nothing is corrected."""

from __future__ import annotations

import numpy as np
import pandas as pd

FAR = 4.0  # robust standard deviations from the other patients' median at which a patient is noted
ENOUGH = 10  # patients from which "far from the others" means something
MAD_TO_SD = 1.4826  # median absolute deviation of a normal distribution x this = its standard deviation


def patient_quality(values: pd.DataFrame, max_missing_rate: float) -> pd.DataFrame:
    """Per patient: n_features, missing_rate, median, iqr, note. Lower missing_rate is better."""
    with np.errstate(invalid="ignore"):
        low, middle, high = values.quantile([0.25, 0.5, 0.75], axis=1).to_numpy()
    out = pd.DataFrame(
        {
            "n_features": values.shape[1],
            "missing_rate": values.isna().mean(axis=1).to_numpy(),
            "median": middle,
            "iqr": high - low,
        },
        index=values.index,
    )
    notes = [
        _notes(out["missing_rate"] > max_missing_rate, "many values are missing"),
        _notes(_far(out["median"]), "median far from the other patients'"),
        _notes(_far(out["iqr"]), "spread far from the other patients'"),
    ]
    out["note"] = ["; ".join(n for n in row if n) for row in zip(*notes, strict=True)]
    return out


def _notes(mask: pd.Series, text: str) -> list[str]:
    return [text if m else "" for m in mask]


def _far(column: pd.Series) -> pd.Series:
    deviation = (column - column.median()).abs()
    spread = deviation.median() * MAD_TO_SD
    if column.notna().sum() < ENOUGH or not spread > 0:
        return pd.Series(False, index=column.index)
    return deviation > FAR * spread


def site_share(values: pd.DataFrame, sites: pd.Series) -> np.ndarray:
    """Eta squared per feature: sum of squares between sites / total, over patients with a site and a value.

    0 = sites alike, 1 = sites differ and nothing else does; NaN with fewer than two sites or no variance. Without
    any site effect it is expected to be (sites - 1) / (patients - 1).
    """
    site = sites.reindex(values.index).fillna("")
    rows = values[(site != "").to_numpy()].to_numpy(dtype=float)
    labels = site[site != ""].to_numpy()
    groups = sorted(set(labels))
    if len(groups) < 2:
        return np.full(values.shape[1], np.nan)
    seen = ~np.isnan(rows)
    n = seen.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(rows, axis=0) / n
        total = np.nansum((rows - mean) ** 2, axis=0)
        between = np.zeros(values.shape[1])
        for group in groups:
            mine = labels == group
            k = seen[mine].sum(axis=0)
            own = np.nansum(rows[mine], axis=0) / k
            between += np.where(k > 0, k * (own - mean) ** 2, 0.0)
        return np.where(total > 0, between / total, np.nan)
