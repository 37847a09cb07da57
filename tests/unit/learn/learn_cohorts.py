"""Small cohorts made in memory, with or without something to learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from consilium.core.contract import BASES, LAYOUTS
from consilium.core.store import write_features
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target


def table(name: str, values: np.ndarray, present: np.ndarray | None = None) -> Block:
    values = np.array(values, dtype=np.float32)
    present = np.ones(len(values), dtype=bool) if present is None else present
    values[~present] = np.nan
    reasons = tuple("" if p else "not supplied" for p in present)
    features = tuple(f"{name[-1]}{i}" for i in range(values.shape[1]))
    return Block(name, name, "table", values, present, reasons, features, ("u",) * len(features))


def series(name: str, values: np.ndarray, present: np.ndarray | None = None) -> Block:
    n, t, f = values.shape
    plain = table(name, np.zeros((n, f)), present)
    values = np.array(values, dtype=np.float32)
    values[~plain.present] = np.nan
    return Block(
        name, name, "series", values, plain.present, plain.reasons, plain.features, plain.units, tuple(range(t))
    )


def volume(name: str, values: np.ndarray, present: np.ndarray | None = None) -> Block:
    plain = table(name, np.zeros((len(values), 1)), present)
    values = np.array(values, dtype=np.float32)
    values[~plain.present] = np.nan
    return Block(name, name, "volume", values, plain.present, plain.reasons)


def bag(name: str, values: np.ndarray, present: np.ndarray | None = None) -> Block:
    return replace(series(name, values, present), layout="bag", time=())


def words(name: str, reports: list[str], length: int = 12) -> Block:
    """Reports of words between spaces; "" for a patient without one."""
    vocabulary = sorted({w for r in reports for w in r.split()})
    values = np.full((len(reports), length), np.nan, dtype=np.float32)
    for row, report in zip(values, reports, strict=True):
        said = [vocabulary.index(w) for w in report.split()][:length]
        row[: len(said)] = said
    present = np.array([bool(r) for r in reports])
    reasons = tuple("" if r else "not supplied" for r in reports)
    return Block(name, name, "words", values, present, reasons, tuple(vocabulary), ("",) * len(vocabulary))


def dna(name: str, windows: list[list[tuple[int, str, str]]], most: int, length: int) -> Block:
    """Per patient windows of (strands, reference, patient's sequence)."""
    values = np.full((len(windows), most, 1 + 2 * length), np.nan, dtype=np.float32)
    for row, mine in zip(values, windows, strict=True):
        for place, (copies, reference, patient) in zip(row, mine, strict=False):
            place[:] = [copies, *map(BASES.index, reference + patient)]
    present = np.array([bool(mine) for mine in windows])
    features = ("copies", *(f"{s} {i}" for s in ("reference", "patient") for i in range(length)))
    reasons = tuple("" if p else "not supplied" for p in present)
    return Block(name, name, "dna", values, present, reasons, features, ("",) * len(features))


def cohort(*blocks: Block, families: list[str] | None = None, sites: list[str] | None = None) -> Cohort:
    n = len(blocks[0].present)
    ids = tuple(f"P{i + 1:03d}" for i in range(n))
    ordered = tuple(sorted(blocks, key=lambda b: b.name))
    return Cohort(ids, tuple(sites or [""] * n), tuple(families or [""] * n), ordered)


def classes(y: np.ndarray, k: int = 2) -> Target:
    y = np.asarray(y, dtype=int)
    return Target("classification", y, np.full(len(y), np.nan), np.zeros(len(y)), tuple("abcdef"[:k]))


def numbers(y: np.ndarray) -> Target:
    return Target("regression", np.asarray(y, dtype=float), np.full(len(y), np.nan), np.zeros(len(y)))


def times(time: np.ndarray, event: np.ndarray) -> Target:
    return Target("survival", np.zeros(len(time)), np.asarray(time, dtype=float), np.asarray(event, dtype=float))


def mixed(n: int, seed: int, signal: float) -> tuple[Cohort, np.ndarray]:
    """Table, series and volume, a fifth of each missing; (cohort, y) with y in the table and the series if signal."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n // 2, n - n // 2])[rng.permutation(n)]
    x = rng.normal(size=(n, 12))
    x[:, 0] += signal * y
    x[:, 11] = np.exp(2 * x[:, 11])  # as skewed as a concentration
    s = rng.normal(size=(n, 5, 3))
    s[:, :, 1] += signal * y[:, None]
    s[rng.random(s.shape) < 0.3] = np.nan
    v = rng.normal(size=(n, 6, 6, 6))
    have = [rng.random(n) > 0.2 for _ in range(3)]
    have[0] |= ~(have[1] | have[2])
    blocks = (table("omics/expression", x, have[0]), series("ehr/series", s, have[1]), volume("imaging/t1", v, have[2]))
    return cohort(*blocks), y


def store(path: Path, room: str, blocks: list[Block], patients: tuple[str, ...]) -> None:
    """Write blocks as a room's feature store."""
    out = {}
    for b in blocks:
        coords: dict[str, object] = {"patient": np.array(patients)}
        if b.layout != "volume":
            coords |= {"feature": np.array(b.features), "unit": ("feature", np.array(b.units))}
        if b.layout == "series":
            coords["time"] = np.array(b.time, dtype=float)
        out[b.name.split("/")[1]] = xr.Dataset(
            {
                "values": (LAYOUTS[b.layout], b.values),
                "present": ("patient", b.present),
                "reason": ("patient", np.array(b.reasons, dtype="U20")),
            },
            coords=coords,
            attrs={"room": room, "title": b.title, "layout": b.layout, "time_unit": "days"},
        )
    write_features(path, out)
