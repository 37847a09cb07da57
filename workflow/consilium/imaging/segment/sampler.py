"""Draws training patches from the store: every patient equally often, slices with a lesion more often than others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from consilium.imaging.segment import augment, grid, place, sides, transplant
from consilium.imaging.segment.net import IMAGES, Shape, neighbours
from consilium.imaging.segment.store import Entry, Store

if TYPE_CHECKING:
    import torch

NDArray = np.ndarray
Place = tuple[Entry, int]  # a patient's slice
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

    def read(self, places: Sequence[Place]) -> tuple[torch.Tensor, torch.Tensor]:
        """(place, channel, row, column) input around slices and (place, slice, row, column) masks; ends repeated."""
        import torch

        stacks = [self.store.of(entry) for entry, _ in places]
        runs = [np.clip(np.arange(self.depth) + at - self.depth // 2, 0, len(masks) - 1)
                for (_, at), (_, masks) in zip(places, stacks, strict=True)]  # fmt: skip
        outlines = torch.from_numpy(np.stack([s[1][run] for s, run in zip(stacks, runs, strict=True)])).float()
        if self.shape.dimensions == 2:
            runs = [neighbours(e.last - e.first, e.slice_mm)[at] for e, at in places]
        images = torch.from_numpy(np.stack([s[0][run] for s, run in zip(stacks, runs, strict=True)])).float()
        if self.shape.dimensions == 3:
            return images, outlines
        of = [self.extents[entry.patient] for entry, _ in places]
        mirrored = sides.exchanged(images[:, 1], torch.tensor([o.column for o in of]))
        beside = place.channels(of, [at for _, at in places], images.shape[-1])
        return torch.cat([images, mirrored[:, None], beside], 1), outlines

    def elsewhere(self, entry: Entry, at: int, random: np.random.Generator) -> Place:
        """The same place in another patient."""
        others = [e for e in self.entries if e.patient != entry.patient]
        other = others[random.integers(len(others))]
        height = self.extents[entry.patient].height(at) + random.normal(0, transplant.HEIGHT_SD)
        there = round(self.extents[other.patient].slice_at(height))
        return other, min(max(there, 0), other.last - other.first - 1)

    def transplanted(
        self, places: Sequence[Place], images: torch.Tensor, masks: torch.Tensor, random: np.random.Generator
    ) -> None:
        """Puts some of the lesions into other patients' heads, in place; everything else there is the other's."""
        import torch

        some = [i for i, mask in enumerate(masks) if mask.any() and random.random() < transplant.SHARE]
        if not some:
            return
        heads, lesions = self.read([self.elsewhere(*places[i], random) for i in some])
        own = self.intensities
        for i, head, lesion in zip(some, heads, lesions, strict=True):
            taken = torch.from_numpy(transplant.region(masks[i].numpy() > 0, random))
            head[own] = torch.where(taken, images[i, own], head[own])
            images[i], masks[i] = head, torch.where(taken, masks[i], lesion)

    def gather(self, n: int, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(input, masks, centre in [-1, 1]) of n places; whole slices."""
        import torch

        chosen = list(self.choose(n, random))
        places = [(entry, int(at[0])) for entry, at in chosen]
        images, masks = self.read(places)
        if self.transplants:
            self.transplanted(places, images, masks, random)
        centre = np.array([at[1:] for _, at in chosen]) * 2 / images.shape[-1] - 1
        return images, masks, torch.from_numpy(centre.astype(np.float32))

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
