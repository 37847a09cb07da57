"""Declared groups of patients: by sex, ancestry, site and age, as `learn.uncertainty.groups` lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consilium.core.sheets import Patient

MIN_GROUP = 100  # patients of a level, before it gets thresholds of its own and its coverage is judged
Levels = Mapping[str, tuple[str, ...]]


def declared(
    patients: Sequence[Patient], wanted: Sequence[str], bands: Sequence[int], ancestry: Mapping[str, str]
) -> Levels:
    """Characteristic -> level of each patient, in the order given; "" where it is not known.

    bands: ages (years, rising) at which a new band begins. ancestry: patient -> population, known ones alone.
    """
    found = {
        "sex": [p.sex if p.sex in ("female", "male") else "" for p in patients],
        "ancestry": [ancestry.get(p.patient, "") for p in patients],
        "site": [p.site for p in patients],
        "age_band": [_band(p, bands) for p in patients],
    }
    return {name: tuple(found[name]) for name in wanted}


def _band(patient: Patient, bands: Sequence[int]) -> str:
    age = patient.age
    if age is None:
        return ""
    below = [b for b in bands if b <= age]
    above = [b for b in bands if b > age]
    if not below:
        return f"below {above[0]}" if above else "all ages"
    return f"{below[-1]} to {above[0] - 1}" if above else f"{below[-1]} and over"


def populations(ancestry: str) -> dict[str, str]:
    """Patient -> population of cohort/genomics/ancestry.tsv ("": no genomes); not assessed ones are left out."""
    if not ancestry:
        return {}
    from consilium.core.store import read_table

    table = read_table(Path(ancestry), "ancestry")
    known = table[table["population"] != "not assessed"]
    return dict(zip(known["patient"], known["population"], strict=True))


def take(levels: Mapping[str, tuple[str, ...]], rows: Sequence[int]) -> Levels:
    return {name: tuple(of[i] for i in rows) for name, of in levels.items()}
