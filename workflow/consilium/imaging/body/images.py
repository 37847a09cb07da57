"""Images that need no template: CT, and lesion masks on their image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from consilium.imaging import preview
from consilium.imaging.body import ct as chest
from consilium.imaging.body import lesion, windows
from consilium.imaging.brain.images import common_metrics
from consilium.imaging.outcome import Block, Outcome
from consilium.imaging.privacy import faces
from consilium.imaging.radiomics import lesion_block
from consilium.imaging.radiomics.lesion_block import Wanted
from consilium.imaging.resampling import at_spacing
from consilium.imaging.volume import Mask, Volume

KEPT_MM = 4.0  # voxel size of the CT that is kept


def ct(volume: Volume, folder: Path, deface: bool = True) -> Outcome:
    """Densities, lungs, nodule candidates of a CT; what is kept and drawn shows no face."""
    parts = chest.find_parts(volume)
    features, lack = chest.features(volume, parts)
    out = Outcome(common_metrics(volume) | chest.quality(volume, parts), list(volume.notes), {"ct": Block(features)},
                  not_assessed=lack)  # fmt: skip
    if float(np.nanmin(volume.voxels)) > -200:
        out.notes.append("no value below -200: perhaps not in Hounsfield units")
    out.details["voxel_hash"] = volume.digest()
    shown, shown_grid = faces.drawable(volume, None, deface)
    out.volume = at_spacing(shown, shown_grid, max(KEPT_MM, float(volume.spacing.min())), -1024.0)
    if shown.shape != volume.voxels.shape:
        preview.draw(folder / "preview.png", shown, shown_grid, None, windows.SOFT)
        return out
    overlay = np.where(parts.nodules > 0, 2 + parts.nodules, parts.lungs).astype(np.int16)
    dense = np.argwhere(parts.nodules == 1) if parts.n_nodules else np.empty((0, 3))
    centre = (int(dense[:, 0].mean()), int(dense[:, 1].mean()), int(dense[:, 2].mean())) if len(dense) else None
    shown, window = windows.shown(shown, parts, volume.voxel_ml)
    preview.draw(folder / "preview.png", shown, shown_grid, overlay, window, centre)
    return out


def mask(volume: Volume, partner: tuple[Volume, Outcome] | None, folder: Path, wanted: Wanted, deface: bool = True
         ) -> Outcome:  # fmt: skip
    """Lesion features and radiomics on the partner image; the lesion's shape alone where there is none."""
    image, alignment = (partner[0], partner[1].alignment) if partner else (None, None)
    grid = image if image is not None else volume
    found, share = lesion.on_image(volume, grid)
    out = Outcome(common_metrics(volume) | {"image_covered": share}, list(volume.notes), {"lesion": Block()})
    out.details["voxel_hash"] = volume.digest()
    out.metrics["volume_ml"] = float((np.nan_to_num(volume.voxels) > 0).sum() * volume.voxel_ml)
    if not found.any():
        out.blocks["lesion"].reason = "the mask lies outside its image"
        out.not_assessed["lesion"] = out.blocks["lesion"].reason
        if wanted.enabled:
            out.blocks[lesion_block.NAME] = Block(reason=out.blocks["lesion"].reason)
        return out
    if image is None:
        out.not_assessed["intensity and place"] = "no image that the mask belongs to"
    elif alignment is None or alignment.reason:
        out.not_assessed["MNI place"] = "image not registered" + (f": {alignment.reason}" if alignment else "")
    reference = np.zeros_like(found) if image is None else lesion.reference_tissue(image)
    out.blocks["lesion"].features = lesion.features(found, image, volume, alignment, reference)
    if image is not None and (regions := lesion.regions_hit(found, image, alignment)):
        out.details["regions"] = regions
    if wanted.enabled:
        _radiomics(out, found, image, reference, wanted)
    coarse, coarse_grid = at_spacing(found.astype(np.float32), grid.affine, KEPT_MM)
    out.volume = (coarse, coarse_grid)
    if image is None:
        preview.draw(folder / "preview.png", found.astype(np.float32), grid.affine, found.astype(np.int16))
        return out
    shown, shown_grid = faces.drawable(image, alignment, deface)
    overlay = found if shown.shape == found.shape else coarse > 0.5
    preview.draw(folder / "preview.png", shown, shown_grid, overlay.astype(np.int16))
    return out


def _radiomics(out: Outcome, found: Mask, image: Volume | None, reference: Mask, wanted: Wanted) -> None:
    if image is None:
        block = Block(reason="no image that the mask belongs to")
    else:
        tissue = lesion.tissue_intensity(found, np.nan_to_num(image.voxels), reference)
        block, out.details[lesion_block.NAME] = lesion_block.measured(found, image, tissue, wanted)
    out.blocks[lesion_block.NAME] = block
    if block.reason:
        out.not_assessed[lesion_block.NAME] = block.reason
