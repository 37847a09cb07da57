"""One kind of table: all its files to one patients x features matrix with names, scale, quality and problems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from consilium.core import blocks
from consilium.core.errors import Problem
from consilium.core.sheets import Patient, Sample
from consilium.omics.identifiers import GENE_KINDS, canonical, name_space
from consilium.omics.quality import patient_quality, site_share
from consilium.omics.reading import LISTED, read_matrix
from consilium.omics.scales import ALLOWED, LOG_KINDS, outside, to_scale

TITLES = {
    "expression": "Gene expression",
    "methylation": "DNA methylation",
    "mirna": "MicroRNA expression",
    "protein": "Protein abundance",
    "copy_number": "Copy number",
    "mutation": "Somatic mutations",
}


@dataclass
class File:
    """One file, read, renamed and on its stored scale. supplied: stored feature name -> name in the file."""

    path: str
    values: pd.DataFrame
    scale: str
    names: str
    supplied: dict[str, str]
    unusable: list[str]  # patients of the file without a single usable value
    problems: list[Problem]


@dataclass
class Kind:
    """A kind of table, ready: values (patients with the kind x kept features) and its quality tables."""

    kind: str
    values: pd.DataFrame
    qc: pd.DataFrame
    features_qc: pd.DataFrame
    notes: dict[str, Any]
    unusable: set[str]
    problems: list[Problem]


def read_file(sample: Sample, known: set[str]) -> File:
    """Read a matrix, check its range, give features one spelling and values the stored scale."""
    path = Path(sample.path)
    matrix = read_matrix(path, known)
    values, problems = matrix.values, list(matrix.problems)
    bad = outside(values, sample.kind)
    if bad.any():
        problems += _range_problems(path, values, bad, sample.kind)
        values = values.mask(bad)
    names = [str(c) for c in values.columns]
    new = [canonical(n, sample.kind) for n in names]
    dates = [n for n, c in zip(names, new, strict=True) if not c]
    if dates:
        found = f"{len(dates)} names that a spreadsheet turned into dates: {', '.join(dates[:5])}"
        problems.append(Problem(str(path), found, "gene names", "export again without a spreadsheet (left out)"))
    first: dict[str, str] = {}
    for name, c in zip(names, new, strict=True):
        if c and c in first:
            found = f"feature '{name}', the same as '{first[c]}'"
            problems.append(Problem(str(path), found, "each feature once", "keep one (the first is used)"))
        elif c:
            first[c] = name
    stored, scale = to_scale(values[list(first.values())].to_numpy(dtype=float), sample.kind)
    frame = pd.DataFrame(stored, index=values.index, columns=list(first))
    empty = frame.isna().all(axis=1)
    spelled = name_space(names) if sample.kind in GENE_KINDS else "as supplied"
    return File(sample.path, frame[~empty], scale, spelled, first, list(frame.index[empty]), problems)


def read_kind(kind: str, samples: list[Sample], people: list[Patient], max_missing_rate: float) -> Kind | None:
    """All files of a kind as one; None where no file gives a value."""
    files = [read_file(s, {p.patient for p in people}) for s in samples]
    problems = [p for f in files for p in f.problems]
    seen: dict[str, str] = {}
    parts = []
    for file in files:
        for patient in file.values.index.intersection(list(seen)):
            found, mend = f"patient '{patient}' also in {seen[patient]}", "keep one (the first file is used)"
            problems.append(Problem(file.path, found, "each patient in one file of a kind", mend, 0, patient))
        parts.append(file.values[~file.values.index.isin(list(seen))])
        seen |= dict.fromkeys(parts[-1].index, file.path)
    parts = [p for p in parts if p.size]
    if not parts:
        return Kind(kind, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), {}, set(), problems) if problems else None
    every = pd.concat(parts) if len(parts) > 1 else parts[0]
    order = [p.patient for p in people if p.patient in every.index]
    every = every.loc[order, sorted(every.columns)]
    table = _features_table(kind, every, files, people, max_missing_rate)
    kept = every.loc[:, (table["verdict"] == "keep").to_numpy()]
    qc = patient_quality(kept, max_missing_rate)
    path_scale = {p: (f.path, f.scale) for f in reversed(files) for p in f.values.index}
    qc["file"] = [path_scale[p][0] for p in qc.index]
    qc["scale"] = [path_scale[p][1] for p in qc.index]
    qc.insert(0, "kind", kind)
    notes = _notes(kept, table, files, people)
    unusable = {p for f in files for p in f.unusable}
    return Kind(kind, kept, qc.reset_index(names="patient"), table, notes, unusable, problems)


def block(kind: Kind, people: list[Patient]) -> xr.Dataset:
    """The kind as a feature block of all patients in sheet order; values float32, NaN where missing."""
    patients = [p.patient for p in people]
    values = kind.values.reindex(patients).to_numpy(dtype=np.float32)
    present = ~np.isnan(values).all(axis=1)
    scales = sorted(set(kind.qc["scale"]))
    unit = " or ".join(scales) if kind.kind in LOG_KINDS else scales[0]
    why = ["no usable value" if p in kind.unusable or p in kind.values.index else "not supplied" for p in patients]
    features = [str(c) for c in kind.values.columns]
    return blocks.table(
        "omics",
        TITLES[kind.kind],
        patients,
        values,
        features,
        [unit] * len(features),
        ["" if p else w for p, w in zip(present, why, strict=True)],
    )


def _features_table(
    kind: str, values: pd.DataFrame, files: list[File], people: list[Patient], max_missing_rate: float
) -> pd.DataFrame:
    """Rows of table omics_features. A feature with too many gaps is dropped by its gaps alone, never by outcomes."""
    supplied: dict[str, str] = {}
    for file in reversed(files):
        supplied |= file.supplied
    missing = values.isna().mean().to_numpy()
    drop = missing > max_missing_rate
    sites = pd.Series({p.patient: p.site for p in people})
    reason = [
        f"{m:.0%} missing, more than {max_missing_rate:.0%}" if d else "" for m, d in zip(missing, drop, strict=True)
    ]
    return pd.DataFrame(
        {
            "kind": kind,
            "feature": values.columns,
            "supplied_as": [supplied[c] for c in values.columns],
            "missing_rate": missing,
            "site_r2": site_share(values, sites),
            "verdict": np.where(drop, "dropped", "keep"),
            "reason": reason,
        }
    )


def _notes(kept: pd.DataFrame, table: pd.DataFrame, files: list[File], people: list[Patient]) -> dict[str, Any]:
    site = {p.patient: p.site for p in people}
    named = [site[p] for p in kept.index if site[p]]
    n, k = len(named), len(set(named))
    shares = table.loc[table["verdict"] == "keep", "site_r2"]
    return {
        "patients": len(kept),
        "features": kept.shape[1],
        "dropped": int((table["verdict"] == "dropped").sum()),
        "files": {f.path: {"scale": f.scale, "names": f.names, "patients": len(f.values)} for f in files},
        "site_r2_median": float(shares.median()) if shares.notna().any() else None,
        "site_r2_expected_without_effect": (k - 1) / (n - 1) if k > 1 else None,
    }


def _range_problems(path: Path, values: pd.DataFrame, bad: np.ndarray, kind: str) -> list[Problem]:
    rows, columns = np.nonzero(bad)
    out = []
    mend = (
        "convert M values by 2^M / (2^M + 1)"
        if kind == "methylation"
        else "write 1 for mutated, 0 for not, NA for not tested"
    )
    for i, j in list(zip(rows, columns, strict=True))[:LISTED]:
        found = f"{values.iat[i, j]:g} for {values.columns[j]}"
        patient = str(values.index[i])
        out.append(Problem(str(path), found, ALLOWED[kind], f"{mend} (read as missing)", 0, patient))
    if len(rows) > LISTED:
        found = f"{len(rows) - LISTED} more values outside the range"
        out.append(Problem(str(path), found, ALLOWED[kind], f"{mend} (read as missing)"))
    return out
