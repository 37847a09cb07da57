"""Numbers as people read them: no exponent where none is needed, no false certainty at the ends of a scale."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
NAMES = {
    "auc": "AUC", "c_index": "C-index", "mae": "mean absolute error", "brier": "Brier score", "log_loss": "log loss",
    "balanced_accuracy": "balanced accuracy", "ece": "calibration error", "auprc": "AUPRC", "c_uno": "Uno's C",
    "auc_over_time": "AUC over time", "ibs": "integrated Brier score", "ppv": "positive predictive value",
    "npv": "negative predictive value", "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept", "r2": "R²",
}  # fmt: skip


def number(value: Any, digits: int = 3) -> str:
    """`digits` significant digits; whole numbers in full with thin spaces; "" for a missing value."""
    return "" if value is None or value != value else _plain(float(value), digits).replace("-", "\u2212")


def _plain(x: float, digits: int) -> str:
    if x == int(x) and abs(x) < 1e15:
        return f"{int(x):,}".replace(",", "\u2009") if abs(x) >= 10000 else str(int(x))
    size = abs(x)
    if size >= 10 ** (digits - 1):
        return f"{x:,.0f}".replace(",", "\u2009") if size >= 10000 else f"{x:.0f}"
    if size < 1e-3:
        return f"{x:.{digits - 1}e}"
    return f"{x:.{digits}g}"


def percent(share: Any) -> str:
    """A share as whole per cent; nothing but 0 and 1 themselves is called 0 % or 100 %."""
    if share is None or share != share:
        return ""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 < share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def amount(value: Any, unit_of: str) -> str:
    """A measured value with its unit; a fraction as per cent, a count without unit; "" for a missing value."""
    if value is None or value != value:
        return ""
    if unit_of.startswith("fraction"):
        return percent(value) + unit_of.removeprefix("fraction")
    return number(value) if unit_of in ("", "count") else f"{number(value)} {unit(unit_of)}"


def interval(lower: Any, upper: Any, digits: int = 3) -> str:
    """ "a to b"; "" when an end is missing."""
    ends = (number(lower, digits), number(upper, digits))
    return f"{ends[0]} to {ends[1]}" if all(ends) else ""


def moment(text: str) -> str:
    """An ISO date or date-time as people write it: 2024-03-01 12:02."""
    return text.replace("T", " ")


def unit(text: str) -> str:
    """Powers of ten in a unit raised: 10^9/L becomes 10⁹/L."""
    return re.sub(r"10\^(\d+)", lambda m: "10" + m[1].translate(_RAISED), text)


def listed(items: Sequence[str], most: int) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def rank(place: dict[str, Any] | None) -> str:
    """Where a risk score lies among those of patients judged by the same model."""
    if not place:
        return "nobody to compare with"
    share, n = place["lower_share"], place["n"]
    if share == 0:
        return f"the lowest of {n} patients judged by the same model"
    if share > 1 - 1.5 / n:
        return f"the highest of {n} patients judged by the same model"
    return f"higher than in {percent(share)} of {n} patients judged by the same model"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def sentence(text: Any) -> str:
    said = str(text or "").strip()
    return f"{capital(said).rstrip('.')}." if said else ""


def metric(name: str) -> str:
    """Name of a metric for people; a suffix such as _within_folds follows it."""
    head = next((n for n in sorted(NAMES, key=len, reverse=True) if name == n or name.startswith(f"{n}_")), "")
    return NAMES.get(head, head) + name[len(head) :].replace("_", " ")


def named(text: str) -> str:
    """A sentence of the models' own checks, its metrics and models named as people do."""
    return re.sub(r"\b(?:auc|auprc|ece|mae|r2|[a-z]+(?:_[a-z]+)+)\b", lambda m: metric(m[0]), text)


def performance(record: dict[str, Any]) -> str:
    """The shipped model's main metric in words, or why there is none."""
    if record["why"]:
        return f"performance not assessed: {record['why']}"
    name, lower, upper = metric(record["metric"]), record["lower"], record["upper"]
    if record["value"] != record["value"]:
        return f"performance not assessed: {name} could not be computed"
    chance = "" if beats_chance(record) else ", not shown to be better than chance"
    spread = "no interval" if lower != lower or upper != upper else f"{lower:.2f} to {upper:.2f}"
    found = f"{name} {record['value']:.2f} ({spread})"
    seen = f"{found} in {record['n']} patients it had not seen{chance}"
    if record.get("applied"):
        return f"at training {seen}; not judged in this cohort"
    return f"shipped model ({record['model'].replace('_', ' ')}): {seen}"


def beats_chance(record: dict[str, Any]) -> bool:
    """The whole interval lies above chance. Metrics without a level of chance: unless the checks found no signal."""
    if record.get("signal") == "none":
        return False
    return bool(record["metric"] not in ("auc", "c_index") or record["lower"] > 0.5)
