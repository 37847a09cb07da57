"""Standardised uptake values by body weight, from what DICOM or a BIDS-like sidecar says of dose, weight and time.

SUV = activity [Bq/ml] x weight [g] / dose at the time to which the activity is decay-corrected [Bq], with 1 ml of
tissue taken as 1 g (Boellaard et al. 2015, doi:10.1007/s00259-014-2961-x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from consilium.imaging.intake import deidentify
from consilium.imaging.volume import Volume

HALF_LIFE_S = {"F18": 6586.2, "C11": 1223.4, "GA68": 4057.7, "O15": 122.2, "N13": 597.9, "CU64": 45723.6}
WEIGHT_KG = (2.0, 400.0)
DOSE_BQ = (1e6, 2e10)


@dataclass(frozen=True)
class Dose:
    """weight_kg; dose_bq at injection; delay_s from injection to the start of the scan; half_life_s."""

    weight_kg: float | None
    dose_bq: float | None
    delay_s: float | None
    half_life_s: float | None


def factor(dose: Dose, corrected_to: str) -> float:
    """SUV per Bq/ml. corrected_to: START (scan start) or ADMIN (injection). ValueError names what is lacking."""
    if dose.weight_kg is None or not WEIGHT_KG[0] <= dose.weight_kg <= WEIGHT_KG[1]:
        raise ValueError("no believable body weight")
    if dose.dose_bq is None or not DOSE_BQ[0] <= dose.dose_bq <= DOSE_BQ[1]:
        raise ValueError("no believable injected dose")
    left = 1.0
    if corrected_to == "START":
        if dose.delay_s is None or not 0 <= dose.delay_s <= 86400:
            raise ValueError("no believable time from injection to scan")
        if dose.half_life_s is None or dose.half_life_s <= 0:
            raise ValueError("no half-life")
        left = 2 ** (-dose.delay_s / dose.half_life_s)
    elif corrected_to != "ADMIN":
        raise ValueError("not said to be decay-corrected")
    return dose.weight_kg * 1000 / (dose.dose_bq * left)


def apply(volume: Volume, dose: Dose | None, corrected_to: str) -> None:
    """Turn a Bq/ml volume into SUV in place, or leave it in Bq/ml with the reason."""
    volume.unit = "Bq/ml"
    try:
        if dose is None:
            raise ValueError("no dose, weight and times given")
        scale = factor(dose, corrected_to)
    except ValueError as lack:
        volume.unit_reason = f"SUV not computed: {lack}"
        volume.notes.append(volume.unit_reason)
        return
    volume.voxels = volume.voxels * volume.voxels.dtype.type(scale)
    volume.unit = "SUV"


def dose_of(dataset: Any) -> Dose | None:
    """Dose facts of a DICOM PET header (kept in memory only)."""
    drug = (dataset.get("RadiopharmaceuticalInformationSequence") or [None])[0]
    if drug is None:
        return None
    start = _seconds(dataset.get("SeriesTime") or dataset.get("AcquisitionTime"))
    injected = _seconds(drug.get("RadiopharmaceuticalStartTime"))
    delay = None if start is None or injected is None else (start - injected) % 86400
    return Dose(
        deidentify.number(dataset, "PatientWeight"),
        deidentify.number(drug, "RadionuclideTotalDose"),
        delay,
        deidentify.number(drug, "RadionuclideHalfLife"),
    )


def _seconds(time: Any) -> float | None:
    """Seconds since midnight of a DICOM TM value (HHMMSS.FFFFFF)."""
    text = str(time or "")
    if len(text) < 6 or not text[:6].isdigit():
        return None
    try:
        return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
    except ValueError:
        return None


def apply_dicom(volume: Volume, units: str, decay: str, dose: Dose | None) -> None:
    """Units BQML become SUV; GML is SUV already; others stay unknown."""
    if units == "BQML":
        apply(volume, dose, decay)
    elif units == "GML":
        volume.unit = "SUV"
    else:
        volume.unit = "unknown"
        volume.unit_reason = "the header's units are neither Bq/ml nor g/ml"


def apply_sidecar(volume: Volume, facts: dict[str, Any] | None) -> None:
    """Units, dose, weight and times from the JSON beside an image; only numbers and known words are read.

    facts: its content, {} where there is no such file, None where it is no JSON object.
    """
    volume.unit = "unknown"
    if not facts:
        volume.unit_reason = "no sidecar says the units" if facts == {} else "the sidecar is no JSON object"
        return
    units = str(facts.get("Units", "")).lower().replace(" ", "")
    if units in ("suv", "suvbw", "g/ml"):
        volume.unit, volume.unit_reason = "SUV", ""
    elif units in ("bq/ml", "kbq/ml"):
        volume.voxels = volume.voxels * volume.voxels.dtype.type(1000 if units[0] == "k" else 1)
        volume.unit_reason = ""
        apply(volume, _sidecar_dose(facts), "START" if facts.get("ImageDecayCorrected") is True else "")
    else:
        volume.unit_reason = "the sidecar's units are neither Bq/mL nor SUV"


def _sidecar_dose(facts: dict[str, Any]) -> Dose:
    """BIDS PET names; BodyWeight (kg) is ours, as BIDS keeps the weight elsewhere."""
    scale = {"MBq": 1e6, "kBq": 1e3, "Bq": 1.0, "GBq": 1e9}.get(str(facts.get("InjectedRadioactivityUnits", "")))
    dose, at = deidentify.number(facts, "InjectedRadioactivity"), deidentify.number(facts, "InjectionStart")
    to = deidentify.number(facts, "ImageDecayCorrectionTime")
    nuclide = "".join(c for c in str(facts.get("TracerRadionuclide", "")).upper() if c.isalnum())
    nuclide = nuclide if nuclide in HALF_LIFE_S else nuclide[-2:] + nuclide[:-2]
    return Dose(
        deidentify.number(facts, "BodyWeight"),
        None if dose is None or scale is None else dose * scale,
        None if at is None or to is None else to - at,
        HALF_LIFE_S.get(nuclide),
    )
