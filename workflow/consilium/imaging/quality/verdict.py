"""The verdict on one image: keep, flag or exclude, with the reasons in plain words and the numbers behind them."""

from __future__ import annotations

from consilium.imaging.quality.limits import LIMITS, Limit, Span
from consilium.imaging.quality.measures import METRICS


def judge(kind: str, metrics: dict[str, float], notes: list[str]) -> tuple[str, str]:
    """(keep | flag | exclude, reason). notes: oddities noticed while reading; each flags.

    A metric that is missing or NaN judges nothing.
    """
    excluded, flagged = [], list(notes)
    is_head = metrics.get("registration_coverage", float("nan"))
    for limit in LIMITS[kind]:
        value = metrics.get(limit.metric, float("nan"))
        if value != value or (limit.head_only and is_head != is_head):
            continue
        if _outside(value, limit.exclude):
            excluded.append(_say(limit, value, limit.exclude))
        elif _outside(value, limit.flag):
            flagged.append(_say(limit, value, limit.flag))
    if excluded:
        return "exclude", "; ".join(excluded + flagged)
    return ("flag", "; ".join(flagged)) if flagged else ("keep", "")


def _outside(value: float, span: Span) -> bool:
    low, high = span
    return (low is not None and value < low) or (high is not None and value > high)


def _say(limit: Limit, value: float, span: Span) -> str:
    low, high = span
    asked = f"at least {low:g}" if high is None else f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
    unit = METRICS[limit.metric].unit
    return f"{limit.says} ({limit.metric} {value:.3g}{' ' + unit if unit else ''}, expected {asked})"
