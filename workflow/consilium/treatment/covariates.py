"""What the comparison adjusts for: a small table of patient x covariate from the sheet and the feature stores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from consilium.core.sheets import Patient

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

# Feature blocks taken, as room/block, with the features taken of them. Images, texts and omics matrices are left out:
# thousands of columns on tens of patients adjust for nothing.
BLOCKS = {
    "ehr/summary": re.compile(r"\.last$"),
    "ehr/clinical": re.compile(""),
    "genomics/variants": re.compile(""),
}
FEWEST_SEEN = 0.3  # a covariate known of fewer patients than this adjusts for hardly anybody
MOST_SITES = 10


def table(
    patients: Sequence[Patient], features: Mapping[str, Mapping[str, xr.Dataset]]
) -> tuple[np.ndarray, list[str]]:
    """(values (patient, covariate), NaN where not known; covariate names) in sheet order.

    features: room -> block name -> block, as read from the feature stores.
    """
    columns = dict(_of_sheet(patients))
    for block_name, wanted in BLOCKS.items():
        room, _, name = block_name.partition("/")
        block = features.get(room, {}).get(name)
        if block is None or block.attrs["layout"] != "table":
            continue
        rows = _rows(block, [p.patient for p in patients])
        for j, feature in enumerate(block["feature"].values.astype(str)):
            if wanted.search(feature):
                columns[f"{block_name}: {feature}"] = rows[:, j]
    kept = {n: c for n, c in columns.items() if np.isfinite(c).mean() >= FEWEST_SEEN and np.nanstd(c) > 0}
    values = np.column_stack(list(kept.values())) if kept else np.empty((len(patients), 0))
    return values, list(kept)


def _rows(block: xr.Dataset, patients: list[str]) -> np.ndarray:
    values = block["values"].sel(patient=patients).values.astype(float)
    return np.where(np.isfinite(values), values, np.nan)


def _of_sheet(patients: Sequence[Patient]) -> Iterable[tuple[str, np.ndarray]]:
    yield "sex (male)", np.array([{"male": 1.0, "female": 0.0}.get(p.sex, np.nan) for p in patients])
    yield "age (years)", _ages(patients)
    sites = sorted({p.site for p in patients} - {""})
    if 1 < len(sites) <= MOST_SITES:
        for site in sites:
            yield f"site {site}", np.array([float(p.site == site) if p.site else np.nan for p in patients])


def _ages(patients: Sequence[Patient]) -> np.ndarray:
    """Age at the index date; where nobody has such a date the age in 2000, which orders patients all the same."""
    if any(p.index_date for p in patients):
        return np.array([p.age for p in patients], dtype=float)
    return 2000 - np.array([p.birth_year for p in patients], dtype=float)


def groups(patients: Sequence[Patient], kinship: pd.DataFrame | None, closest: float) -> np.ndarray:
    """Group number of each patient: connected by family in the sheet or by kinship of at least `closest`."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    at = {p.patient: i for i, p in enumerate(patients)}
    families: dict[str, int] = {}
    pairs = [(i, families.setdefault(p.family, i)) for i, p in enumerate(patients) if p.family]
    if kinship is not None:
        near = kinship[kinship["kinship"] >= closest]
        pairs += [
            (at[a], at[b]) for a, b in zip(near["patient_a"], near["patient_b"], strict=True) if a in at and b in at
        ]
    i, j = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_matrix((np.ones(len(pairs)), (i, j)), shape=(len(patients), len(patients)))
    return np.asarray(connected_components(graph, directed=False)[1])
