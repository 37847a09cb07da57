"""The MNI152 template, a regional atlas and network nodes, all from what nilearn ships; built once per process.

Template: MNI ICBM152 2009a symmetric, brain only, with grey and white matter maps (Fonov et al. 2011,
doi:10.1016/j.neuroimage.2010.07.033). Regions: Voronoi parcels of the grey matter around the Seitzman 300 coordinates
(doi:10.1016/j.neuroimage.2019.116290), joined by hemisphere, structure and network. Nodes: Dosenbach 160
(doi:10.1126/science.1194144). Parcels are neighbourhoods of coordinates, not anatomical delineations.
"""

from __future__ import annotations

import csv
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.volume import Affine, Mask, Voxels

GRID_MM = 2  # of tissue segmentation and regions
MAX_DIAMETER_MM = 55.0  # of the coordinates joined to one cortical parcel
MAX_FAR_MM = 25.0  # grey matter farther from every coordinate belongs to no parcel
MIN_GM = 0.2
SUBCORTICAL = {
    "hippocampus": "hippocampus",
    "amygdala": "amygdala",
    "basalGanglia": "basal_ganglia",
    "thalamus": "thalamus",
    "cerebellum": "cerebellum",
}


@dataclass(frozen=True)
class Template:
    """Maps (x, y, z) float32 0..1 on one grid; affine voxel -> MNI mm; brain: within the skull, CSF included."""

    t1: Voxels
    gm: Voxels
    wm: Voxels
    brain: Mask
    affine: Affine

    @property
    def csf(self) -> Voxels:
        return np.asarray(np.clip(self.brain - self.gm - self.wm, 0, 1), dtype=np.float32)


@dataclass(frozen=True)
class Regions:
    """labels: (x, y, z) int16 on the template's grid, 0 = none, i = names[i - 1]. centres: (region, 3) MNI mm."""

    labels: NDArray[np.int16]
    names: tuple[str, ...]
    centres: NDArray[np.float64]


def _shipped(name: str) -> Path:
    """A data file of the nilearn package, found without importing it: the import alone costs 2 to 4 CPU seconds."""
    spec = importlib.util.find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the imaging room needs nilearn (its template and coordinates)")
    return Path(spec.origin).parent / "datasets" / "data" / name


def _halved(name: str) -> tuple[Voxels, Affine]:
    """A 1 mm map of the template averaged over 2 x 2 x 2 voxels and scaled to a maximum of 1."""
    import nibabel as nib

    image: Any = nib.load(_shipped(f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"))
    fine = np.asarray(image.dataobj, dtype=np.float32)
    fine = fine[tuple(slice(n // 2 * 2) for n in fine.shape)]
    halves = fine.reshape([k for n in fine.shape for k in (n // 2, 2)])
    coarse = halves.mean(axis=(1, 3, 5), dtype=np.float64)
    affine = np.asarray(image.affine, dtype=np.float64).copy()
    affine[:3, 3] += affine[:3, :3] @ np.full(3, 0.5)
    affine[:3, :3] *= 2
    return np.clip(coarse / fine.max(), 0, 1).astype(np.float32), affine


@cache
def template() -> Template:
    from scipy import ndimage

    (t1, affine), (gm, _), (wm, _) = (_halved(name) for name in ("t1", "gm", "wm"))
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(t1 > 0.1, iterations=2))
    return Template(t1, gm * brain, wm * brain, brain, affine)


@cache
def coarse_template(spacing_mm: float) -> Template:
    """The template on an isotropic grid of another voxel size."""
    from consilium.imaging.resampling import at_spacing

    fine = template()
    (t1, grid), (gm, _), (wm, _), (brain, _) = (
        at_spacing(m.astype(np.float32), fine.affine, spacing_mm) for m in (fine.t1, fine.gm, fine.wm, fine.brain)
    )
    return Template(t1, gm, wm, brain > 0.5, grid)


@cache
def regions() -> Regions:
    """Parcels on the template's grid; about a hundred, left and right apart."""
    points, group, names = _grouped_coordinates()
    maps = template()
    inside = np.flatnonzero((maps.gm > MIN_GM).ravel())
    where = np.array(np.unravel_index(inside, maps.gm.shape))
    mm = (maps.affine[:3, :3] @ where + maps.affine[:3, 3:]).T
    labels = np.zeros(maps.gm.size, dtype=np.int16)
    for left in (True, False):
        of_side = (points[:, 0] <= 0) if left else (points[:, 0] >= 0)
        on_side = (mm[:, 0] < 0) if left else (mm[:, 0] >= 0)
        side = "L" if left else "R"
        ids = np.array([names.index(f"{g}|{side}") if f"{g}|{side}" in names else -1 for g in group])
        far, nearest = _nearest(mm[on_side], points[of_side])
        found = ids[of_side][nearest] + 1
        labels[inside[on_side]] = np.where(far <= MAX_FAR_MM, found, 0)
    final, centres, order = _named(labels, names, points, group)
    return Regions(order[labels].reshape(maps.gm.shape), final, centres)


@cache
def nodes() -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """(node, 3) MNI mm and the network of each of the Dosenbach nodes."""
    with open(_shipped("dosenbach_2010.csv"), newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return np.array([[float(r[k]) for k in "xyz"] for r in rows]), tuple(r["network"] for r in rows)


def _seitzman() -> tuple[NDArray[np.float64], list[str], list[str]]:
    """(points, structure, network) of the 300 coordinates."""
    table = _shipped("seitzman_2018_ROIs_300inVol_MNI_allInfo.txt").read_text(encoding="utf-8").splitlines()[1:]
    legend, *codes = _shipped("seitzman_2018_ROIs_anatomicalLabels.txt").read_text(encoding="utf-8").splitlines()
    words = dict(pair.split("=") for pair in legend.split(","))
    rows = [line.split() for line in table]
    return np.array([r[:3] for r in rows], dtype=np.float64), [words[c] for c in codes], [r[5] for r in rows]


def _nearest(mm: NDArray[np.float64], points: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    from scipy.spatial import cKDTree

    far, nearest = cKDTree(points).query(mm)
    return far, nearest


def _grouped_coordinates() -> tuple[NDArray[np.float64], list[str], list[str]]:
    """(points, group of each point, "group|side" names): structure, or network with a spatially compact part."""
    points, structure, network = _seitzman()
    group = [SUBCORTICAL.get(s, "") for s in structure]
    for name in sorted(set(network)):
        for left in (True, False):
            side = [i for i, n in enumerate(network)
                    if n == name and not group[i] and (points[i, 0] <= 0) == left]  # fmt: skip
            for i, part in zip(side, _compact(points[side]), strict=True):
                group[i] = f"{'other' if name == 'unassigned' else name}.{'L' if left else 'R'}{part}"
    names = {
        f"{g}|{s}" for g, x in zip(group, points[:, 0], strict=True) for s in "LR" if (x <= 0 if s == "L" else x >= 0)
    }
    return points, group, sorted(names)


def _compact(points: NDArray[np.float64]) -> list[int]:
    """Parts by complete linkage, none wider than MAX_DIAMETER_MM."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(points) < 2:
        return [1] * len(points)
    return [int(c) for c in fcluster(linkage(points, "complete"), MAX_DIAMETER_MM, "distance")]


def _named(labels: NDArray[np.int16], names: list[str], points: NDArray[np.float64], group: list[str]
           ) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.int16]]:  # fmt: skip
    """Readable names of parcels that have voxels: structure_side, or network_side at the parts' mean coordinate."""
    order = np.zeros(len(names) + 1, dtype=np.int16)
    kept: list[tuple[str, NDArray[np.float64]]] = []
    for i, name in enumerate(names):
        if not (labels == i + 1).any():
            continue
        stem, side = name.split("|")
        own = np.array([p for p, g in zip(points, group, strict=True)
                        if g == stem and (p[0] <= 0 if side == "L" else p[0] >= 0)])  # fmt: skip
        centre = own.mean(axis=0)
        where = "_".join(str(round(v)) for v in centre.tolist())
        readable = f"{stem}_{side}" if stem in SUBCORTICAL.values() else f"{stem.split('.')[0]}_{side}_{where}"
        kept.append((readable, centre))
        order[i + 1] = len(kept)
    return tuple(n for n, _ in kept), np.array([c for _, c in kept]), order
