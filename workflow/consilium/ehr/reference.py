"""The room's knowledge: analytes with synonyms and plausible limits, unit conversions, reference ranges, drug names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

# 10⁹ -> 10^9, 10¹² -> 10^12, m² -> m2
_POWERS = str.maketrans({"⁰": "0", "²": "2", "¹": "^1", "³": "^3", "⁶": "^6", "⁹": "^9"})


@dataclass(frozen=True)
class Analyte:
    """unit: canonical unit. low, high: values outside are recording errors, not physiology (canonical unit)."""

    name: str
    category: str  # lab or vital
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Units:
    """analytes by canonical name; names: any spelling (see `plain_name`) -> canonical name;
    factors: (analyte, plain unit) -> (factor, offset) with canonical value = value * factor + offset."""

    analytes: dict[str, Analyte]
    names: dict[str, str]
    factors: dict[tuple[str, str], tuple[float, float]]
    spellings: dict[str, str]  # analyte -> its units as a person writes them, for messages


def plain_name(text: str) -> str:
    """Spelling reduced to what identifies an analyte: lower case, one space for punctuation, hyphens kept."""
    return re.sub(r"[^\w%-]+|_+", " ", text.lower()).strip()


def plain_unit(text: str) -> str:
    """Unit reduced to one spelling: no spaces, u for micro, 10^9 for x10E9, 10*9 and 10⁹; lower case."""
    unit = text.translate(_POWERS).strip().lower().replace("mm^3", "mm3")
    unit = unit.replace("µ", "u").replace("μ", "u").replace("mcg", "ug").replace("×", "x").replace(" ", "")
    unit = re.sub(r"^x?10(?:\^|\*{1,2}|e)?(3|6|9|12)/", r"10^\1/", unit)
    unit = unit.replace("cells/", "/").removeprefix("x")
    return unit.replace("mm3", "ul") if unit.endswith("/mm3") else unit


def load_units(analytes: Path, units: Path) -> Units:
    """Read resources/analytes.tsv and resources/units.tsv."""
    table = pd.read_csv(analytes, sep="\t", dtype=str, keep_default_na=False)
    known: dict[str, Analyte] = {}
    names: dict[str, str] = {}
    for row in table.to_dict("records"):
        name = row["analyte"]
        known[name] = Analyte(
            name, row["category"], row["unit"], float(row["plausible_low"]), float(row["plausible_high"])
        )
        for spelling in (name, row["title"], row["loinc"], *row["synonyms"].split(";")):
            if spelling:
                names[plain_name(spelling)] = name
    rows = pd.read_csv(units, sep="\t", dtype=str, keep_default_na=False)
    factors = {
        (a, plain_unit(u)): (float(f), float(o))
        for a, u, f, o in zip(rows["analyte"], rows["unit"], rows["factor"], rows["offset"], strict=True)
    }
    spellings = {str(a): ", ".join(group["unit"]) for a, group in rows.groupby("analyte")}
    return Units(known, names, factors, spellings)


def load_ranges(path: Path) -> pd.DataFrame:
    """resources/reference_ranges.tsv, one row an analyte and sex (female, male, unknown); empty limits are NaN.

    "any" counts for everybody; a range given for one sex only leaves patients of unknown sex without a range, but
    with the critical limits that both sexes share.
    """
    table = pd.read_csv(path, sep="\t")
    limits = ["low", "high", "critical_low", "critical_high"]
    table[limits] = table[limits].astype(float)
    general = table[table["sex"] == "any"]
    rows = [general.assign(sex=sex) for sex in ("female", "male", "unknown")]
    own = table[table["sex"] != "any"]
    unknown = own.drop_duplicates("analyte").assign(sex="unknown", low=float("nan"), high=float("nan"))
    return pd.concat([*rows, own, unknown])[["analyte", "sex", *limits]].reset_index(drop=True)


def load_drugs(path: Path) -> dict[str, str]:
    """Any known name in lower case -> generic name (resources/drug_names.tsv)."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return dict(zip(table["name"], table["generic"], strict=True))
