"""What the config's section `learn.network` asks of the networks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class NetworkPlan:
    """series, volume, table, bag, words, dna: kind of encoder (see encoders.KINDS).

    batch: rows a step, 0 = by the number of patients. accumulate: batches whose gradients are gathered before the
    weights move. precision: full, or mixed (bfloat16 where it is safe). early_stopping: epochs without a smaller
    loss on set-aside training patients before training ends, 0 = never. pretrain: none, denoise or contrastive.
    survival: cox (partial likelihood within a batch) or hazard (of `intervals` intervals of time, see models.hazards).
    tensorboard: write event files. processes: that train one network together, a card each; 1 = one.
    """

    series: str = "gru"
    volume: str = "cnn"
    table: str = "mlp"
    bag: str = "mil"
    words: str = "word_transformer"
    dna: str = "dna_cnn"
    batch: int = 0
    accumulate: int = 1
    precision: str = "full"
    early_stopping: int = 0
    pretrain: str = "none"
    pretrain_epochs: int = 20
    survival: str = "cox"
    intervals: int = 10
    tensorboard: bool = False
    processes: int = 1

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> NetworkPlan:
        """From the section; lacking keys keep their default."""
        return cls(**{f.name: given[f.name] for f in fields(cls) if f.name in given})
