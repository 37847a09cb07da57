"""What each metric means, where it becomes suspicious, and the verdict on an image: keep, flag or exclude.

Limits are set wide: they catch broken images, they do not rank good ones. Their origin:
docs/methods/imaging/quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from consilium.imaging.quality.measures import METRICS
from consilium.imaging.volume import STRUCTURAL


@dataclass(frozen=True)
class Limit:
    """Outside flag -> flagged, outside exclude -> excluded. None: no limit on that side."""

    metric: str
    flag: tuple[float | None, float | None]
    exclude: tuple[float | None, float | None] = (None, None)


ALL = (
    Limit("nan_share", (None, 0.0), (None, 0.2)),
    *(Limit(f"spacing_{a}", (None, 8.0), (None, 15.0)) for a in "xyz"),
)
LIMITS: dict[str, tuple[Limit, ...]] = {
    **{
        kind: (
            *ALL,
            Limit("snr_air", (8.0, None)),  # never excludes: a cropped image may hold no air
            Limit("snr_white_matter", (6.0, None), (2.5, None)),
            Limit("cjv", (None, 1.6 if kind == "T1" else 3.0), (None, 6.0) if kind == "T1" else (None, None)),
            Limit("registration_coverage", (0.95, None)),
        )
        for kind in STRUCTURAL
    },
    "fMRI": (
        *ALL,
        Limit("tsnr", (20.0, None), (5.0, None)),
        Limit("dvars_max", (None, 3.0)),
        Limit("fd_mean", (None, 0.3), (None, 1.5)),
        Limit("fd_share_above_0.5mm", (None, 0.2), (None, 0.6)),
        Limit("n_volumes", (50.0, None), (20.0, None)),
        Limit("registration_coverage", (0.9, None)),
    ),
    "CT": (
        *ALL,
        Limit("air_hu", (-1050.0, -900.0), (-1300.0, -600.0)),
        Limit("soft_tissue_hu", (-150.0, 120.0), (-400.0, 400.0)),
        Limit("soft_tissue_noise", (None, 60.0)),
    ),
    "PET": (*ALL, Limit("suv_mean_head", (0.2, 25.0), (0.01, 200.0))),
    "mask": (Limit("image_covered", (0.999, None), (0.5, None)),),
}


def judge(kind: str, metrics: dict[str, float], notes: list[str]) -> tuple[str, str]:
    """(keep | flag | exclude, reason). notes: oddities noticed while reading; each flags."""
    excluded, flagged = [], list(notes)
    for limit in LIMITS[kind]:
        value = metrics.get(limit.metric, float("nan"))
        if value != value:
            continue
        if _outside(value, limit.exclude):
            excluded.append(_say(limit.metric, value, limit.exclude))
        elif _outside(value, limit.flag):
            flagged.append(_say(limit.metric, value, limit.flag))
    if excluded:
        return "exclude", "; ".join(excluded + flagged)
    return ("flag", "; ".join(flagged)) if flagged else ("keep", "")


def _outside(value: float, span: tuple[float | None, float | None]) -> bool:
    low, high = span
    return (low is not None and value < low) or (high is not None and value > high)


def _say(metric: str, value: float, span: tuple[float | None, float | None]) -> str:
    low, high = span
    asked = f"at least {low:g}" if high is None else f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
    unit = METRICS[metric].unit
    return f"{metric} {value:.3g}{' ' + unit if unit else ''}, expected {asked}"
