"""Draws training patches from the store: every patient equally often, slices with a lesion more often than others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from consilium.imaging.segment import augment, grid, place, sides, transplant
from consilium.imaging.segment.net import IMAGES, Shape, neighbours
from consilium.imaging.segment.store import Entry, Store

if TYPE_CHECKING:
    import torch

NDArray = np.ndarray
LESION_SHARE = 2 / 3  # of patches are centred on a voxel of a lesion


class Patches:
    """Batches of (image, mask) patches of some patients' slices.

    patch: side in pixels; depth: slices of a 3D patch (2D: 1). strength: of augmentation. The arrays stay on disk; a
    batch reads its own slices.
    """

    def __init__(self, store: Store, patients: list[str], shape: Shape, patch: int, depth: int, mirror: bool,
                 strength: float) -> None:  # fmt: skip
        self.store, self.shape, self.patch, self.mirror, self.strength = store, shape, patch, mirror, strength
        self.depth = depth if shape.dimensions == 3 else 1
        self.intensities = slice(IMAGES if shape.dimensions == 2 else None)  # the channels that are not place
        wanted = set(patients)
        self.entries = [e for e in store.trainable if e.patient in wanted]
        self.extents = {e.patient: place.extent(np.asarray(store.of(e)[0])) for e in self.entries}
        self.transplants = strength > 0 and len(self.entries) > 1
        # Voxels of each slice that has any: of the lesion, and of the foreground (every fourth row and column).
        self.lesions = [_by_slice(np.asarray(store.of(e)[1]) > 0, 1) for e in self.entries]
        self.inside = [_by_slice(np.asarray(store.of(e)[0])[:, ::4, ::4] > place.TISSUE, 4) for e in self.entries]

    @property
    def slices(self) -> int:
        return sum(e.last - e.first for e in self.entries)

    def choose(self, n: int, random: np.random.Generator) -> Iterator[tuple[Entry, NDArray]]:
        """n times a patient and the (slice, row, column) around which a patch is cut.

        Lesion: a random slice that has one, then a random voxel of it, so that large slices do not rule.
        """
        for index, on_lesion in zip(
            random.integers(len(self.entries), size=n), random.random(n) < LESION_SHARE, strict=True
        ):
            slices = self.lesions[index] if on_lesion else self.inside[index]
            there = slices[random.integers(len(slices))]
            yield self.entries[index], there[random.integers(len(there))]

    def read(self, entry: Entry, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(channel, row, column) input around slice `at` and (slice, row, column) mask; ends repeated."""
        import torch

        images, masks = self.store.of(entry)
        count = len(images)
        run = np.clip(np.arange(self.depth) + at - self.depth // 2, 0, count - 1)
        if self.shape.dimensions == 3:
            return torch.from_numpy(images[run]).float(), torch.from_numpy(masks[run]).float()
        of = self.extents[entry.patient]
        seen = torch.from_numpy(images[neighbours(count, entry.slice_mm)[at]]).float()
        mirrored = sides.exchanged(seen[1:2], torch.tensor([of.column]))
        places = place.channels(of, np.array([at]), images.shape[-1])[0]
        return torch.cat([seen, mirrored, places]), torch.from_numpy(masks[run]).float()

    def transplanted(
        self, entry: Entry, at: int, images: torch.Tensor, masks: torch.Tensor, random: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The lesion of a patch in another patient's head, at the same place; the head is the other's."""
        import torch

        others = [e for e in self.entries if e.patient != entry.patient]
        other = others[random.integers(len(others))]
        height = self.extents[entry.patient].height(at) + random.normal(0, transplant.HEIGHT_SD)
        there = round(self.extents[other.patient].slice_at(height))
        head, lesions = self.read(other, min(max(there, 0), other.last - other.first - 1))
        taken = torch.from_numpy(transplant.region(masks.numpy() > 0, random))
        head[self.intensities] = torch.where(taken, images[self.intensities], head[self.intensities])
        return head, torch.where(taken, masks, lesions)

    def gather(self, n: int, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(input, masks, centre in [-1, 1]) of n places; whole slices."""
        import torch

        found, places = [], []
        for entry, at in self.choose(n, random):
            images, masks = self.read(entry, int(at[0]))
            if self.transplants and masks.any() and random.random() < transplant.SHARE:
                images, masks = self.transplanted(entry, int(at[0]), images, masks, random)
            found.append((images, masks))
            places.append(at[1:] * 2 / images.shape[-1] - 1)
        centre = torch.from_numpy(np.array(places, dtype=np.float32))
        return torch.stack([f[0] for f in found]), torch.stack([f[1] for f in found]), centre

    def batch(self, n: int, random: np.random.Generator, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        """(input, mask): (n, channel, patch, patch) and (n, 1, ...) in 2D, (n, 1, depth, patch, patch) in 3D."""
        import torch

        images, masks, centre = self.gather(n, random)
        moves = augment.draw(centre, self.patch / images.shape[-1], self.mirror, self.strength, generator)
        both = augment.moved(torch.cat([images, masks], 1), moves, self.patch)
        seen, target = both[:, : images.shape[1]], (both[:, images.shape[1] :] > 0.5).float()
        own = self.intensities
        seen[:, own] = augment.recoloured(seen[:, own], grid.CLIP, self.strength, generator)
        return (seen, target) if self.shape.dimensions == 2 else (seen[:, None], target[:, None])


def _by_slice(wanted: NDArray, step: int) -> list[NDArray]:
    """(voxel, 3) indices of each slice with any; the middle of the stack where none has."""
    found: list[NDArray] = [
        np.argwhere(wanted[[at]]) * (1, step, step) + (at, 0, 0) for at in range(len(wanted)) if wanted[at].any()
    ]
    return found or [np.array([wanted.shape]) // 2 * (1, step, step)]
