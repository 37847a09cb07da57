"""Assembles a DICOM folder into one Volume and names what stands in the way: missing slices, two series, wrong kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.imaging.intake import dicom_slices, suv
from consilium.imaging.intake.dicom_slices import Reading, Slice
from consilium.imaging.volume import STRUCTURAL, Affine, Volume, canonical, clean

MODALITY = {**dict.fromkeys((*STRUCTURAL, "fMRI"), "MR"), "CT": "CT", "PET": "PT"}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SAME_MM = 0.02  # slices nearer than this share their position
UNEVEN = 0.1  # tolerated deviation of a slice distance from the median, as a share


def read(path: Path, kind: str, patient: str = "") -> Volume:
    """The one series of a DICOM folder as a Volume. InputError with every reason why it cannot be used.

    4D where every position occurs equally often. Messages hold nothing of the headers but defined terms and numbers.
    """
    if kind == "mask":
        raise InputError(Problem(str(path), "a mask as DICOM", "a mask as NIfTI", "convert it", patient=patient))
    found = dicom_slices.read(path)
    slices = _without_localizers(found.slices)
    problems = _reading_problems(found) or _series_problems(slices, kind)
    if not problems:
        stack, problems = _stack(slices, kind)
        if stack and not problems:
            return _volume(stack, kind)
    raise InputError([Problem(str(path), *p, patient=patient) for p in problems])


Found = tuple[str, str, str]


def _without_localizers(slices: list[Slice]) -> list[Slice]:
    rest = [s for s in slices if not s.localizer]
    return rest or slices


def _reading_problems(found: Reading) -> list[Found]:
    if found.burned_in:
        return [(found.burned_in, "images without text in their pixels", "supply the original series")]
    if found.broken:
        causes = Counter(found.broken)
        text = "; ".join(f"{n} file(s) with {cause}" for cause, n in sorted(causes.items()))
        return [(text, "whole, unpacked DICOM images", "export the series again (uncompressed)")]
    if not found.slices:
        beside = f"no DICOM image ({found.n_other} other files, {found.n_without_image} DICOM files without pixels)"
        return [(beside, "a folder with one DICOM image series", "name the folder of the series")]
    return []


def _series_problems(slices: list[Slice], kind: str) -> list[Found]:
    problems = []
    if len({s.person for s in slices}) > 1:
        problems.append(("images of more than one person", "one person's series", "separate the folders"))
    counts = sorted(Counter(s.series for s in slices).values(), reverse=True)
    if len(counts) > 1:
        text = f"{len(counts)} series ({', '.join(map(str, counts[:8]))} slices)"
        problems.append((text, "one series in a folder", "move each series to its own folder and name the right one"))
    others = sorted({s.modality for s in slices} - {MODALITY[kind]})
    if others:
        text = f"modality {', '.join(others)} where samples.tsv says {kind}"
        problems.append((text, f"modality {MODALITY[kind]}", "correct the kind or the path"))
    return problems


def _stack(slices: list[Slice], kind: str) -> tuple[list[list[Slice]], list[Found]]:
    """([position][volume] slices in order along the normal, problems)."""
    shapes = {(s.pixels.shape, s.spacing) for s in slices}
    first = slices[0].orientation
    if len(shapes) > 1 or any(np.abs(s.orientation - first).max() > 1e-3 for s in slices):
        return [], [("slices of different size or direction", "one stack of parallel slices", "separate the series")]
    normal = np.cross(*first)
    places = np.array([s.position @ normal for s in slices])
    order = sorted(range(len(slices)), key=lambda i: (places[i], slices[i].order))
    stack: list[list[Slice]] = []
    at: list[float] = []
    for i in order:
        if at and abs(places[i] - at[-1]) <= SAME_MM:
            stack[-1].append(slices[i])
        else:
            stack.append([slices[i]])
            at.append(float(places[i]))
    stack = [sorted(group, key=lambda s: s.order) for group in stack]
    return stack, _stack_problems(stack, at, kind)


def _stack_problems(stack: list[list[Slice]], at: list[float], kind: str) -> list[Found]:
    problems: list[Found] = []
    if len(at) < 3:
        return [(f"{len(at)} slice position(s)", "at least 3", "supply the whole series")]
    gaps = np.diff(at)
    usual = float(np.median(gaps))
    lost = int(sum(round(g / usual) - 1 for g in gaps if g > 1.5 * usual))
    if lost:
        text = f"{lost} missing slice(s): gaps of up to {gaps.max():.3g} mm in slices {usual:.3g} mm apart"
        problems.append((text, "a whole stack", "export the series again"))
    elif np.abs(gaps / usual - 1).max() > UNEVEN:
        text = f"slice distances from {gaps.min():.3g} to {gaps.max():.3g} mm"
        problems.append((text, "even distances", "supply a series with even spacing"))
    counts = sorted({len(group) for group in stack})
    if len(counts) > 1:
        text = f"missing slice(s): positions with {counts[0]} to {counts[-1]} images each"
        problems.append((text, "the same number everywhere", "export the series again"))
    if kind != "fMRI" and counts[-1] > 1:
        text = f"a series of {counts[-1]} volumes"
        problems.append((text, f"one volume for kind {kind}", "supply one volume, or correct the kind"))
    if kind == "fMRI" and counts[-1] == 1:
        problems.append(("one volume", "a series of volumes for kind fMRI", "supply the series, or correct the kind"))
    return problems


def affine_of(stack: list[list[Slice]]) -> Affine:
    """Voxel (column, row, slice) -> RAS mm, from first and last slice (DICOM PS3.3 C.7.6.2.1.1)."""
    first, last = stack[0][0], stack[-1][0]
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[0] * first.spacing[1]
    affine[:3, 1] = first.orientation[1] * first.spacing[0]
    affine[:3, 2] = (last.position - first.position) / (len(stack) - 1)
    affine[:3, 3] = first.position
    return np.asarray(LPS_TO_RAS @ affine, dtype=np.float64)


def _volume(stack: list[list[Slice]], kind: str) -> Volume:
    first = stack[0][0]
    series = np.stack([np.stack([s.pixels.T for s in group], axis=-1) for group in stack], axis=2)
    voxels = series if kind == "fMRI" else series[..., 0]
    voxels, share = clean(voxels)
    voxels, affine = canonical(voxels, affine_of(stack))
    out = Volume(voxels, affine, kind, "dicom", technical=_common_numbers(stack), nan_share=share,
                 person=first.person)  # fmt: skip
    if kind == "fMRI":
        repetition = first.technical.get("RepetitionTime", 0) / 1000
        out.tr_s = repetition if 0.1 <= repetition <= 20 else None
    if kind == "CT":
        out.unit = "HU"
    if kind == "PET":
        suv.apply_dicom(out, first.words.get("Units", ""), first.words.get("DecayCorrection", ""), first.dose)
    return out


def _common_numbers(stack: list[list[Slice]]) -> dict[str, float]:
    """Kept numbers that are the same in every slice."""
    every = [s.technical for group in stack for s in group]
    return {k: v for k, v in every[0].items() if all(t.get(k) == v for t in every)}
