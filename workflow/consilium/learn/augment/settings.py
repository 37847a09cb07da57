"""What the config's section `learn.augmentation` asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass

ARMS = ("none", "classic", "mixup", "gan", "gan_classic")


@dataclass(frozen=True)
class Ablation:
    """Of the ablation rule. repeats: of two halves each (5x2 cross-validation); seeds: of networks and made rows."""

    repeats: int = 5
    seeds: int = 3
    epochs: int = 60
    cnn_min_patients: int = 200

    @classmethod
    def from_json(cls, text: str) -> Ablation:
        """From section `learn` as JSON; repeats and seeds stand in its part `augmentation`."""
        given = json.loads(text)
        plain = {k: int(given[k]) for k in ("epochs", "cnn_min_patients") if k in given}
        own = given.get("augmentation", {})
        return cls(**plain, **{k: int(own[k]) for k in ("repeats", "seeds") if k in own})
