"""What the reads of all patients say, as tables: quality, coverage, copies of CYP2D6, copy-number flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core.store import read_facts
from consilium.genomics.reads import copy_number
from consilium.genomics.reads.coverage import THRESHOLDS
from consilium.genomics.reads.cyp2d6 import NOTE
from consilium.genomics.reads.measuring import mean_depth
from consilium.genomics.reads.regions import Region, Window

if TYPE_CHECKING:
    import pandas as pd

QUALITY = (
    "n_reads", "mapped_fraction", "duplicate_fraction", "properly_paired_fraction", "error_rate", "insert_size_mean",
    "insert_size_sd", "read_length_mean", "gc_mean", "gc_low_depth", "gc_high_depth", "mean_depth",
    "panel_sites_covered",
)  # fmt: skip


def measured(entries: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """Patient -> folder of the depth stage, of those whose reads were measured."""
    folders = {str(e["patient"]): Path(e["folder"]) for e in entries}
    return {p: f for p, f in sorted(folders.items()) if (f / "depth.json").exists()}


def quality(entries: Sequence[Mapping[str, Any]], depth: Mapping[str, Path]) -> pd.DataFrame:
    """One row a patient with readable reads (table reads_qc); `entries`: manifest entries of the stage `reads`."""
    import pandas as pd

    rows = []
    for entry in entries:
        facts = Path(entry["folder"]) / "qc.json"
        if not facts.exists():
            continue
        patient, found = str(entry["patient"]), read_facts(facts)
        row = {"patient": patient, **{k: found.get(k) for k in QUALITY}}
        by_depth = read_facts(depth[patient] / "depth.json")["sex"] if patient in depth else {}
        row |= {"x_depth_ratio": by_depth.get("x"), "y_depth_ratio": by_depth.get("y"),
                "sex_by_depth": by_depth.get("sex", "unknown"),
                "sex_reason": by_depth.get("reason", "depth not measured")}  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows, columns=["patient", *QUALITY, "x_depth_ratio", "y_depth_ratio", "sex_by_depth",
                                       "sex_reason"])  # fmt: skip


def coverage(depth: Mapping[str, Path], places: Sequence[Region]) -> pd.DataFrame:
    """One row a patient and region (table coverage)."""
    import pandas as pd

    n_bases = np.array([r.n_bases for r in places], dtype=np.int64)
    fixed = {
        "region": [r.name for r in places], "kind": [r.kind for r in places], "gene": [r.gene for r in places],
        "chrom": [r.chrom for r in places], "start": [r.intervals[0][0] for r in places],
        "end": [r.intervals[-1][1] for r in places], "n_bases": n_bases,
    }  # fmt: skip
    tables = []
    for patient, folder in depth.items():
        found = np.load(folder / "regions.npy")
        shares = {f"share_{t}x": found[:, 2 + i] / n_bases for i, t in enumerate(THRESHOLDS) if t > 1}
        tables.append(pd.DataFrame({"patient": patient, **fixed, "mean_depth": found[:, 0] / n_bases,
                                    "bases_uncovered": n_bases - found[:, 2], "bases_below_min": found[:, 1],
                                    **shares}))  # fmt: skip
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COVERAGE)


_COVERAGE = ["patient", "region", "kind", "gene", "chrom", "start", "end", "n_bases", "mean_depth", "bases_uncovered",
             "bases_below_min", *(f"share_{t}x" for t in THRESHOLDS if t > 1)]  # fmt: skip


def cyp2d6(depth: Mapping[str, Path]) -> pd.DataFrame:
    """One row a patient with reads (table cyp2d6)."""
    import pandas as pd

    rows = []
    for patient, folder in depth.items():
        found = read_facts(folder / "depth.json")["cyp2d6"]
        called = found["copies"] >= 0
        rows.append({
            "patient": patient, "gene": "CYP2D6", "call": "called" if called else "not_called",
            "diplotype": "*5/*5" if found["copies"] == 0 and not found["hybrid"] else None,
            "copies": found["copies"] if called else None, "copies_both_genes": found["total"] if called else None,
            "hybrid": found["hybrid"] or None, "estimate": found["estimate"], "posterior": found["posterior"],
            "control_depth": found["depth"], "reason": found["reason"] or None, "note": NOTE,
        })  # fmt: skip
    columns = ["patient", "gene", "call", "diplotype", "copies", "copies_both_genes", "hybrid", "estimate", "posterior",
               "control_depth", "reason", "note"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def copy_number_flags(depth: Mapping[str, Path], parts: Sequence[Window]) -> pd.DataFrame:
    """Findings of every patient with reads, or why there are none (table cnv_flags)."""
    import pandas as pd

    values = [mean_depth(list(parts), np.load(f / "windows.npy")) for f in depth.values()]
    stacked = np.array(values).reshape(len(values), len(parts))
    rows = [asdict(f) for f in copy_number.findings(list(depth), parts, stacked)]
    columns = list(copy_number.Finding.__dataclass_fields__)
    return pd.DataFrame(rows, columns=columns)
