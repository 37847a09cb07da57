"""One kind of long table (cells, tiles): all its files to one bag of instances a patient, with quality and problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from consilium.core import blocks
from consilium.core.errors import Problem
from consilium.core.sheets import Patient, Sample
from consilium.omics.instances import Bag, read_instances
from consilium.omics.quality import site_share

TITLES = {"cells": "Single cells", "tiles": "Image tiles"}
SCALE = "as supplied"


@dataclass
class Bags:
    """A kind, ready. values: float32 (patient of the sheet, instance, kept feature), NaN where missing and below a
    patient's last instance; supplied: patients who are in a file."""

    kind: str
    values: np.ndarray
    features: list[str]
    supplied: set[str]
    qc: pd.DataFrame
    features_qc: pd.DataFrame
    notes: dict[str, Any]
    problems: list[Problem]


def read_bags(
    kind: str, samples: list[Sample], people: list[Patient], max_missing_rate: float, most: int
) -> Bags | None:
    """All files of a kind as one, `most` instances a patient; None without a file."""
    if not samples:
        return None
    known = {p.patient for p in people}
    problems: list[Problem] = []
    of: dict[str, tuple[str, list[str], Bag]] = {}  # patient -> file, its features, bag
    for sample in samples:
        features, bags, found = read_instances(sample.path, known, most)
        problems += found
        for patient, bag in bags.items():
            if patient in of:
                said, mend = f"patient '{patient}' also in {of[patient][0]}", "keep one (the first file is used)"
                problems.append(Problem(sample.path, said, "each patient in one file of a kind", mend, 0, patient))
            else:
                of[patient] = (sample.path, features, bag)
    names = sorted({f for _, features, _ in of.values() for f in features})
    values = _values(of, names, people, most)
    table = _features_table(kind, values, names, people, max_missing_rate)
    kept = np.flatnonzero((table["verdict"] == "keep").to_numpy())
    values, names = values[:, :, kept], [names[k] for k in kept]
    there = np.isfinite(values).any(axis=2).sum(axis=1)
    notes = {
        "patients": int((there > 0).sum()), "features": len(names), "dropped": len(table) - len(names),
        "instances": int(there.sum()), "instances_supplied": sum(bag.supplied for _, _, bag in of.values()),
        "files": {s.path: {"scale": SCALE, "patients": sum(f == s.path for f, _, _ in of.values())} for s in samples},
    }  # fmt: skip
    return Bags(kind, values, names, set(of), _qc(kind, values, of, people), table, notes, problems)


def block(found: Bags, people: list[Patient]) -> xr.Dataset:
    """The kind as a feature block of all patients in sheet order."""
    there = np.isfinite(found.values).any(axis=(1, 2))
    patients = [p.patient for p in people]
    why = ["" if t else "no usable value" if p in found.supplied else "not supplied"
           for p, t in zip(patients, there, strict=True)]  # fmt: skip
    units = [SCALE] * len(found.features)
    return blocks.bag("omics", TITLES[found.kind], patients, found.values, found.features, units, why)


def _values(
    of: dict[str, tuple[str, list[str], Bag]], names: list[str], people: list[Patient], most: int
) -> np.ndarray:
    place = {n: i for i, n in enumerate(names)}
    values = np.full((len(people), most, len(names)), np.nan, dtype=np.float32)
    for i, person in enumerate(people):
        if person.patient in of:
            _, features, bag = of[person.patient]
            rows = np.array(bag.rows())
            rows = rows[np.isfinite(rows).any(axis=1)]  # an instance without a value says nothing
            own = values[i]
            own[: len(rows), [place[f] for f in features]] = rows
    return values


def _features_table(
    kind: str, values: np.ndarray, names: list[str], people: list[Patient], max_missing_rate: float
) -> pd.DataFrame:
    """Rows of table omics_features; the share between sites is of the patients' means."""
    seen = np.isfinite(values)
    missing = 1 - seen.sum(axis=(0, 1)) / max(int(seen.any(axis=2).sum()), 1)
    drop = missing > max_missing_rate
    with np.errstate(invalid="ignore"):
        mean = np.where(seen, values, 0.0).sum(axis=1, dtype=float) / seen.sum(axis=1)
    sites = pd.Series({p.patient: p.site for p in people}, dtype=object)
    means = pd.DataFrame(mean, index=[p.patient for p in people], columns=names)
    reasons = [f"{m:.0%} missing, more than {max_missing_rate:.0%}" if d else ""
               for m, d in zip(missing, drop, strict=True)]  # fmt: skip
    verdicts = np.where(drop, "dropped", "keep")
    return pd.DataFrame({"kind": kind, "feature": names, "supplied_as": names, "missing_rate": missing,
                         "site_r2": site_share(means, sites), "verdict": verdicts, "reason": reasons})  # fmt: skip


def _qc(
    kind: str, values: np.ndarray, of: dict[str, tuple[str, list[str], Bag]], people: list[Patient]
) -> pd.DataFrame:
    """Rows of table omics_qc, over all values of a patient's kept instances."""
    rows = []
    for person, own in zip(people, values, strict=True):
        seen = own[np.isfinite(own)]
        if not len(seen):
            continue
        path, _, bag = of[person.patient]
        here = int(np.isfinite(own).any(axis=1).sum())
        low, middle, high = np.quantile(seen.astype(float), [0.25, 0.5, 0.75])
        note = f"{here} of {bag.supplied} instances kept" if here < bag.supplied else ""
        rows.append({"patient": person.patient, "kind": kind, "file": path, "n_features": own.shape[1],
                     "missing_rate": 1 - len(seen) / (here * own.shape[1]), "median": middle, "iqr": high - low,
                     "scale": SCALE, "note": note})  # fmt: skip
    return pd.DataFrame(rows)
