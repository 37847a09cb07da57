"""Geometry of the small inline pictures of a page: plain numbers for the templates to draw with."""

from __future__ import annotations

from typing import Any

WIDTH, HEIGHT = 260.0, 120.0
LEFT, RIGHT, TOP, BOTTOM = 38.0, 8.0, 8.0, 20.0


def curve(analyte: dict[str, Any]) -> dict[str, Any]:
    """Pixel places of one analyte's series, its reference band and its axis labels.

    The value axis holds all values and the limits of the reference range; coordinates are rounded to 0.1 px.
    """
    points = analyte["points"]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    limits = [v for v in (analyte["ref_low"], analyte["ref_high"]) if v is not None]
    low, high = _padded(min(ys + limits), max(ys + limits))
    x_low, x_high = (min(xs), max(xs)) if max(xs) > min(xs) else (xs[0] - 1, xs[0] + 1)

    def x(value: float) -> float:
        return round(LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    band = None
    if limits:
        top = y(high if analyte["ref_high"] is None else analyte["ref_high"])
        bottom = y(low if analyte["ref_low"] is None else analyte["ref_low"])
        band = {"y": top, "height": round(max(bottom - top, 0.5), 1)}
    placed = [{"x": x(a), "y": y(b), "out": _outside(b, analyte), "value": b, "on": day} for a, b, day in points]
    return {
        "points": placed,
        "path": " ".join(f"{p['x']},{p['y']}" for p in placed),
        "band": band,
        "y_ticks": [{"y": y(v), "value": v} for v in _ticks(low, high)],
        "x_ends": (x_low, x_high) if max(xs) > min(xs) else (xs[0], xs[0]),
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM, "top": TOP,
    }  # fmt: skip


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


def _outside(value: float, analyte: dict[str, Any]) -> bool:
    low, high = analyte["ref_low"], analyte["ref_high"]
    return bool((low is not None and value < low) or (high is not None and value > high))


def _ticks(low: float, high: float) -> list[float]:
    """Two to four round values inside the axis."""
    step = 10.0 ** _exponent(high - low)
    for factor in (5, 2, 1, 0.5, 0.2, 0.1):
        first = -(-low // (step * factor))
        found = [round((first + i) * step * factor, 10) for i in range(8) if (first + i) * step * factor <= high]
        if len(found) >= 2:
            return found[:4] if len(found) <= 4 else found[:: (len(found) + 2) // 3]
    return [low, high]


def _exponent(span: float) -> int:
    return int(f"{span:e}".partition("e")[2])


def diverging(values: list[float], width: float = 240.0) -> list[dict[str, float]]:
    """Bars from a common zero: left of it negative, right of it positive; the longest bar fills its half or more."""
    low, high = min([0.0, *values]), max([0.0, *values])
    span = (high - low) or 1.0
    zero = (0.0 - low) / span * width
    return [
        {"x": round(min(zero, zero + v / span * width), 1), "width": round(abs(v) / span * width, 1),
         "zero": round(zero, 1)}
        for v in values
    ]  # fmt: skip


def whisker(value: float, lower: float, upper: float, width: float = 240.0) -> dict[str, float]:
    """A point with its interval on an axis that holds zero and both ends."""
    low, high = _padded(min(0.0, lower), max(0.0, upper))

    def x(v: float) -> float:
        return round((v - low) / (high - low) * width, 1)

    return {"x": x(value), "x0": x(lower), "x1": x(upper), "zero": x(0.0), "width": width}


def strip(numbers: list[float], value: float, width: float = 240.0) -> dict[str, float]:
    """A box plot of five numbers (minimum, quartiles, maximum) and one value's place on it."""
    low, high = _padded(min(numbers[0], value), max(numbers[4], value))

    def x(v: float) -> float:
        return round((v - low) / (high - low) * width, 1)

    names = ("min", "q1", "median", "q3", "max")
    return {n: x(v) for n, v in zip(names, numbers, strict=True)} | {"value": x(value), "width": width}
