"""De-identification by keep-list: of a DICOM header only numbers and words from closed lists survive.

DICOM PS3.15 Annex E lists what to remove; a keep-list needs no such list and drops private tags, sequences, dates,
times, UIDs, names and every free text with them. Nothing else of a header is ever written.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Numbers that say how the image was made. (Free text is left out even where PS3.15 would keep it: a name can be typed
# into any text.)
KEEP_NUMBERS = (
    "MagneticFieldStrength", "EchoTime", "RepetitionTime", "InversionTime", "FlipAngle", "EchoTrainLength",
    "SliceThickness", "SpacingBetweenSlices", "PixelBandwidth", "NumberOfAverages", "PercentSampling", "KVP",
    "XRayTubeCurrent", "ExposureTime", "RescaleSlope", "RescaleIntercept", "BitsStored", "Rows", "Columns",
)  # fmt: skip
KEEP_WORDS = {
    "Modality": ("MR", "CT", "PT"),
    "Units": ("BQML", "CNTS", "GML", "PROPCPS", "CPS"),
    "DecayCorrection": ("NONE", "START", "ADMIN"),
    "MRAcquisitionType": ("2D", "3D"),
    "SUVType": ("BW", "BSA", "LBM"),
}
# Modalities that may be named in a message (PS3.3 C.7.3.1.1.1), anything else is "another modality".
MODALITIES = ("MR", "CT", "PT", "NM", "US", "CR", "DX", "MG", "XA", "RF", "OT", "SC", "SR", "SEG", "RTSTRUCT", "PR",
              "ECG", "SM", "XC", "ES", "REG", "KO", "RTDOSE", "RTPLAN")  # fmt: skip
# Storage classes whose pixels are pictures of a screen or come with text in them (PS3.4 B.5; those below included).
PICTURES = {
    "1.2.840.10008.5.1.4.1.1.7": "a secondary capture (screenshot), which may show names",
    "1.2.840.10008.5.1.4.1.1.6": "an ultrasound image, which shows names by custom",
    "1.2.840.10008.5.1.4.1.1.3": "an ultrasound image, which shows names by custom",
    "1.2.840.10008.5.1.4.1.1.77.1": "a photograph or film, which may show a person",
    "1.2.840.10008.5.1.4.1.1.104": "a document",
}
BY_MODALITY = {"US": "1.2.840.10008.5.1.4.1.1.6", "IVUS": "1.2.840.10008.5.1.4.1.1.6",
               "SC": "1.2.840.10008.5.1.4.1.1.7", "XC": "1.2.840.10008.5.1.4.1.1.77.1",
               "ES": "1.2.840.10008.5.1.4.1.1.77.1", "GM": "1.2.840.10008.5.1.4.1.1.77.1"}  # fmt: skip
SCREEN_WORDS = ("SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "SCREEN CAPTURE", "CAPTURE", "PHOTO", "REPORT", "DOSE_INFO")


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings and no log lines of the readers meanwhile: pydicom and nibabel quote header values in theirs."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "nibabel", "nibabel.global")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def numbers(dataset: Any) -> dict[str, float]:
    """Kept numbers of one header; what is lacking or no number is left out."""
    kept = {}
    for tag in KEEP_NUMBERS:
        value = number(dataset, tag)
        if value is not None:
            kept[tag] = value
    return kept


def words(dataset: Any) -> dict[str, str]:
    """Kept words of one header: only those of the closed lists."""
    found = {tag: str(dataset.get(tag, "") or "") for tag in KEEP_WORDS}
    return {tag: value for tag, value in found.items() if value in KEEP_WORDS[tag]}


def number(dataset: Any, tag: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(dataset.get(tag))
    except Exception:  # absent, several values, text: not a number
        return None
    return value if math.isfinite(value) else None


def modality(dataset: Any) -> str:
    """Modality if it is a defined term, else "another modality" (a header may hold anything)."""
    value = str(dataset.get("Modality", "") or "")
    return value if value in MODALITIES else "another modality"


def burned_in(dataset: Any) -> str:
    """Why the pixels of a file may show a person's data, by its header; "" where nothing says so."""
    own = str(dataset.get("SOPClassUID", "") or "")
    classes = (own, BY_MODALITY.get(str(dataset.get("Modality", "") or "").upper(), ""))
    for root, reason in PICTURES.items():
        if any(c == root or c.startswith(f"{root}.") for c in classes):
            return reason
    image_type = [str(v).upper() for v in (dataset.get("ImageType") or [])]
    if any(word in value for value in image_type for word in SCREEN_WORDS):
        return "a screen save, which may show names"
    if str(dataset.get("BurnedInAnnotation", "") or "").upper() == "YES":
        return "a burned-in annotation"
    return ""
