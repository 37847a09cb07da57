"""Which candidate is shipped: decided on inner out-of-fold losses, before anybody looks at a held-out patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consilium.core.statistics import group_weights, interval
from consilium.learn.fusion.fusion import FROM_NETWORK

Array = np.ndarray
REPEATS = 500
SIMPLE_WHY = "the stack, unless the best single block's loss is smaller, or the late mean's by a standard error"


@dataclass(frozen=True)
class Choice:
    name: str
    why: str
    losses: dict[str, float]  # candidate -> mean inner out-of-fold loss; lower is better
    gain: tuple[float, float, float] | None  # of the best network over the best simple candidate: mean, lower, upper

    def facts(self) -> dict[str, Any]:
        return {"choice": self.name, "why": self.why, "inner_losses": self.losses, "network_gain": self.gain}


def choose(losses: Mapping[str, Array], groups: Sequence[str], seed: int) -> Choice:
    """`losses`: candidate -> loss of each training row (out-of-fold, calibrated on other inner folds).

    The stack is taken unless the late mean has a loss smaller by more than one standard error of the paired
    difference: among candidates that cannot be told apart, the smallest loss is mostly luck. But fusion is never
    shipped with a larger inner loss than the best single block: then that block is. A network ships only if, in a
    paired bootstrap over groups, the 95 % interval of the gain in loss over that simple candidate lies above zero.
    """
    means = {name: float(np.mean(x)) for name, x in losses.items()}
    simple = [n for n in losses if n not in FROM_NETWORK]
    best = _simple(losses, simple)
    nets = [n for n in losses if n in FROM_NETWORK]
    if not nets:
        return Choice(best, f"{SIMPLE_WHY}; no network was trained", means, None)
    rival = min(nets, key=lambda n: (round(means[n], 9), nets.index(n)))
    gain = paired_gain(losses[best] - losses[rival], groups, seed)
    if gain[1] > 0:
        return Choice(
            rival, f"inner loss below {best}'s by {gain[0]:.3f} ({gain[1]:.3f} to {gain[2]:.3f})", means, gain
        )
    why = f"{SIMPLE_WHY}; the gain of {rival} is not proven: "
    return Choice(best, why + f"{gain[0]:.3f} ({gain[1]:.3f} to {gain[2]:.3f})", means, gain)


def _simple(losses: Mapping[str, Array], names: Sequence[str]) -> str:
    best = "stack" if "stack" in names else names[0]
    default = losses[best]
    for name in names:
        gain = default - losses[name]
        clear = gain.mean() > gain.std() / np.sqrt(max(len(gain), 1))
        if clear and losses[name].mean() < losses[best].mean():
            best = name
    if "best_single" in names and losses["best_single"].mean() < losses[best].mean():
        best = "best_single"
    return best


def paired_gain(difference: Array, groups: Sequence[str], seed: int) -> tuple[float, float, float]:
    """Mean of `difference` over inner folds and its 95 % bootstrap interval, whole groups redrawn."""
    weights = group_weights(groups, REPEATS, seed)
    means = weights @ difference / np.maximum(weights.sum(axis=1), 1)
    low, high = interval(means, crossed=True)
    return float(difference.mean()), float(low), float(high)
