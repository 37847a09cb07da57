"""What the config's section `learn` asks of a fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from consilium.core.store import read_facts


@dataclass(frozen=True)
class Plan:
    """Settings of the fits. network_seeds: 0 = no network. augmentation: method, or auto until `decided`.

    The rest as in the config's schema.
    """

    inner_folds: int = 4
    network_seeds: int = 2
    epochs: int = 60
    cnn_min_patients: int = 200
    augmentation: str = "none"

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """From the section as JSON; lacking keys keep their default, `networks: false` means no network."""
        given = json.loads(text)
        plain = {k: given[k] for k in ("inner_folds", "network_seeds", "epochs", "cnn_min_patients") if k in given}
        if not given.get("networks", True):
            plain["network_seeds"] = 0
        return cls(**plain, augmentation=given.get("augmentation", {}).get("method", "none"))

    def decided(self, ablation: str) -> Plan:
        """auto: what the ablation among the same training patients chose ("" = there was none: no augmentation)."""
        if self.augmentation != "auto":
            return self
        return replace(self, augmentation=str(read_facts(Path(ablation))["chosen"]) if ablation else "none")
