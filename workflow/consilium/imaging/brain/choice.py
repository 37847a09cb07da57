"""What the user chose for brain images: registration, atlas, reference of PET; checked once, before any image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import file_digest
from consilium.imaging.brain import atlas, user_atlas
from consilium.imaging.brain.atlas import Regions

DEFAULT_ATLAS = "Voronoi parcels, docs/methods/imaging/brain.md"
REFERENCES = ("cerebellum", "pons", "white_matter", "whole_brain")


@dataclass(frozen=True)
class Choice:
    """deformable: template and regions are carried to each brain beyond the affine step. atlas_image, atlas_labels:
    the user's atlas, None for the default. pet_reference: of uptake ratios, one of REFERENCES or a region's name."""

    deformable: bool = True
    atlas_image: Path | None = None
    atlas_labels: Path | None = None
    pet_reference: str = "cerebellum"

    @property
    def regions(self) -> Regions:
        if self.atlas_image is None or self.atlas_labels is None:
            return atlas.regions()
        return user_atlas.load(self.atlas_image, self.atlas_labels)

    @property
    def atlas(self) -> str:
        return self.atlas_image.name if self.atlas_image else DEFAULT_ATLAS

    def check(self) -> None:
        """InputError where the atlas cannot be used, or has no region of the name that PET should refer to."""
        if (self.atlas_image is None) != (self.atlas_labels is None):
            raise InputError(
                Problem("config: imaging.atlas", "image or labels alone", "both, or neither", "name both files")
            )  # fmt: skip
        if self.atlas_image is None and self.pet_reference in REFERENCES:
            return
        names = self.regions.names
        if self.pet_reference not in (*REFERENCES, *names):
            raise InputError(
                Problem("config: imaging.pet_reference", repr(self.pet_reference), f"{', '.join(REFERENCES)}, or a "
                        "region of the atlas", "correct the name")
            )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """What changes a patient's results: contents of the atlas, not its path."""
        files = [file_digest(f) for f in (self.atlas_image, self.atlas_labels) if f is not None]
        return {"deformable": self.deformable, "atlas": files, "pet_reference": self.pet_reference}
