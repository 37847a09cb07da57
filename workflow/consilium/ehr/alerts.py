"""Reference ranges of observations, and the alerts that follow from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from consilium.core.sheets import Patient

ADULT = 18  # years; the ranges are those of adults


def with_ranges(observations: pd.DataFrame, ranges: pd.DataFrame, people: dict[str, Patient]) -> pd.DataFrame:
    """`observations` with ref_low, ref_high, critical_low, critical_high (NaN: none) by analyte and sex.

    Nobody known to be under 18 at the measurement gets a range; an unknown year of birth counts as adult.
    """
    sex = observations["patient"].map({p: q.sex for p, q in people.items()})
    keyed = observations.assign(sex=sex).reset_index(drop=True)
    out = keyed.merge(ranges, on=["analyte", "sex"], how="left", validate="many_to_one")
    born = out["patient"].map({p: q.birth_year for p, q in people.items()}).astype("float64")
    child = out["moment"].dt.year - born < ADULT
    limits = ["low", "high", "critical_low", "critical_high"]
    out.loc[child, limits] = np.nan
    return out.rename(columns={"low": "ref_low", "high": "ref_high"}).drop(columns="sex")


def alerts(observations: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `alerts`: critical values at any time, and the latest value where it is outside its range.

    Limits themselves are inside a reference range, and critical at a critical limit. A censored value ("<x") raises
    no alert: it says only on which side of x the value lies.
    """
    value = observations["value"]
    kind = pd.Series("", index=observations.index, dtype=object)
    latest = ~observations.sort_values(["patient", "analyte", "moment"], kind="stable").duplicated(
        ["patient", "analyte"], keep="last"
    ).reindex(observations.index)
    kind[latest & (value < observations["ref_low"])] = "low"
    kind[latest & (value > observations["ref_high"])] = "high"
    kind[value <= observations["critical_low"]] = "critically low"
    kind[value >= observations["critical_high"]] = "critically high"
    kind[observations["censored"] == "<"] = ""
    rows = observations.assign(alert=kind)[kind != ""]
    rows = rows.sort_values(["patient", "analyte", "moment", "value"], kind="stable")
    return rows[["patient", "analyte", "taken_on", "value", "unit", "alert"]].reset_index(drop=True)
