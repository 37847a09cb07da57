"""Encoders of a block by name: table (mlp, vae), series (gru, gru_d, lstm, transformer), volume (cnn, slices)."""

from __future__ import annotations

from torch import nn

from consilium.learn.networks import encoders_series as series
from consilium.learn.networks import encoders_table as table
from consilium.learn.networks import encoders_volume as volume
from consilium.learn.networks.plan import NetworkPlan

Shape = tuple[int, ...]
Shapes = dict[str, tuple[str, Shape]]  # block name -> (kind of its encoder, shape of one row of its input)
TABLES = {"mlp": table.TableEncoders, "vae": table.VariationalEncoders}
SERIES = {"gru": series.GRU, "gru_d": series.GRUD, "lstm": series.LSTM, "transformer": series.Transformer}
VOLUMES = {"cnn": volume.VolumeEncoder, "slices": volume.SliceEncoder}
KINDS = {"table": TABLES, "series": SERIES, "volume": VOLUMES}


def kind_of(layout: str, plan: NetworkPlan) -> str:
    """The encoder that `plan` wants for a block of this layout."""
    return {"table": plan.table, "series": plan.series, "volume": plan.volume}[layout]


def build(kind: str, shape: Shape) -> nn.Module:
    """Encoder of one series (time, 2 x feature) or volume (1, z, y, x): (row, *shape) -> (row, CODE)."""
    if kind in SERIES:
        return SERIES[kind](shape[1])
    return VOLUMES[kind]((shape[1], shape[2], shape[3]))
