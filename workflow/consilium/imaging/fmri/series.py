"""fMRI series: motion, quality, connectivity."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.imaging import preview
from consilium.imaging.brain import atlas
from consilium.imaging.brain.images import COARSE_MM, common_metrics, registration_metrics
from consilium.imaging.brain.registration import Alignment, align, head_mask
from consilium.imaging.fmri import connectivity, motion
from consilium.imaging.outcome import Block, Outcome
from consilium.imaging.quality import metrics_fmri
from consilium.imaging.resampling import at_spacing, resample
from consilium.imaging.volume import Mask, Volume, Voxels

BLOCK = "fmri_connectivity"
MIN_TISSUE_VOXELS = 20


def fmri(volume: Volume, folder: Path) -> Outcome:
    """Realign, judge, register the mean, and relate the networks of the Dosenbach nodes."""
    series = np.nan_to_num(volume.voxels)
    brain = head_mask(series.mean(axis=3))
    moved = motion.estimate(series, volume.affine, brain)
    found = common_metrics(volume) | metrics_fmri.metrics(series[brain], moved.displacement)
    found |= metrics_fmri.of_volume(series, brain)
    still = motion.realigned(series, volume.affine, moved)
    mean = still.mean(axis=3)
    alignment = align(mean, volume.affine)
    out = Outcome(found | registration_metrics(alignment), list(volume.notes), {BLOCK: Block()}, alignment=alignment)
    out.details["voxel_hash"] = volume.digest()
    if volume.tr_s is None:
        out.notes.append("no repetition time: connectivity without band limits")
    result, told = _connectivity(volume, still, brain, alignment, moved)
    out.details |= {"removed": told, "volumes_used": result.n_used, "nodes_used": result.n_nodes}
    out.blocks[BLOCK] = Block(result.features, result.reason)
    if result.reason:
        out.not_assessed[BLOCK] = result.reason
    _keep(out, mean, volume, alignment, folder)
    return out


def _connectivity(volume: Volume, still: Voxels, brain: Mask, alignment: Alignment, moved: motion.Motion
                  ) -> tuple[connectivity.Connectivity, str]:  # fmt: skip
    if alignment.reason:
        reason = f"not registered to the brain template: {alignment.reason}"
        return connectivity.Connectivity([], reason, 0, 0), ""
    template = atlas.template()
    inverse = np.asarray(np.linalg.inv(alignment.matrix), dtype=np.float64)
    shape = still.shape[:3]
    gm, wm, csf = (
        resample(m, template.affine, inverse, shape, volume.affine) for m in (template.gm, template.wm, template.csf)
    )
    points, networks = atlas.nodes()
    signals = connectivity.node_signals(still, volume.affine, alignment.matrix, points, brain & (gm > 0.2))
    tissue = [still[m].mean(axis=0) for m in _pure(gm, wm, csf, brain)]
    removed, told = connectivity.nuisance(moved.parameters, np.array(tissue), volume.tr_s)
    return connectivity.connect(signals, networks, removed, moved.displacement), told


def _pure(gm: Voxels, wm: Voxels, csf: Voxels, brain: Mask) -> list[Mask]:
    """White matter and CSF without grey matter mixed in (its signal is what is looked for)."""
    masks = [brain & (wm > 0.98), brain & (csf > 0.85) & (gm < 0.1)]
    return [m for m in masks if m.sum() >= MIN_TISSUE_VOXELS]


def _keep(out: Outcome, mean: Voxels, volume: Volume, alignment: Alignment, folder: Path) -> None:
    """The mean image: brain only on the template's grid, or coarse where it could not be registered."""
    template = atlas.coarse_template(COARSE_MM)
    if alignment.reason:
        coarse, grid = at_spacing(mean, volume.affine, COARSE_MM)
        out.volume, labels = (coarse, grid), None
    else:
        shown = resample(mean, volume.affine, alignment.matrix, template.brain.shape, template.affine) * template.brain
        out.volume, labels = (shown, template.affine), _node_labels(template)
    preview.draw(folder / "preview.png", *out.volume, labels)


def _node_labels(template: atlas.Template) -> np.ndarray:
    """Network number within 6 mm of a node, for the picture."""
    from scipy.spatial import cKDTree

    points, networks = atlas.nodes()
    names = sorted(set(networks))
    where = np.argwhere(template.brain)
    mm = where @ template.affine[:3, :3].T + template.affine[:3, 3]
    far, node = cKDTree(points).query(mm)
    labels = np.zeros(template.brain.shape, dtype=np.int16)
    near = far <= 6
    labels[tuple(where[near].T)] = [1 + names.index(networks[i]) for i in node[near]]
    return labels
