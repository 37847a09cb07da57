"""What the config's section `imaging` asks of the processing of a patient's images."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from consilium.imaging.brain.choice import Choice
from consilium.imaging.fmri.settings import Settings as Fmri
from consilium.imaging.radiomics.lesion_block import Wanted as Radiomics


@dataclass(frozen=True)
class Settings:
    """grid_mm: voxel size of the volumes for the image network. deface: take faces out of what is kept and drawn.
    brain: registration, atlas, reference of PET. The rest as in the config's schema."""

    grid_mm: float = 6.0
    deface: bool = True
    brain: Choice = field(default_factory=Choice)
    fmri: Fmri = field(default_factory=Fmri)
    radiomics: Radiomics = field(default_factory=Radiomics)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """From the section as JSON; keys of other work are passed by, lacking ones keep their default."""
        given = json.loads(text)
        plain = {name: given[name] for name in ("grid_mm", "deface") if name in given}
        return cls(**plain, brain=_choice(given), fmri=Fmri.from_json(json.dumps(given.get("fmri", {}))),
                   radiomics=Radiomics.read(json.dumps(given.get("radiomics", {}))))  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """What changes a patient's results."""
        return {"grid_mm": self.grid_mm, "deface": self.deface, **self.brain.settings(), "fmri": asdict(self.fmri),
                "radiomics": asdict(self.radiomics)}  # fmt: skip


def _choice(given: dict[str, Any]) -> Choice:
    own = given.get("atlas", {})
    image, labels = (Path(own[name]) if own.get(name) else None for name in ("image", "labels"))
    return Choice(given.get("registration", "deformable") == "deformable", image, labels,
                  given.get("pet_reference", Choice.pet_reference))  # fmt: skip
