"""Health records of the demo cohort, as untidy as real exports: labs, vitals, drugs, diagnoses.

One site writes conventional units, one SI units, one decimal commas; names differ; series are irregular with a gap;
some rows are doubled, censored ("<0.5") or lie after the index date. The planted cause
`z_lab` shows as lasting inflammation does: CRP, creatinine, platelets and leukocytes up, albumin and haemoglobin down.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from
from consilium.simulate.records import diagnoses_of, drugs_of

DAYS_BEFORE = 730
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Analyte:
    """mean and sd in `units[0]` (of the logarithm where `log`); units: (text, factor, offset) from `units[0]`."""

    name: str
    spellings: tuple[str, ...]
    mean: float
    sd: float
    log: bool
    digits: int
    units: tuple[tuple[str, float, float], ...]
    z_shift: float = 0.0  # per unit of z_lab
    z_slope: float = 0.0  # per unit of z_lab and year


LABS = (
    Analyte("creatinine", ("Creatinine", "CREA", "creatinine, serum"), -0.08, 0.13, True, 2,
            (("mg/dL", 1, 0), ("µmol/L", 88.42, 0)), 0.16, 0.08),
    Analyte("crp", ("CRP", "C-reactive protein"), 0.8, 0.45, True, 1, (("mg/L", 1, 0), ("mg/dL", 0.1, 0)), 0.80, 0.35),
    Analyte("glucose", ("Glucose", "GLU"), 98, 11, False, 1, (("mg/dL", 1, 0), ("mmol/L", 1 / 18.016, 0))),
    Analyte("hemoglobin", ("Hemoglobin", "HGB", "Haemoglobin"), 13.9, 1.0, False, 1, (("g/dL", 1, 0), ("g/L", 10, 0)),
            -0.9),
    Analyte("sodium", ("Sodium", "Na"), 140, 2, False, 0, (("mmol/L", 1, 0), ("mEq/L", 1, 0))),
    Analyte("potassium", ("Potassium", "K"), 4.2, 0.25, False, 1, (("mmol/L", 1, 0), ("mEq/L", 1, 0))),
    Analyte("alt", ("ALT", "ALAT", "SGPT"), 3.2, 0.3, True, 0, (("U/L", 1, 0), ("IU/L", 1, 0))),
    Analyte("albumin", ("Albumin", "ALB"), 4.2, 0.25, False, 1, (("g/dL", 1, 0), ("g/L", 10, 0)), -0.22),
    Analyte("bilirubin", ("Bilirubin, total", "TBIL"), -0.4, 0.3, True, 2, (("mg/dL", 1, 0), ("µmol/L", 17.104, 0))),
    Analyte("platelets", ("Platelets", "PLT"), 250, 45, False, 0, (("10^3/µL", 1, 0), ("10^9/L", 1, 0)), 40),
    Analyte("leukocytes", ("WBC", "Leukocytes"), 6.8, 1.2, False, 1, (("10^3/µL", 1, 0), ("10^9/L", 1, 0)), 1.0),
    Analyte("ldl_cholesterol", ("LDL", "LDL cholesterol"), 118, 24, False, 1,
            (("mg/dL", 1, 0), ("mmol/L", 1 / 38.67, 0))),
)  # fmt: skip
VITALS = (
    Analyte("systolic_bp", ("Systolic BP", "SBP"), 128, 12, False, 0, (("mmHg", 1, 0), ("mmHg", 1, 0))),
    Analyte("diastolic_bp", ("Diastolic BP", "DBP"), 78, 8, False, 0, (("mmHg", 1, 0), ("mmHg", 1, 0))),
    Analyte("heart_rate", ("Heart rate", "Pulse"), 72, 9, False, 0, (("/min", 1, 0), ("bpm", 1, 0))),
    Analyte("temperature", ("Temperature", "Temp"), 98.2, 0.5, False, 1, (("°F", 1, 0), ("°C", 5 / 9, -160 / 9))),
    Analyte("weight", ("Weight", "Body weight"), 165, 28, False, 1, (("lb", 1, 0), ("kg", 0.45359237, 0))),
    Analyte("oxygen_saturation", ("SpO2", "Oxygen saturation"), 97, 1, False, 0, (("%", 1, 0), ("%", 1, 0))),
)
MEASURED = ["patient", "analyte", "value", "unit", "taken_on"]


def write(people: pd.DataFrame, root: Path, seed: int) -> tuple[Rows, dict[str, pd.DataFrame]]:
    """Write raw/ehr/{labs,vitals,drugs,diagnoses}.tsv for patients with `has_labs`.

    Returns the sample rows and the truth: `labs` (one row a patient and analyte: level at the index date and slope
    per year in `unit`, on the log scale where `log`), `labs_counts` (planted flaws) and `drugs` (generic names).
    """
    tables: dict[str, Rows] = {name: [] for name in ("labs", "vitals", "drugs", "diagnoses")}
    truth: dict[str, list[dict[str, object]]] = {"labs": [], "labs_counts": [], "drugs": []}
    for person in people[people["has_labs"]].to_dict("records"):
        rng = np.random.default_rng(seed_from(seed, "labs", person["patient"]))
        visits = _visits(rng)
        flaws = {"after_index": 0, "duplicates": 0, "censored": 0}
        for table, analytes in (("labs", LABS), ("vitals", VITALS)):
            for analyte in analytes:
                rows, planted = _series(person, analyte, visits, rng, flaws)
                tables[table] += rows
                truth["labs"].append(planted)
        truth["labs_counts"].append({"patient": person["patient"], **flaws})
        rows, generic = drugs_of(person, rng)
        tables["drugs"] += rows
        truth["drugs"] += generic
        tables["diagnoses"] += diagnoses_of(person, rng)
    folder = Path(root) / "raw" / "ehr"
    folder.mkdir(parents=True, exist_ok=True)
    samples = [_write(folder / f"{name}.tsv", rows, name) for name, rows in tables.items() if rows]
    return samples, {name: pd.DataFrame(rows) for name, rows in truth.items()}


def faults(people: pd.DataFrame, root: Path, seed: int) -> tuple[Rows, dict[str, pd.DataFrame]]:
    """Write one more labs table with bad rows beside good ones, and a table that lacks a column.

    The rows belong to the patients named X…, or to the first patient where there is none.
    """
    extra = people[people["patient"].str.startswith("X")]
    person = (extra if len(extra) else people).iloc[0]
    patient, day = str(person["patient"]), str(person["index_date"])
    before = str(np.datetime64(day) - np.timedelta64(30, "D"))
    rows: list[tuple[tuple[str, ...], str]] = [
        ((patient, "Creatinine", "0.9", "mg/dL", before), ""),
        ((patient, "Creatinine", "0.9", "furlong", before), "unknown unit"),
        ((patient, "Sodium", "14000", "mmol/L", before), "impossible value"),
        ((patient, "Potassium", "4.1", "mmol/L", f"{day[:4]}-02-31"), "impossible date"),
        ((patient, "Potassium", "4.1", "mmol/L", "03/04/2021"), "ambiguous date"),
        (("NOBODY", "Glucose", "101", "mg/dL", before), "unknown patient"),
        ((patient, "Glucose", "haemolysed", "mg/dL", before), "letters for a number"),
        ((patient, "Glucose", "97", "mg/dL", before), ""),
    ]
    folder = Path(root) / "raw" / "ehr"
    folder.mkdir(parents=True, exist_ok=True)
    table = [dict(zip(MEASURED, cells, strict=True)) for cells, _ in rows]
    samples = [_write(folder / "labs_faults.tsv", table, "labs")]
    no_unit = [{k: v for k, v in row.items() if k != "unit"} for row in table]
    samples.append(_write(folder / "vitals_faults.tsv", no_unit, "vitals"))
    known = [{"file": samples[0]["path"], "line": i, "what": what} for i, (_, what) in enumerate(rows, 2) if what]
    known.append({"file": samples[1]["path"], "line": 1, "what": "no column unit"})
    return samples, {"faults": pd.DataFrame(known)}


def _visits(rng: np.random.Generator) -> np.ndarray:
    """Days relative to the index date: irregular over two years, one gap of months, two after the index date."""
    gap = rng.uniform(-600, -250)
    days = rng.uniform(-DAYS_BEFORE, -1, 6 + rng.poisson(11))
    days = days[(days < gap) | (days > gap + rng.uniform(90, 160))]
    days = np.append(days, rng.uniform(-60, -1, 2))  # everybody is seen near the index date
    return np.sort(np.append(days, rng.uniform(5, 120, 2)))


def _series(
    person: dict[str, object], analyte: Analyte, visits: np.ndarray, rng: np.random.Generator, flaws: dict[str, int]
) -> tuple[Rows, dict[str, object]]:
    z = float(person["z_lab"])  # type: ignore[arg-type]
    level = analyte.mean + rng.normal(0, analyte.sd) * 0.8 + analyte.z_shift * z
    slope = rng.normal(0, analyte.sd) * 0.15 + analyte.z_slope * z
    site = str(person["site"])
    unit, factor, offset = analyte.units[0] if site == "site_1" else analyte.units[1]
    name = analyte.spellings[int(rng.integers(len(analyte.spellings)))]
    limit = 0.5 if analyte.name == "crp" else 0.0
    rows: Rows = []
    for day in visits[rng.random(len(visits)) < 0.75]:
        value = level + slope * day / 365.25 + rng.normal(0, analyte.sd) * 0.45
        value = float(np.exp(value)) if analyte.log else value
        text = f"<{limit * factor:g}" if value < limit else f"{value * factor + offset:.{analyte.digits}f}"
        flaws["censored"] += text.startswith("<")
        flaws["after_index"] += day > 0
        row = dict(
            zip(MEASURED, (str(person["patient"]), name, _decimal(text, site), unit, _date(person, day)), strict=True)
        )
        rows.append(row)
        if rng.random() < 0.02:
            rows.append(dict(row))
            flaws["duplicates"] += 1
    planted = {"patient": person["patient"], "analyte": analyte.name, "unit": analyte.units[0][0], "log": analyte.log,
               "level": round(level, 6), "slope_per_year": round(slope, 6), "n_rows": len(rows)}  # fmt: skip
    return rows, planted


def _decimal(text: str, site: str) -> str:
    return text.replace(".", ",") if site == "site_2" else text


def _date(person: dict[str, object], day: float) -> str:
    moment = np.datetime64(str(person["index_date"]), "m") + np.timedelta64(int(np.floor(day)), "D")
    text = str(moment + np.timedelta64(int((day % 1) * 720) + 420, "m"))  # between 7 and 19 h
    return {"site_1": text[:10], "site_2": text.replace("T", " ")}.get(str(person["site"]), text)


def _write(path: Path, rows: Rows, kind: str) -> dict[str, str]:
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, lineterminator="\n")
    return {"patient": "*", "modality": "ehr", "kind": kind, "path": str(path), "taken_on": ""}
