"""Measured values of one image, named and grouped for people: whole image, regions of the brain, pairs of networks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Facts = dict[str, Any]
# A parcel is named by its network, its side and its node in MNI mm; a structure by its name and side.
PARCEL = re.compile(r"(?P<name>.+)_(?P<side>[LRM])_(?P<place>-?\d+_-?\d+_-?\d+)")
STRUCTURE = re.compile(r"(?P<name>.+)_(?P<side>[LR])")
SIDES = {"L": "left", "R": "right", "M": "middle"}


def grouped(features: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]) -> Facts:
    """{whole: [...], structures: {...}, parcels: {...}, pairs: {...}}; a group without values is empty or None.

    features: name -> {value, unit}, named `measure`, `measure.region` or `measure.network.network`; value None = not
    assessed. titles: measure -> its name for people.
    """
    whole, regional, pairs = [], {}, {}
    for name, found in features.items():
        measure, *place = name.split(".")
        if name in titles or not place:
            unit = _short(found["unit"])
            whole.append({"name": _title(name, titles), "value": _number(found["value"]), "unit": unit})
        elif len(place) == 1:
            regional[(measure, place[0])] = found
        else:
            pairs[(measure, *place)] = found
    return {
        "whole": whole,
        "structures": _table({k: v for k, v in regional.items() if not PARCEL.fullmatch(k[1])}, titles),
        "parcels": _table({k: v for k, v in regional.items() if PARCEL.fullmatch(k[1])}, titles),
        "pairs": _matrix(pairs, titles),
    }


def _table(found: Mapping[tuple[str, str], Mapping[str, Any]], titles: Mapping[str, str]) -> Facts | None:
    """Rows: regions; columns: measures."""
    if not found:
        return None
    measures = list(dict.fromkeys(measure for measure, _ in found))
    regions = list(dict.fromkeys(region for _, region in found))
    units = {measure: record["unit"] for (measure, _), record in found.items() if record["unit"] != "not assessed"}
    columns = [{"title": _title(m, titles), "unit": units.get(m, "")} for m in measures]
    rows = [
        {"region": region_title(r), "values": [_number(found.get((m, r), {}).get("value")) for m in measures]}
        for r in regions
    ]
    return {"columns": columns, "rows": rows}


def _matrix(found: Mapping[tuple[str, ...], Mapping[str, Any]], titles: Mapping[str, str]) -> Facts | None:
    """Lower triangle of a symmetric table of networks."""
    if not found:
        return None
    names = list(dict.fromkeys(n for _, *pair in found for n in pair))
    values = {frozenset(pair): _number(record["value"]) for (_, *pair), record in found.items()}
    measure, unit = next((key[0], record["unit"]) for key, record in found.items())
    rows = [
        {"name": _plain(a), "values": [values.get(frozenset((a, b))) for b in names[: i + 1]]}
        for i, a in enumerate(names)
    ]
    return {"title": _title(measure, titles), "unit": unit, "names": [_plain(n) for n in names], "rows": rows}


def region_title(name: str) -> str:
    """hippocampus_L -> Hippocampus, left; DefaultMode_L_-42_-69_31 -> Default mode, left (−42, −69, 31)."""
    if parcel := PARCEL.fullmatch(name):
        place = parcel["place"].replace("_", ", ").replace("-", "\u2212")
        return f"{_plain(parcel['name'])}, {SIDES[parcel['side']]} ({place})"
    if structure := STRUCTURE.fullmatch(name):
        return f"{_plain(structure['name'])}, {SIDES[structure['side']]}"
    return _plain(name)


def _title(measure: str, titles: Mapping[str, str]) -> str:
    return titles.get(measure) or _plain(measure)


def _short(unit: str) -> str:
    """The unit alone where the name says the rest: mm from the brain's centre -> mm; tissue = 1 -> nothing."""
    if unit.startswith("fraction"):
        return unit
    return "" if "=" in unit else unit.partition(" ")[0].replace("cm2", "cm²")


def _plain(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:].lower() if not words.isupper() else words


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None
