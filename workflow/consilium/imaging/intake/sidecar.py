"""Acquisition facts under BIDS names: which may be kept, and what they mean on the turned axes of a volume."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from consilium.imaging.intake.suv import HALF_LIFE_S
from consilium.imaging.volume import Affine, Volume

KEEP_NUMBERS = (
    "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "MagneticFieldStrength", "EchoTrainLength",
    "EchoNumber", "EffectiveEchoSpacing", "TotalReadoutTime", "DwellTime", "PixelBandwidth", "SliceThickness",
    "SpacingBetweenSlices", "MultibandAccelerationFactor", "ParallelReductionFactorInPlane",
    "ParallelReductionFactorOutOfPlane", "PartialFourier", "PercentPhaseFOV", "PercentSampling",
    "PhaseEncodingSteps", "AcquisitionMatrixPE", "ReconMatrixPE", "BaseResolution", "PhaseResolution",
    "BandwidthPerPixelPhaseEncode", "NumberOfAverages", "NumberOfVolumesDiscardedByScanner",
    "NumberOfVolumesDiscardedByUser", "DelayTime", "KVP", "XRayTubeCurrent", "XRayExposure", "ExposureTime",
)  # fmt: skip
MAKERS = ("Siemens", "GE", "Philips", "Canon", "Toshiba", "Hitachi", "Fujifilm", "UIH", "Bruker", "Mediso", "Esaote",
          "Hyperfine")  # fmt: skip
KEEP_WORDS: dict[str, tuple[str, ...]] = {
    "Modality": ("MR", "CT", "PT"),
    "MRAcquisitionType": ("2D", "3D"),
    "PatientPosition": ("HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"),
    "InPlanePhaseEncodingDirectionDICOM": ("ROW", "COL"),
    "PulseSequenceType": (
        "Gradient Echo EPI",
        "Spin Echo EPI",
        "Multiband Gradient Echo EPI",
        "Multiband Spin Echo EPI",
        "Spoiled Gradient Echo",
        "Inversion Recovery Spin Echo",
    ),
    "TracerRadionuclide": tuple(HALF_LIFE_S),
}
KEEP_TERMS = {  # DICOM terms joined by backslashes
    "ScanningSequence": {"SE", "IR", "GR", "EP", "RM"},
    "SequenceVariant": {"SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"},
}
DIRECTIONS = ("i", "j", "k")
MAX_SLICES = 10_000


def beside(image: Path) -> Path:
    """The JSON file that BIDS puts beside an image."""
    return image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def load(image: Path) -> dict[str, Any] | None:
    """Content of the JSON beside an image: {} where there is none, None where it is no JSON object."""
    file = beside(image)
    try:
        facts = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def kept(facts: dict[str, Any]) -> dict[str, Any]:
    """What of a sidecar may be kept: finite numbers and words of closed lists. Nothing else is ever written."""
    out: dict[str, Any] = {}
    for name in KEEP_NUMBERS:
        value = facts.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            out[name] = value
    for name, allowed in KEEP_WORDS.items():
        if isinstance(facts.get(name), str) and facts[name] in allowed:
            out[name] = facts[name]
    for name, terms in KEEP_TERMS.items():
        said = facts.get(name)
        if isinstance(said, str) and said and set(said.split("\\")) <= terms:
            out[name] = said
    maker = re.split(r"\W", str(facts.get("Manufacturer") or ""))[0].casefold()
    known = next((m for m in MAKERS if m.casefold() == maker), "")
    if known:
        out["Manufacturer"] = known
    return out


def apply(volume: Volume, facts: dict[str, Any], affine: Affine, shape: tuple[int, ...]) -> None:
    """Fill the volume's sidecar, repetition time, slice times and phase encoding.

    affine, shape: of the file as stored, to whose axes (i, j, k) the facts refer; they are turned to those of the
    volume. A slice timing that does not fit the slices is left out with a note.
    """
    volume.sidecar = kept(facts)
    if len(shape) == 4:
        _repetition(volume)
    direction = str(facts.get("SliceEncodingDirection") or "k")
    times = _times(facts.get("SliceTiming"))
    if times and direction.rstrip("-") in DIRECTIONS:
        _slice_times(volume, times, direction, affine, shape)
    said = str(facts.get("PhaseEncodingDirection") or "")
    if said.rstrip("-") in DIRECTIONS and len(said) <= 2:
        volume.phase_encoding = turned(said, affine)
        volume.sidecar["PhaseEncodingDirection"] = volume.phase_encoding


def turned(direction: str, affine: Affine) -> str:
    """Direction i, i-, j … on the stored axes -> on axes towards right, anterior, superior."""
    import nibabel as nib

    axis, sign = nib.orientations.io_orientation(affine)[DIRECTIONS.index(direction[0])]
    minus = (sign < 0) != direction.endswith("-")
    return DIRECTIONS[int(axis)] + ("-" if minus else "")


def _repetition(volume: Volume) -> None:
    said = volume.sidecar.get("RepetitionTime")
    if said is None:
        return
    if not 0.1 <= said <= 20:
        volume.notes.append("no believable repetition time in the sidecar")
    elif volume.tr_s is not None and abs(volume.tr_s - said) > 0.001 * said:
        volume.notes.append(f"repetition time {volume.tr_s:.4g} s in the header, {said:.4g} s in the sidecar (used)")
        volume.tr_s = float(said)
    else:
        volume.tr_s = float(said)


def _slice_times(volume: Volume, times: list[float], direction: str, affine: Affine, shape: tuple[int, ...]) -> None:
    if len(times) != shape[DIRECTIONS.index(direction[0])]:
        volume.notes.append(f"slice timing of {len(times)} slices does not fit the image: not used")
        return
    longest = volume.tr_s if volume.tr_s is not None else 20.0
    if min(times) < 0 or max(times) > longest * 1.001:
        volume.notes.append("slice timing beyond the repetition time: not used")
        return
    way = turned(direction, affine)
    volume.slice_axis = DIRECTIONS.index(way[0])
    volume.slice_times_s = tuple(reversed(times)) if way.endswith("-") else tuple(times)
    volume.sidecar["SliceTiming"] = list(volume.slice_times_s)
    volume.sidecar["SliceEncodingDirection"] = way[0]


def _times(value: Any) -> list[float]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SLICES:
        return []
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value)
    return [float(v) for v in value] if good else []
