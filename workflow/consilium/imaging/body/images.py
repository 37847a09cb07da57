"""Images that need no template: CT, and lesion masks on their image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.imaging import preview
from consilium.imaging.body import ct as chest
from consilium.imaging.body import lesion, windows
from consilium.imaging.brain.images import common_metrics
from consilium.imaging.outcome import Block, Outcome
from consilium.imaging.resampling import at_spacing
from consilium.imaging.volume import Volume

KEPT_MM = 4.0  # voxel size of the CT that is kept: CT is not defaced, so it is kept coarse


def ct(volume: Volume, folder: Path) -> Outcome:
    """Densities, lungs, nodule candidates of a CT."""
    parts = chest.find_parts(volume)
    features, lack = chest.features(volume, parts)
    out = Outcome(common_metrics(volume) | chest.quality(volume, parts), list(volume.notes), {"ct": Block(features)},
                  not_assessed=lack)  # fmt: skip
    if float(np.nanmin(volume.voxels)) > -200:
        out.notes.append("no value below -200: perhaps not in Hounsfield units")
    out.details["voxel_hash"] = volume.digest()
    coarse, grid = at_spacing(volume.voxels, volume.affine, max(KEPT_MM, float(volume.spacing.min())), -1024.0)
    out.volume = (coarse, grid)
    overlay = np.where(parts.nodules > 0, 2 + parts.nodules, parts.lungs).astype(np.int16)
    dense = np.argwhere(parts.nodules == 1) if parts.n_nodules else np.empty((0, 3))
    centre = (int(dense[:, 0].mean()), int(dense[:, 1].mean()), int(dense[:, 2].mean())) if len(dense) else None
    shown, window = windows.shown(np.nan_to_num(volume.voxels, nan=-1024.0), parts, volume.voxel_ml)
    preview.draw(folder / "preview.png", shown, volume.affine, overlay, window, centre)
    return out


def mask(volume: Volume, partner: tuple[Volume, Outcome] | None, folder: Path) -> Outcome:
    """Lesion features on the partner image; on the mask alone where there is none."""
    image, alignment = (partner[0], partner[1].alignment) if partner else (None, None)
    grid = image if image is not None else volume
    found, share = lesion.on_image(volume, grid)
    out = Outcome(common_metrics(volume) | {"image_covered": share}, list(volume.notes), {"lesion": Block()})
    out.details["voxel_hash"] = volume.digest()
    out.metrics["volume_ml"] = float((np.nan_to_num(volume.voxels) > 0).sum() * volume.voxel_ml)
    if not found.any():
        out.blocks["lesion"].reason = "the mask lies outside its image"
        out.not_assessed["lesion"] = out.blocks["lesion"].reason
        return out
    if image is None:
        out.not_assessed["intensity and place"] = "no image that the mask belongs to"
    elif alignment is None or alignment.reason:
        out.not_assessed["MNI place"] = "image not registered" + (f": {alignment.reason}" if alignment else "")
    out.blocks["lesion"].features = lesion.features(found, image, volume, alignment)
    coarse, coarse_grid = at_spacing(found.astype(np.float32), grid.affine, KEPT_MM)
    out.volume = (coarse, coarse_grid)
    shown = np.nan_to_num(grid.voxels) if image is not None else found.astype(np.float32)
    preview.draw(folder / "preview.png", shown, grid.affine, found.astype(np.int16))
    return out
