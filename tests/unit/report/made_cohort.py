"""A small results folder as the other rooms leave it, through the contract: rich, poor and troubled patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from consilium.core.store import write_features, write_table
from made_association import association
from made_genomes import genomics
from made_models import learn, treatment
from made_names import CLASSES, EMPTY, IDS, N, has
from made_reasons import reasons
from made_records import images, records


def build(base: Path) -> Path:
    """Write sheets and results under `base`; returns results/<cohort>."""
    rng = np.random.default_rng(5)
    results = base / "results" / "made"
    cohort = results / "cohort"
    people = _people(base, rng)
    _samples(base)
    genomics(cohort, results / "patients", people, rng)
    images(cohort, results / "patients", rng)
    records(cohort, rng)
    learn(cohort, people, rng)
    for task in ("diagnosis", "survival"):
        reasons(cohort / "learn" / task)
    treatment(cohort, rng)
    association(cohort, np.random.default_rng(6))
    _features(cohort)
    _quarantine(cohort)
    return results


def _people(base: Path, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for i, patient in enumerate(IDS):
        rows.append(
            {
                "patient": patient,
                "sex": ("female", "male")[i % 2],
                "birth_year": 1940 + i,
                "site": f"site_{1 + i % 3}",
                "family": "F01" if i in (4, 5) else "",
                "index_date": "2024-03-01",
                "diagnosis": CLASSES[i % 3],
                "survival_days": int(rng.exponential(600)) + 30,
                "event": int(rng.random() < 0.6),
            }
        )
    rows[-1] |= {"birth_year": "", "site": "", "index_date": "", "diagnosis": "", "survival_days": "", "event": ""}
    table = pd.DataFrame(rows)
    table.to_csv(base / "patients.tsv", sep="\t", index=False)
    return table


def _samples(base: Path) -> None:
    rows = [
        ("*", "genomics", "vcf", "raw/cohort.vcf.gz", ""),
        ("*", "ehr", "labs", "raw/labs.tsv", ""),
        ("*", "ehr", "vitals", "raw/vitals.tsv", ""),
        ("*", "ehr", "drugs", "raw/drugs.tsv", ""),
        ("*", "omics", "expression", "raw/expression.tsv", ""),
    ]
    for i, patient in enumerate(IDS):
        if patient == EMPTY:
            continue
        if has(i, 4):
            rows.append((patient, "imaging", "T1", f"raw/{patient}_T1.nii.gz", "2024-02-20"))
        if i % 5 == 0:
            rows.append((patient, "imaging", "CT", f"raw/{patient}_ct", "2024-02-11"))
        if i % 6 == 1:
            rows.append((patient, "genomics", "bam", f"raw/{patient}.bam", ""))
        if has(i, 3):
            rows.append((patient, "text", "pathology", f"raw/{patient}_path.txt", "2024-02-25"))
    lines = ["\t".join(r) for r in [("patient", "modality", "kind", "path", "taken_on"), *rows]]
    (base / "samples.tsv").write_text("\n".join(lines) + "\n")


def _block(room: str, title: str, present: list[bool], reasons: list[str]) -> xr.Dataset:
    values = np.where(np.array(present)[:, None], 1.0, np.nan).astype("float32").repeat(3, axis=1)
    return xr.Dataset(
        {
            "values": (("patient", "feature"), values),
            "present": ("patient", np.array(present)),
            "reason": ("patient", np.array(reasons, dtype="U60")),
        },
        coords={
            "patient": np.array(IDS),
            "feature": np.array(["a", "b", "c"]),
            "unit": ("feature", np.array(["", "ml", ""])),
        },
        attrs={"room": room, "title": title, "layout": "table"},
    )


def _features(cohort: Path) -> None:
    for room, blocks in {
        "genomics": [("variants", "Genome", 7)],
        "imaging": [("t1_regions", "T1 regional volumes", 4), ("ct", "CT", 5)],
        "omics": [("expression", "Gene expression", 3)],
        "ehr": [("series", "Labs over time", 6), ("summary", "Lab summary", 6)],
        "text": [("findings", "Report findings", 3)],
    }.items():
        made = {}
        for name, title, every in blocks:
            present = [has(i, every) and IDS[i] != "P003" for i in range(N)]
            made[name] = _block(room, title, present, ["" if p else "not supplied" for p in present])
        write_features(cohort / "features" / f"{room}.zarr.zip", made)


def _quarantine(cohort: Path) -> None:
    rows = {
        "imaging": [
            (
                "P011",
                "raw/P011_ct",
                0,
                "DICOM series with slice 17 of 60 missing; allowed: a whole series; mend: export it",
            )
        ],
        "ehr": [
            ("P003", "raw/labs.tsv", 214, "unit 'bushel' of sodium; allowed: mmol/L; mend: correct the unit"),
            ("*", "raw/labs.tsv", 90, "patient 'P999'; allowed: a patient of the sheet; mend: add the patient"),
        ],
        "genomics": [],
        "omics": [],
        "text": [],
    }
    for room, found in rows.items():
        table = pd.DataFrame(
            [{"patient": p, "room": room, "file": f, "line": n, "cause": c} for p, f, n, c in found],
            columns=["patient", "room", "file", "line", "cause"],
        )
        write_table(cohort / room / "quarantine.tsv", "quarantine", table)
