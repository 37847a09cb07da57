"""What the config's section `learn` asks of a fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from consilium.learn.guards.record import Guards
from consilium.learn.networks.plan import NetworkPlan


@dataclass(frozen=True)
class Plan:
    """Settings of the fits. network_seeds: 0 = no network. The rest as in the config's schema."""

    inner_folds: int = 4
    network_seeds: int = 2
    epochs: int = 60
    cnn_min_patients: int = 200
    network: NetworkPlan = field(default_factory=NetworkPlan)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """From the section as JSON; lacking keys keep their default, `networks: false` means no network."""
        given = json.loads(text)
        plain = {k: given[k] for k in ("inner_folds", "network_seeds", "epochs", "cnn_min_patients") if k in given}
        if not given.get("networks", True):
            plain["network_seeds"] = 0
        return cls(**plain, network=NetworkPlan.from_json(given.get("network", {})))


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
