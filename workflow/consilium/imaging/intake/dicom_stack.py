"""Geometry of a group of slices by their headers: order, missing slices, uneven distances, tilt, duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from consilium.imaging.intake.dicom_heads import Head, Plane
from consilium.imaging.intake.dicom_series import Found
from consilium.imaging.volume import Affine

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SAME_MM = 0.02  # slices nearer than this share their position
UNEVEN = 0.1  # tolerated deviation of a slice distance from the median, as a share


def without_duplicates(heads: list[Head]) -> tuple[list[Head], int, int]:
    """(heads, files sent twice, images that share an identifier but not their pixels).

    Twice: the same image identifier, or the same place and number in the series, with the same stored pixels.
    """
    by_key: dict[tuple[object, ...], list[Head]] = defaultdict(list)
    by_image: dict[str, list[Head]] = defaultdict(list)
    for head in heads:
        place = tuple(tuple(p.position.round(2)) for p in head.planes[:1])
        by_key[(place, head.order, len(head.planes))].append(head)
        by_image[head.image].append(head)
    doubtful = [g for g in (*by_key.values(), *by_image.values()) if len(g) > 1]
    dropped: set[int] = set()
    clashes = 0
    for group in doubtful:
        left = [h for h in group if id(h) not in dropped]
        digests = [h.pixel_digest() for h in left]
        dropped |= {id(h) for i, h in enumerate(left) if digests[i] in digests[:i]}
        clashes += len(set(digests)) > 1 and len({h.image for h in left}) < len(left)
    return [h for h in heads if id(h) not in dropped], len(dropped), clashes


def stack(planes: list[Plane]) -> tuple[list[list[Plane]], list[float]]:
    """([position][volume], place of each position along the normal in mm)."""
    normal = np.cross(*planes[0].orientation)
    places = np.array([p.position @ normal for p in planes])
    out: list[list[Plane]] = []
    at: list[float] = []
    for i in np.argsort(places, kind="stable"):
        if at and abs(places[i] - at[-1]) <= SAME_MM:
            out[-1].append(planes[i])
        else:
            out.append([planes[i]])
            at.append(float(places[i]))
    return out, at


def problems(heads: list[Head], kind: str) -> list[Found]:
    """Everything that keeps the slices from being one whole stack."""
    if heads[0].mosaic:
        return _mosaic_problems(heads, kind)
    planes = [p for h in heads for p in h.planes]
    shapes = {h.shape for h in heads}
    spacings = {p.spacing for p in planes}
    first = planes[0].orientation
    if len(shapes) > 1 or len(spacings) > 1 or any(np.abs(p.orientation - first).max() > 1e-3 for p in planes):
        return [("slices of different size or direction", "one stack of parallel slices", "separate the series")]
    positions, at = stack(planes)
    if len(at) < 3:
        return [(f"{len(at)} slice position(s)", "at least 3", "supply the whole series")]
    out = _gap_problems(np.diff(at))
    counts = sorted(Counter(len(group) for group in positions))
    if len(counts) > 1:
        text = f"missing slice(s): positions with {counts[0]} to {counts[-1]} images each"
        out.append((text, "the same number everywhere", "export the series again"))
    return out + _volume_problems(counts[-1], kind)


def _gap_problems(gaps: np.ndarray) -> list[Found]:
    usual = float(np.median(gaps))
    lost = int(sum(round(g / usual) - 1 for g in gaps if g > 1.5 * usual))
    if lost:
        text = f"{lost} missing slice(s): gaps of up to {gaps.max():.3g} mm in slices {usual:.3g} mm apart"
        return [(text, "a whole stack", "export the series again")]
    if np.abs(gaps / usual - 1).max() > UNEVEN:
        text = f"slice distances from {gaps.min():.3g} to {gaps.max():.3g} mm"
        return [(text, "even distances", "supply a series with even spacing")]
    return []


def _volume_problems(volumes: int, kind: str) -> list[Found]:
    if kind != "fMRI" and volumes > 1:
        text = f"a series of {volumes} volumes"
        return [(text, f"one volume for kind {kind}", "supply one volume, or correct the kind")]
    if kind == "fMRI" and volumes == 1:
        return [("one volume", "a series of volumes for kind fMRI", "supply the series, or correct the kind")]
    return []


def _mosaic_problems(heads: list[Head], kind: str) -> list[Found]:
    """Each mosaic is a volume: numbers of the images must follow one another."""
    out = _volume_problems(len(heads), kind)
    if len({h.shape for h in heads}) > 1:
        out.append(("mosaics of different size", "one series of volumes", "separate the series"))
    numbers = np.array(sorted(h.order[1] for h in heads))
    lost = int(numbers[-1] - numbers[0] + 1 - len(numbers))
    if lost > 0 and len(set(numbers)) == len(numbers):
        out.append((f"{lost} missing volume(s): gaps in the image numbers", "a whole series", "export it again"))
    return out


def affine_of(heads: list[Head]) -> Affine | None:
    """Voxel (column, row, slice along the normal) -> RAS mm from the headers (PS3.3 C.7.6.2.1.1); None for a mosaic."""
    if heads[0].mosaic:
        return None
    positions, _ = stack([p for h in heads for p in h.planes])
    first, last = positions[0][0], positions[-1][0]
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[0] * first.spacing[1]
    affine[:3, 1] = first.orientation[1] * first.spacing[0]
    affine[:3, 2] = (last.position - first.position) / (len(positions) - 1)
    affine[:3, 3] = first.position
    return np.asarray(LPS_TO_RAS @ affine, dtype=np.float64)
