"""What the config's section `learn` asks of a fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from consilium.core.store import read_facts
from consilium.learn.guards.record import Guards
from consilium.learn.models.tuning import Tuning
from consilium.learn.networks.plan import NetworkPlan

_PLAIN = ("inner_folds", "network_seeds", "cnn_min_patients", "export_loss")


@dataclass(frozen=True)
class Plan:
    """Settings of the fits. network_seeds: 0 = no network. epochs: lengths of training of which the inner folds choose
    one. augmentation: method, or auto until `decided`. The rest as in the config's schema.
    """

    inner_folds: int = 4
    network_seeds: int = 2
    epochs: tuple[int, ...] = (15, 60)
    cnn_min_patients: int = 200
    tuning: Tuning = field(default_factory=Tuning)
    network: NetworkPlan = field(default_factory=NetworkPlan)
    augmentation: str = "none"
    export_loss: float = 0.0

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """From the section as JSON; lacking keys keep their default, `networks: false` means no network."""
        given = json.loads(text)
        plain = {k: given[k] for k in _PLAIN if k in given}
        if "epochs" in given:
            plain["epochs"] = tuple(given["epochs"])
        if not given.get("networks", True):
            plain["network_seeds"] = 0
        return cls(
            **plain, tuning=Tuning.from_json(given.get("tuning", {})),
            network=NetworkPlan.from_json(given.get("network", {})),
            augmentation=given.get("augmentation", {}).get("method", "none"),
        )  # fmt: skip

    def decided(self, ablation: str) -> Plan:
        """auto: what the ablation among the same training patients chose ("" = there was none: no augmentation)."""
        if self.augmentation != "auto":
            return self
        return replace(self, augmentation=str(read_facts(Path(ablation))["chosen"]) if ablation else "none")

    def of(self, labels: str) -> Plan:
        """As the run asks: on planted outcomes and without a site no network is trained, and no card is taken."""
        return self if labels in ("true", "permuted") else replace(self, network_seeds=0)


@dataclass(frozen=True)
class Judging:
    """How patients are dealt and what is checked; as in the config's schema."""

    outer_folds: int = 5
    repeats: int = 1
    leave_one_site_out: bool = True
    permutation_control: bool = True
    planted_control: bool = True
    guards: Guards = field(default_factory=Guards)

    @classmethod
    def from_json(cls, text: str) -> Judging:
        """From the section as JSON; lacking keys keep their default."""
        given = json.loads(text)
        known = ("outer_folds", "repeats", "leave_one_site_out", "permutation_control", "planted_control")
        guards = Guards.from_json(json.dumps(given.get("guards", {})))
        return cls(**{k: given[k] for k in known if k in given}, guards=guards)
