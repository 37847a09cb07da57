"""From the patients' folders to the cohort: feature blocks, the quality table, what was refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core import blocks
from consilium.core.errors import Problem
from consilium.core.sheets import Sample
from consilium.core.store import read_facts

if TYPE_CHECKING:
    import xarray as xr

# Block -> kind of image it comes from, title.
TABLES = {
    "t1_regions": ("T1", "T1 MRI: grey matter, CSF and intensity per region"),
    "t2_regions": ("T2", "T2 MRI: grey matter, CSF and intensity per region"),
    "flair_regions": ("FLAIR", "FLAIR MRI: grey matter, CSF and intensity per region"),
    "fmri_connectivity": ("fMRI", "fMRI: mean correlation between networks"),
    "fmri_partial": ("fMRI", "fMRI: mean partial correlation between networks"),
    "fmri_graph": ("fMRI", "fMRI: graph measures of the network nodes"),
    "fmri_activity": ("fMRI", "fMRI: slow fluctuations and local agreement per network and structure"),
    "ct": ("CT", "CT: densities, lungs, nodule candidates"),
    "pet": ("PET", "PET: uptake"),
    "lesion": ("mask", "Lesion: size, shape, intensity, place"),
    "radiomics": ("mask", "Lesion: radiomics (IBSI)"),
}
VOLUMES = {
    "t1_volume": ("T1", "T1 MRI on a coarse MNI grid, white matter = 1"),
    "flair_volume": ("FLAIR", "FLAIR MRI on a coarse MNI grid, white matter = 1"),
}
NOT_SUPPLIED = "not supplied"


class Cohort:
    """What the chunk stage left of every sample: facts by (patient, sample), and causes of refused files."""

    def __init__(self, entries: list[dict[str, Any]], samples: list[Sample], patients: list[str]) -> None:
        self.patients = patients
        self.samples = samples
        self.facts: dict[tuple[str, str], tuple[Path, dict[str, Any], dict[str, Any]]] = {}
        self.problems = [Problem(**p) for e in entries for p in e["problems"]]
        folders = {str(e["patient"]): Path(e["folder"]) for e in entries}
        for s in samples:
            folder = folders.get(s.patient, Path("absent")) / s.sample
            if (folder / "features.json").exists():
                facts = read_facts(folder / "qc.json"), read_facts(folder / "features.json")
                self.facts[(s.patient, s.sample)] = (folder, *facts)

    def of_kind(self, patient: str, kind: str) -> list[Sample]:
        return [s for s in self.samples if s.patient == patient and s.kind == kind]

    def refusal(self, sample: Sample) -> str:
        """Why the file of a sample was refused."""
        causes = [p.found for p in self.problems if p.patient == sample.patient and p.file == sample.path]
        return "not usable: " + ("; ".join(causes) if causes else "processing failed, see the quarantine list")

    def chosen(self, patient: str, kind: str, block: str) -> tuple[Sample | None, str]:
        """(first sample in sheet order that can be used for the block, "") or (None, why not)."""
        reasons = []
        for sample in self.of_kind(patient, kind):
            if (patient, sample.sample) not in self.facts:
                reasons.append(self.refusal(sample))
                continue
            _, qc, features = self.facts[(patient, sample.sample)]
            why = self._why_not(qc, features, block)
            if not why:
                return sample, ""
            reasons.append(why)
        return None, "; ".join(dict.fromkeys(reasons)) if reasons else NOT_SUPPLIED

    @staticmethod
    def _why_not(qc: dict[str, Any], features: dict[str, Any], block: str) -> str:
        if qc["verdict"] == "exclude":
            return f"excluded by QC: {qc['reason']}"
        if block in VOLUMES:
            registration = qc["registration"] or {}
            return "" if block in features["volumes"] else f"not registered: {registration.get('reason', '')}"
        return str(features["blocks"].get(block, {"reason": "not computed"})["reason"])


def table_block(cohort: Cohort, block: str) -> xr.Dataset | None:
    """Feature block of layout table; None when no patient has values."""
    kind, title = TABLES[block]
    rows, reasons = [], []
    names: dict[str, str] = {}
    for patient in cohort.patients:
        sample, reason = cohort.chosen(patient, kind, block)
        values: dict[str, float] = {}
        if sample is not None:
            found = cohort.facts[(patient, sample.sample)][2]["blocks"][block]["features"]
            values = {n: f["value"] for n, f in found.items() if f["value"] is not None}
            for name, fact in found.items():
                # A unit that says "not assessed" gives way to the unit of a patient in whom it was.
                names[name] = fact["unit"] if names.get(name, "not assessed") == "not assessed" else names[name]
            reason = "" if values else "no feature could be computed"
        rows.append(values)
        reasons.append(reason)
    if not any(rows):
        return None
    matrix = np.array([[row.get(n, np.nan) for n in names] for row in rows], dtype=np.float32)
    return blocks.table("imaging", title, cohort.patients, matrix, list(names), list(names.values()), reasons)


def volume_block(cohort: Cohort, block: str) -> xr.Dataset | None:
    """Feature block of layout volume; None when no patient has one."""
    kind, title = VOLUMES[block]
    found: list[np.ndarray | None] = []
    reasons = []
    for patient in cohort.patients:
        sample, reason = cohort.chosen(patient, kind, block)
        volume = None
        if sample is not None:
            folder, _, features = cohort.facts[(patient, sample.sample)]
            volume = np.load(folder / features["volumes"][block]).astype(np.float32)
        found.append(volume)
        reasons.append(reason)
    shape = next((v.shape for v in found if v is not None), None)
    if shape is None:
        return None
    values = np.stack([np.full(shape, np.nan, dtype=np.float32) if v is None else v for v in found])
    return blocks.volume("imaging", title, cohort.patients, values, reasons)


def all_blocks(cohort: Cohort) -> dict[str, xr.Dataset]:
    """Every block that at least one patient has."""
    every = {**{b: table_block(cohort, b) for b in TABLES}, **{b: volume_block(cohort, b) for b in VOLUMES}}
    return {name: block for name, block in sorted(every.items()) if block is not None}
