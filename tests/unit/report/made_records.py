"""Images, health records and report texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from consilium.core.store import write_facts, write_table
from made_names import IDS, has
from PIL import Image


def images(cohort: Path, patients: Path, rng: np.random.Generator) -> None:
    rows = []
    for i, p in enumerate(IDS):
        for kind in ["T1"] * (has(i, 4)) + ["CT"] * (i % 5 == 0 and p != "P011"):
            bad = p == "P003" and kind == "T1"
            for metric, value, unit in (
                ("snr", 4.0 if bad else 14 + rng.standard_normal(), ""),
                ("cjv", 0.9 if bad else 0.42 + 0.02 * rng.standard_normal(), ""),
                ("slice_thickness", 1.0, "mm"),
            ):
                rows.append(
                    {
                        "patient": p,
                        "sample": kind,
                        "kind": kind,
                        "metric": metric,
                        "value": value,
                        "unit": unit,
                        "better": "lower" if metric == "cjv" else "higher",
                        "scanner": "3 T, 1 x 1 x 1 mm",
                        "z": float("nan"),
                        "verdict": "exclude" if bad else "keep",
                        "reason": "signal-to-noise ratio 4.0 below 6" if bad else "",
                    }
                )
            folder = patients / p / "imaging" / kind
            folder.mkdir(parents=True)
            noise = rng.integers(20, 90, (120, 360), dtype=np.uint8)
            y, x = np.mgrid[0:120, 0:360]
            disc = ((x % 120 - 60) ** 2 + (y - 60) ** 2) < 45**2
            picture = np.stack([np.where(disc, noise + 110, 10)] * 3, axis=-1).astype(np.uint8)
            picture[((x % 120 - 75) ** 2 + (y - 55) ** 2) < 8**2] = (230, 120, 30)
            if not bad:
                Image.fromarray(picture).save(folder / "preview.png")
                write_facts(
                    folder / "features.json",
                    {"blocks": {"t1_regions": {"reason": "", "features": MEASURED}}},
                )
    write_table(cohort / "imaging/qc.tsv", "image_qc", pd.DataFrame(rows))


MEASURED = {
    "icv_ml": {"value": 1480.2, "unit": "ml"},
    "gm_share": {"value": None, "unit": "fraction of ICV"},
    "gm_permille.hippocampus_L": {"value": 3.1, "unit": "permille of ICV"},
    "gm_permille.hippocampus_R": {"value": 3.3, "unit": "permille of ICV"},
    "gm_permille.DefaultMode_L_-42_-69_31": {"value": 7.25, "unit": "permille of ICV"},
    "connectivity.default.default": {"value": 0.41, "unit": "Fisher z"},
    "connectivity.default.occipital": {"value": -0.05, "unit": "Fisher z"},
    "connectivity.occipital.occipital": {"value": 0.62, "unit": "Fisher z"},
}

ANALYTES = (
    ("haemoglobin", "g/L", 120, 160, 138),
    ("creatinine", "µmol/L", 60, 110, 84),
    ("potassium", "mmol/L", 3.5, 5.1, 4.3),
    ("albumin", "g/L", 35, 50, 42),
    ("CRP", "mg/L", None, 5, 3),
    ("heart_rate", "/min", None, None, 72),
)


def records(cohort: Path, rng: np.random.Generator) -> None:
    rows, alerts, drugs, findings = [], [], [], []
    for i, p in enumerate(IDS):
        if not has(i, 6):
            continue
        for name, unit, low, high, usual in ANALYTES:
            days = sorted(rng.choice(np.arange(-360, 0), size=9, replace=False))
            for day in days:
                value = usual * (1 + 0.1 * rng.standard_normal())
                if p == "P002" and name == "potassium" and day == days[-1]:
                    value = 6.9
                date = str(pd.Timestamp("2024-03-01") + pd.Timedelta(days=int(day)))[:10]
                rows.append(
                    {
                        "patient": p,
                        "analyte": name,
                        "category": "vital" if name == "heart_rate" else "lab",
                        "taken_on": date,
                        "days": float(day),
                        "value": value,
                        "unit": unit,
                        "ref_low": low,
                        "ref_high": high,
                        "source_value": value,
                        "source_unit": "mg/dL" if name == "creatinine" else unit,
                        "censored": "",
                    }
                )
            side = "high" if high and value > high else "low" if low and value < low else ""
            if side:
                critical = "critically " if value == 6.9 else ""
                alerts.append(
                    {
                        "patient": p,
                        "analyte": name,
                        "taken_on": date,
                        "value": value,
                        "unit": unit,
                        "alert": critical + side,
                    }
                )
        for drug in ("clopidogrel", "simvastatin", "paracetamol"):
            drugs.append(
                {
                    "patient": p,
                    "drug": drug,
                    "dose": 75.0,
                    "unit": "mg",
                    "start": "2023-11-02",
                    "stop": "",
                    "supplied_as": drug,
                }
            )
        if has(i, 3):
            text = "No evidence of lymph node metastasis. Stage II, possibly grade 2."
            for concept, value, negated, hedged, words in (
                ("lymph node metastasis", "absent", True, False, "No evidence of lymph node metastasis"),
                ("stage", "II", False, False, "Stage II"),
                ("grade", "2", False, True, "possibly grade 2"),
            ):
                at = text.index(words)
                findings.append(
                    {
                        "patient": p,
                        "document": "pathology",
                        "document_kind": "pathology",
                        "taken_on": "2024-02-25",
                        "concept": concept,
                        "value": value,
                        "negated": negated,
                        "uncertain": hedged,
                        "context": "current",
                        "start": at,
                        "end": at + len(words),
                        "span": words,
                    }
                )
    write_table(cohort / "ehr/observations.parquet", "observations", pd.DataFrame(rows))
    write_table(cohort / "ehr/alerts.tsv", "alerts", pd.DataFrame(alerts))
    write_table(cohort / "ehr/drugs.tsv", "drugs", pd.DataFrame(drugs))
    write_table(
        cohort / "ehr/diagnoses.tsv",
        "diagnoses",
        pd.DataFrame(
            [{"patient": "P002", "code": "I10", "system": "ICD-10", "date": "2022-05-04", "label": "hypertension"}]
        ),
    )
    write_table(
        cohort / "omics/qc.tsv",
        "omics_qc",
        pd.DataFrame(
            [
                {
                    "patient": p,
                    "kind": "expression",
                    "file": "raw/expression.tsv",
                    "n_features": 3,
                    "missing_rate": 0.01 * (i % 3),
                    "median": 5.2,
                    "iqr": 2.1,
                    "scale": "log2",
                    "note": "median far from the other patients'" if p == "P008" else "",
                }
                for i, p in enumerate(IDS)
                if has(i, 3)
            ]
        ),
    )
    write_table(cohort / "text/findings.tsv", "findings", pd.DataFrame(findings))
