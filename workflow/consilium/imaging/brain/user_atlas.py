"""A user's own atlas: a NIfTI of labels in MNI152 space and a TSV of their names, brought to the template's grid.

The TSV is BIDS's `*_dseg.tsv`: columns `index` and `name`, others ignored. Space is checked by what lies where: labels
inside the template's brain, left and right by name on their side. Another MNI152 edition passes: they differ by 1-3 mm.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consilium.core.errors import InputError, Problem
from consilium.imaging.brain.atlas import GRID_MM, Regions, template
from consilium.imaging.volume import Affine

COLUMNS = ("index", "name")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,()+ -]*")
LONGEST_NAME = 80
MOST_LABELS = 2000
HIGHEST_LABEL = 999_999
RIM_MM = 6.0  # labels may reach this far beyond the template's brain
MIN_INSIDE = 0.9  # share of labelled voxels that must lie within it
SIDE = re.compile(r"(?:^|[^A-Za-z])(l|r|lh|rh|left|right)(?:[^A-Za-z]|$)", re.IGNORECASE)
SIDE_MM = 3.0  # a region's centre may be this far on the other side: midline structures


@cache
def load(image: Path, labels: Path) -> Regions:
    """Regions of the user's atlas on the template's grid (nearest neighbour), within the template's brain.

    image: 3D NIfTI of whole numbers, 0 = none, in MNI152 space. labels: TSV with `index` (above 0, in the image) and
    `name`, one row a region. Region i of the result is row i of the TSV. Raises InputError with every problem found:
    unreadable files, doubled or empty names, labels without a row or rows without a label, an image that does not lie
    in MNI152 space, sides that disagree with their names, regions too small for the template's grid.
    """
    found: list[Problem] = []
    try:
        rows = _rows(labels)
    except InputError as error:
        found += error.problems
    try:
        voxels, affine = _voxels(image)
    except InputError as error:
        found += error.problems
    if found:
        raise InputError(found)
    problems = [*_label_problems(image, labels, rows, voxels), *_space_problems(image, rows, voxels, affine)]
    if problems:
        raise InputError(problems)
    regions = _on_template(rows, voxels, affine)
    lost = [n for i, n in enumerate(regions.names) if not (regions.labels == i + 1).any()]
    if lost:
        raise InputError(
            Problem(str(image), f"no voxel left at {GRID_MM} mm of: {_some(lost)}", "regions of several voxels",
                    "join small regions, or drop them from both files")
        )  # fmt: skip
    return regions


def _rows(labels: Path) -> list[tuple[int, str]]:
    """(index, name) of every row, in order."""
    try:
        with open(labels, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle, delimiter="\t")
            header = reader.fieldnames or []
            lines = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(_unreadable(labels, error)) from None
    missing = [c for c in COLUMNS if c not in header]
    if missing:
        raise InputError(
            Problem(str(labels), f"no column {' and no column '.join(missing)}", "tab-separated columns index, name",
                    "add a header line; separate by tabs", 1)
        )  # fmt: skip
    if not lines:
        raise InputError(Problem(str(labels), "no rows", "one row a region", "add the regions' names"))
    problems = list(_row_problems(labels, lines))
    if problems:
        raise InputError(problems)
    return [(int(row["index"]), row["name"].strip()) for _, row in lines]


def _unreadable(file: Path, error: Exception) -> Problem:
    cause = getattr(error, "strerror", None) or "not a text table in UTF-8"
    return Problem(str(file), f"cannot be read ({cause})", "a readable TSV", "check path, rights and encoding")


def _row_problems(labels: Path, lines: list[tuple[int, dict[str, str]]]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for line, row in lines:
        index, name = (row["index"] or "").strip(), (row["name"] or "").strip()
        if not re.fullmatch(r"0*[1-9]\d{0,5}", index):
            yield Problem(str(labels), f"index {index!r}", f"1 to {HIGHEST_LABEL}", "write the label's number", line)
        if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield Problem(str(labels), f"name {name[:LONGEST_NAME]!r}", f"1-{LONGEST_NAME} of A-Z a-z 0-9 _.,()+-",
                          "rename the region", line)  # fmt: skip
        for what, key in (("index", index.lstrip("0")), ("name", name)):
            first = seen.setdefault(f"{what}:{key}", line)
            if first != line:
                yield Problem(str(labels), f"{what} {key!r} again (line {first})", "each once", "mend one", line)


def _voxels(image: Path) -> tuple[NDArray[np.int32], Affine]:
    """Labels as whole numbers, axes towards right, anterior, superior."""
    from consilium.imaging.intake import nifti

    try:
        volume = nifti.read(image, "atlas")
    except OSError as error:
        raise InputError(
            Problem(str(image), f"cannot be read ({error.strerror})", "a readable file", "check path and rights")
        ) from None
    values = np.nan_to_num(volume.voxels)
    whole = np.array_equal(values, np.round(values))
    if not whole or values.min() < 0 or not 0 < values.max() <= HIGHEST_LABEL:
        raise InputError(
            Problem(str(image), "values that are not labels", f"whole numbers up to {HIGHEST_LABEL}, 0 = no region",
                    "give the label image (deterministic atlas), not probabilities")
        )  # fmt: skip
    return values.astype(np.int32), volume.affine


def _label_problems(image: Path, labels: Path, rows: list[tuple[int, str]], voxels: NDArray[np.int32]
                    ) -> Iterator[Problem]:  # fmt: skip
    present, named = set(np.unique(voxels).tolist()) - {0}, {i for i, _ in rows}
    if len(present) > MOST_LABELS:
        yield Problem(str(image), f"{len(present)} labels", f"at most {MOST_LABELS}", "use a coarser atlas")
        return
    if present - named:
        yield Problem(str(labels), f"no row for label {_some(sorted(present - named))}", "a row for each label of the "
                      f"image {image.name}", "add rows, or set those voxels to 0")  # fmt: skip
    if named - present:
        yield Problem(str(image), f"no voxel of label {_some(sorted(named - present))}", f"each label of {labels.name}",
                      "remove those rows, or give the matching image")  # fmt: skip


def _space_problems(image: Path, rows: list[tuple[int, str]], voxels: NDArray[np.int32], affine: Affine
                    ) -> Iterator[Problem]:  # fmt: skip
    """Labels outside the template's brain; sides that disagree with their names."""
    where = np.argwhere(voxels > 0)
    mm = where @ affine[:3, :3].T + affine[:3, 3]
    share = float(_near_brain(mm).mean())
    if share < MIN_INSIDE:
        yield Problem(str(image), f"{share:.0%} of the labelled voxels lie in the MNI152 brain", f"at least "
                      f"{MIN_INSIDE:.0%}", "resample the atlas to MNI152 space, mend its header")  # fmt: skip
        return
    of = voxels[tuple(where.T)]
    sums = np.bincount(of, weights=mm[:, 0]) / np.maximum(np.bincount(of), 1)
    wrong = [n for i, n in rows if i < len(sums) and side(n) * sums[i] < -SIDE_MM]
    if wrong:
        yield Problem(str(image), f"on the other side than its name says: {_some(wrong)}", "left at negative x (RAS)",
                      "mend the header's left-right direction, or the names")  # fmt: skip


def _near_brain(mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points (n, 3) within the template's brain and its rim."""
    from scipy import ndimage

    brain, affine = template().brain, template().affine
    rim = np.pad(brain, round(RIM_MM / GRID_MM))
    rim = ndimage.binary_dilation(rim, iterations=round(RIM_MM / GRID_MM))
    inverse = np.linalg.inv(affine)
    at = np.round(mm @ inverse[:3, :3].T + inverse[:3, 3]).astype(int) + round(RIM_MM / GRID_MM)
    inside = ((at >= 0) & (at < rim.shape)).all(axis=1)
    return np.asarray(inside & rim[tuple(np.where(inside[:, None], at, 0).T)])


def side(name: str) -> int:
    """-1 where a name says left, 1 where it says right, 0 where it says neither or both."""
    said = {m.lower()[0] for m in SIDE.findall(name.replace("_", " "))}
    return {frozenset("l"): -1, frozenset("r"): 1}.get(frozenset(said), 0)


def _on_template(rows: list[tuple[int, str]], voxels: NDArray[np.int32], affine: Affine) -> Regions:
    """Each voxel of the template's brain takes the label of the nearest voxel of the image."""
    grid, brain = template().affine, template().brain
    inside = np.argwhere(brain)
    mm = inside @ grid[:3, :3].T + grid[:3, 3]
    inverse = np.linalg.inv(affine)
    at = np.round(mm @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    known = ((at >= 0) & (at < voxels.shape)).all(axis=1)
    order = np.zeros(max(int(voxels.max()), max(i for i, _ in rows)) + 1, dtype=np.int16)
    for i, (index, _) in enumerate(rows):
        order[index] = i + 1
    labels = np.zeros(brain.shape, dtype=np.int16)
    labels[tuple(inside[known].T)] = order[voxels[tuple(at[known].T)]]
    of = labels[tuple(inside.T)]
    counts = np.maximum(np.bincount(of, minlength=len(rows) + 1), 1)
    centres = np.stack([np.bincount(of, weights=axis, minlength=len(rows) + 1) / counts for axis in mm.T], axis=1)
    return Regions(labels, tuple(n for _, n in rows), centres[1:])


def _some(items: list) -> str:
    """The first few of a list, as text."""
    return ", ".join(map(str, items[:8])) + (f" and {len(items) - 8} more" if len(items) > 8 else "")
