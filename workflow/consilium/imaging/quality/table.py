"""The cohort's quality table: every image's metrics and verdict, with what only the cohort can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core.sheets import Sample
from consilium.core.store import read_facts
from consilium.imaging.outcome import RELATIONS, SKETCH
from consilium.imaging.quality import cohort as across

if TYPE_CHECKING:
    import pandas as pd

    from consilium.imaging.collect import Cohort

Key = tuple[str, str]


def qc_table(cohort: Cohort) -> pd.DataFrame:
    """Table "image_qc": one row a sample and metric. Copies, images that contradict each other, and outliers among
    images of one kind and scanner are flagged here."""
    import pandas as pd

    judged = [s for s in cohort.samples if (s.patient, s.sample) in cohort.facts]
    rows = [
        (s.patient, s.sample, s.kind, scanner(qc), name, metric["value"], metric["unit"], metric["better"])
        for s in judged
        for qc in [cohort.facts[(s.patient, s.sample)][1]]
        for name, metric in qc["metrics"].items()
    ]
    columns = ["patient", "sample", "kind", "scanner", "metric", "value", "unit", "better"]
    table = pd.DataFrame(rows, columns=columns)
    values = pd.to_numeric(table["value"]).to_numpy(dtype=np.float64, na_value=np.nan)
    groups = list(zip(table["kind"], table["scanner"], strict=True))
    table["z"] = across.outlier_scores(groups, list(table["metric"]), values).round(2)
    found = _merged(_equal(cohort, judged), _copies(cohort, judged), _contradictions(cohort, judged), _outliers(table))
    for column, place in (("verdict", 0), ("reason", 1)):
        said = {(s.patient, s.sample): _verdict(cohort, s, found)[place] for s in judged}
        table[column] = [said[key] for key in zip(table["patient"], table["sample"], strict=True)]
    return table


def scanner(qc: dict[str, Any]) -> str:
    """What images must share to be compared: field strength or tube voltage where known, voxel size to half a mm."""
    technical = qc["technical"]
    parts = [f"{technical[t]:g} {u}" for t, u in (("MagneticFieldStrength", "T"), ("KVP", "kV")) if technical.get(t)]
    sizes = [qc["metrics"][f"spacing_{a}"]["value"] for a in "xyz"]
    return ", ".join([*parts, " x ".join(f"{round(2 * s) / 2:g}" for s in sizes) + " mm"])


def _verdict(cohort: Cohort, sample: Sample, found: dict[Key, list[str]]) -> tuple[str, str]:
    qc, more = cohort.facts[(sample.patient, sample.sample)][1], found.get((sample.patient, sample.sample), [])
    verdict = "flag" if more and qc["verdict"] == "keep" else qc["verdict"]
    return verdict, "; ".join(dict.fromkeys(r for r in (qc["reason"], *more) if r))


def _merged(*parts: dict[Key, list[str]]) -> dict[Key, list[str]]:
    out: dict[Key, list[str]] = {}
    for part in parts:
        for key, reasons in part.items():
            out.setdefault(key, []).extend(reasons)
    return out


def _equal(cohort: Cohort, judged: list[Sample]) -> dict[Key, list[str]]:
    """Samples whose voxels equal those of another sample (masks aside: small ones may coincide)."""
    by_hash: dict[str, list[Sample]] = {}
    for s in judged:
        if s.kind != "mask":
            by_hash.setdefault(cohort.facts[(s.patient, s.sample)][1]["voxel_hash"], []).append(s)
    out = {}
    for group in by_hash.values():
        for s in group if len(group) > 1 else []:
            others = ", ".join(f"{o.patient} {o.sample}" for o in group if o is not s)
            out[(s.patient, s.sample)] = [f"same voxels as {others}"]
    return out


def _copies(cohort: Cohort, judged: list[Sample]) -> dict[Key, list[str]]:
    """Samples that look the same as another though their voxels differ: rescaled, resampled or mirrored copies."""
    drawn = [s for s in judged if (cohort.facts[(s.patient, s.sample)][0] / SKETCH).exists()]
    if len(drawn) < 2:
        return {}
    likenesses = np.stack([np.load(cohort.facts[(s.patient, s.sample)][0] / SKETCH) for s in drawn])
    out: dict[Key, list[str]] = {}
    for i, j, r, turned in across.copies(likenesses, [s.kind for s in drawn]):
        hashes = [cohort.facts[(drawn[k].patient, drawn[k].sample)][1]["voxel_hash"] for k in (i, j)]
        if hashes[0] == hashes[1]:
            continue
        how = "a mirrored copy of" if turned else "nearly the same image as"
        for own, other in ((i, j), (j, i)):
            reason = f"{how} {drawn[other].patient} {drawn[other].sample} (r = {r:.3f})"
            out.setdefault((drawn[own].patient, drawn[own].sample), []).append(reason)
    return out


def _contradictions(cohort: Cohort, judged: list[Sample]) -> dict[Key, list[str]]:
    """What the images of one patient say about each other (relations.json)."""
    out: dict[Key, list[str]] = {}
    for s in judged:
        file = cohort.facts[(s.patient, s.sample)][0].parent / RELATIONS
        if file.exists():
            reasons = read_facts(file)["reasons"].get(s.sample, [])
            if reasons:
                out[(s.patient, s.sample)] = list(reasons)
    return out


def _outliers(table: pd.DataFrame) -> dict[Key, list[str]]:
    out: dict[Key, list[str]] = {}
    for row in table[table["z"].notna()].itertuples(index=False):
        if across.is_outlier(str(row.metric), float(row.z)):
            text = f"an outlier among this cohort's {row.kind} of one scanner: {row.metric} (robust z {row.z:.1f})"
            out.setdefault((str(row.patient), str(row.sample)), []).append(text)
    return out
