"""A DICOM folder -> one Volume: headers by pydicom say what is there and what is wrong, dcm2niix converts it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.imaging.intake import convert, dicom_heads, dicom_series, dicom_stack, nifti, recognise, sidecar, suv
from consilium.imaging.intake.dicom_heads import Folder, Head
from consilium.imaging.intake.dicom_series import Choice, Found
from consilium.imaging.volume import Affine, Volume, Voxels, canonical, shear

APART = 0.01  # of a voxel: what two computations of one affine may differ by
HEAD_KINDS = ("T1", "T2", "FLAIR", "fMRI")


def read(path: Path, kind: str, patient: str = "", series: int | None = None, scratch: Path | None = None) -> Volume:
    """The image of `kind` in a DICOM folder as a Volume. InputError with every reason why it cannot be used.

    series: number of the series, where the sheet names it. scratch: folder for the conversion, to be kept for as long
    as an fMRI volume is used. 4D where every position occurs equally often. Messages hold nothing of the headers but
    defined terms and numbers.
    """
    if kind == "mask":
        raise InputError(Problem(str(path), "a mask as DICOM", "a mask as NIfTI", "convert it", patient=patient))
    found = dicom_heads.read(path)
    problems = _folder_problems(found)
    if not problems:
        choice = dicom_series.choose(dicom_series.groups(found.heads), kind, series)
        if isinstance(choice, Choice):
            heads, twice, clashes = dicom_stack.without_duplicates(list(choice.group.heads))
            problems = dicom_stack.problems(heads, kind)
            if not problems:
                try:
                    volume = _volume(heads, kind, scratch)
                except convert.ConversionError as no:
                    problems = [(str(no), "a series that is one image", "export the series again")]
                else:
                    _describe(volume, choice, twice, clashes)
                    return volume
        else:
            problems = [choice]
    raise InputError([Problem(str(path), *p, patient=patient) for p in problems])


def _folder_problems(found: Folder) -> list[Found]:
    if found.broken:
        causes = Counter(found.broken)
        text = "; ".join(f"{n} file(s) with {cause}" for cause, n in sorted(causes.items()))
        return [(text, "whole DICOM images", "export the series again")]
    if not found.heads:
        beside = f"no DICOM image ({found.n_other} other files, {found.n_without_image} DICOM files without pixels)"
        return [(beside, "a folder with DICOM images", "name the folder of the series")]
    if len({h.person for h in found.heads}) > 1:
        return [("images of more than one person", "one person's series", "separate the folders")]
    return []


def _volume(heads: list[Head], kind: str, scratch: Path | None) -> Volume:
    first = heads[0]
    lazily = kind == "fMRI" and scratch is not None  # a run is read volume by volume where its file may stay
    with convert.converted(heads, scratch, keep=lazily) as (file, facts):
        try:
            header, voxels, share = nifti.stored(file, lazily)
        except nifti.RefusedError as no:
            raise convert.ConversionError(f"dcm2niix makes no usable image of it: {no.found}") from None
    stored = np.asarray(header.get_sform(), dtype=np.float64)
    shape = voxels.shape
    if (voxels.ndim == 4) != (kind == "fMRI"):
        raise convert.ConversionError(f"dcm2niix makes an image of {'x'.join(map(str, shape))} of it")
    voxels, affine = _placed(voxels, stored, dicom_stack.affine_of(heads))
    out = Volume(voxels, affine, kind, "dicom", technical=_common_numbers(heads), nan_share=share,
                 person=first.person)  # fmt: skip
    if kind == "fMRI":
        seconds = float(header["pixdim"][4])
        out.tr_s = seconds if 0.1 <= seconds <= 20 else None
    sidecar.apply(out, facts, stored, shape)
    if kind == "CT":
        out.unit = "HU"
        if not first.rescaled:
            out.notes.append("a CT without rescale slope and intercept: perhaps not in Hounsfield units")
    if kind == "PET":
        suv.apply_dicom(out, first.words.get("Units", ""), first.words.get("DecayCorrection", ""), first.dose)
    return out


def _placed(voxels: Voxels, stored: Affine, told: Affine | None) -> tuple[Voxels, Affine]:
    """(voxels in RAS order, affine). told: the affine by the headers, which must be that of the conversion.

    Where the stack is sheared (a tilted gantry) the header's affine holds: dcm2niix writes none for these voxels.
    """
    turned, affine = canonical(voxels, stored)
    if told is None:
        return turned, affine
    n_columns, n_rows, n_slices = voxels.shape[:3]
    _, ours = canonical(np.broadcast_to(np.float32(0), (n_columns, n_rows, n_slices)), told)
    if shear(ours) > 0.001:
        return turned, ours
    if np.abs(ours - affine).max() > APART * np.abs(affine[:3, :3]).max():
        raise convert.ConversionError("dcm2niix and the headers place it differently")
    return turned, affine


def _common_numbers(heads: list[Head]) -> dict[str, float]:
    """Kept numbers that are the same in every file."""
    first = heads[0].technical
    return {k: v for k, v in first.items() if all(h.technical.get(k) == v for h in heads)}


def _describe(volume: Volume, choice: Choice, twice: int, clashes: int) -> None:
    """What the headers say the image is (seen), and what a person should know (notes)."""
    group, facts = choice.group, choice.group.first.facts
    volume.notes += choice.notes
    if twice:
        volume.notes.append(f"{twice} duplicate file(s) left out")
    if clashes:
        volume.notes.append("different images share an identifier: all were used")
    contrast = dicom_series.contrast_note(group, volume.kind)
    if contrast:
        volume.notes.append(contrast)
    if volume.kind in HEAD_KINDS and facts.body_part not in (recognise.NOT_TOLD, "head"):
        volume.notes.append(f"the header says body part {facts.body_part}, where a {volume.kind} of the head is meant")
    seen: dict[str, Any] = {
        "kind": group.kind or recognise.NOT_TOLD,
        "kind_by": group.why,
        "body_part": facts.body_part,
        "series": group.first.number,
        "series_in_folder": choice.n_series,
        "chosen": choice.how,
    }
    volume.seen = seen
