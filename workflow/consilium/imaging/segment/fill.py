"""Fills the training store: which image of a patient, with which mask, on the grid; one patient in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from consilium.core.sheets import Patient, Sample
from consilium.core.store import atomic, write_facts
from consilium.imaging.body import lesion
from consilium.imaging.intake import reader
from consilium.imaging.segment import folds
from consilium.imaging.segment.grid import Grid, scaled
from consilium.imaging.segment.store import Entry

NDArray = np.ndarray
LEAST_COVERED = 0.95  # share of an expert mask that must lie on its image and the grid


def pair(samples: Sequence[Sample], kind: str, usable: Mapping[str, str]) -> tuple[Sample | None, Sample | None, str]:
    """(image, its mask or None, why there is no image) of one patient.

    The first mask whose image (of the same number, else the first) is of `kind` and usable; without one, the first
    usable image. usable: sample -> "" or why it must not be used.
    """
    images = {s.sample: s for s in samples if s.kind == kind}
    reasons = [usable.get(name, "not processed") for name in images]
    good = {name: s for (name, s), why in zip(images.items(), reasons, strict=True) if not why}
    if not good:
        return None, None, "; ".join(dict.fromkeys(reasons)) or "not supplied"
    for mask in (s for s in samples if s.kind == "mask" and not usable.get(s.sample, "not processed")):
        number = mask.sample.removeprefix("mask")
        partner = f"{kind}{number}" if f"{kind}{number}" in images else next(iter(images))
        if partner in good:
            return good[partner], mask, ""
    return next(iter(good.values())), None, ""


def on_grid(image: Sample, mask: Sample | None, grid: Grid) -> tuple[NDArray, NDArray, float, str]:
    """(image float16, mask uint8, distance of slices in mm, why the mask is not used) of one patient."""
    volume = reader.read(image)
    voxels = scaled(volume.voxels, image.kind, float(volume.spacing[0]))
    pixels = grid.take(voxels, volume.affine, float(voxels.min())).astype(np.float16)
    expert, why = np.zeros(pixels.shape, dtype=np.uint8), "no mask"
    if mask is not None:
        found, on_image = lesion.on_image(reader.read(mask), volume)
        reached = grid.put_back(np.ones(pixels.shape, dtype=np.float32), found.shape, volume.affine) > 0.5
        share = on_image * float((found & reached).sum()) / max(int(found.sum()), 1)
        expert = (grid.take(found.astype(np.float32), volume.affine, 0.0) >= 0.5).astype(np.uint8)
        why = "" if share >= LEAST_COVERED else f"only {share:.0%} of the mask lies on its image and the grid"
    return pixels, expert, float(volume.spacing[2]), why


class Stack:
    """An .npy file that grows by slices; its header is written last, when their number is known."""

    HEADER = 128  # bytes: magic, version and a header of any number of slices

    def __init__(self, file: BinaryIO, pixels: int, dtype: str) -> None:
        self.file, self.pixels, self.dtype, self.slices = file, pixels, np.dtype(dtype), 0
        file.write(b"\0" * self.HEADER)

    def add(self, array: NDArray) -> None:
        self.file.write(np.ascontiguousarray(array, dtype=self.dtype).tobytes())
        self.slices += len(array)

    def close(self) -> None:
        self.file.seek(0)
        shape = (self.slices, self.pixels, self.pixels)
        np.lib.format.write_array_header_1_0(
            self.file, {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        )
        if self.file.tell() != self.HEADER:
            raise AssertionError("the header of an .npy file has another length than reserved")


def fill(people: Sequence[Patient], samples: Sequence[Sample], usable: Mapping[str, Mapping[str, str]], kind: str,
         grid: Grid, number: int, seed: int, out: tuple[Path, Path, Path]) -> None:  # fmt: skip
    """Write images.npy, masks.npy and store.json (`out`). usable: patient -> sample -> "" or why not.

    A patient without a usable image is listed under `skipped` with the reason; a mask that cannot be used leaves the
    patient without one. number: of folds.
    """
    rows, skipped, masks_left_out = [], {}, {}
    own: dict[str, list[Sample]] = {p.patient: [] for p in people}
    for s in samples:
        own[s.patient].append(s)
    with (  # the header of an array is written last: until then its length is not known
        atomic(out[0]) as first, atomic(out[1]) as second,
        open(first, "wb") as images, open(second, "wb") as masks,
    ):  # fmt: skip
        stacks = Stack(images, grid.pixels, "<f2"), Stack(masks, grid.pixels, "|u1")
        for person in people:
            image, mask, why = pair(own[person.patient], kind, usable.get(person.patient, {}))
            if image is None:
                skipped[person.patient] = why
                continue
            pixels, expert, slice_mm, lack = on_grid(image, mask, grid)
            if mask is not None and lack:
                masks_left_out[person.patient] = lack
            at = stacks[0].slices
            rows.append(Entry(person.patient, person.family or person.patient, -1, at, at + len(pixels), slice_mm,
                              image.sample, "" if lack or mask is None else mask.sample))  # fmt: skip
            stacks[0].add(pixels)
            stacks[1].add(expert if not lack else np.zeros_like(expert))
        for stack in stacks:
            stack.close()
    fold_of = folds.assign({e.patient: e.group for e in rows if e.mask}, number, seed)
    entries = [asdict(replace(e, fold=fold_of.get(e.patient, -1))) for e in rows]
    write_facts(out[2], {"kind": kind, "pixels": grid.pixels, "pixel_mm": grid.pixel_mm, "folds": number,
                         "patients": entries, "skipped": skipped, "masks_left_out": masks_left_out})  # fmt: skip
