"""Draws training patches from the store: every patient equally often, slices with a lesion more often than others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from consilium.imaging.segment import augment, grid, sides
from consilium.imaging.segment.net import Shape, neighbours
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
        wanted = set(patients)
        self.entries = [e for e in store.trainable if e.patient in wanted]
        self.middles = {e.patient: sides.middle(np.asarray(store.of(e)[0])) for e in self.entries}
        # Voxels of each slice that has any: of the lesion, and of the foreground (every fourth row and column).
        self.lesions = [_by_slice(np.asarray(store.of(e)[1]) > 0, 1) for e in self.entries]
        self.inside = [_by_slice(np.asarray(store.of(e)[0])[:, ::4, ::4] > -1, 4) for e in self.entries]

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

    def read(self, entry: Entry, at: int) -> tuple[NDArray, NDArray]:
        """(channel, row, column) image and mask slices around slice `at`; ends repeated."""
        images, masks = self.store.of(entry)
        count = len(images)
        if self.shape.dimensions == 2:
            return images[neighbours(count, entry.slice_mm)[at]], masks[[at]]
        run = np.clip(np.arange(self.depth) + at - self.depth // 2, 0, count - 1)
        return images[run], masks[run]

    def gather(self, n: int, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(slices of the images and the mirrored one, of the masks, centre in [-1, 1]) of n places; whole slices."""
        import torch

        chosen = list(self.choose(n, random))
        read = [self.read(entry, int(at[0])) for entry, at in chosen]
        images = torch.from_numpy(np.stack([r[0] for r in read])).float()
        masks = torch.from_numpy(np.stack([r[1] for r in read])).float()
        if self.shape.dimensions == 2:
            middles = torch.tensor([self.middles[entry.patient] for entry, _ in chosen])
            images = torch.cat([images, sides.exchanged(images[:, 1], middles)[:, None]], 1)
        places = np.array([at[1:] for _, at in chosen]) * 2 / images.shape[-1] - 1
        return images, masks, torch.from_numpy(places.astype(np.float32))

    def batch(self, n: int, random: np.random.Generator, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        """(image, mask) tensors: (n, 4, patch, patch) and (n, 1, ...) in 2D, (n, 1, depth, patch, patch) in 3D."""
        import torch

        images, masks, centre = self.gather(n, random)
        moves = augment.draw(centre, self.patch / images.shape[-1], self.mirror, self.strength, generator)
        both = augment.moved(torch.cat([images, masks], 1), moves, self.patch)
        changed = augment.recoloured(both[:, : images.shape[1]], grid.CLIP, self.strength, generator)
        target = (both[:, images.shape[1] :] > 0.5).float()
        return (changed, target) if self.shape.dimensions == 2 else (changed[:, None], target[:, None])


def _by_slice(wanted: NDArray, step: int) -> list[NDArray]:
    """(voxel, 3) indices of each slice with any; the middle of the stack where none has."""
    found: list[NDArray] = [
        np.argwhere(wanted[[at]]) * (1, step, step) + (at, 0, 0) for at in range(len(wanted)) if wanted[at].any()
    ]
    return found or [np.array([wanted.shape]) // 2 * (1, step, step)]
