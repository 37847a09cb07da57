"""Encoders of a block by name: of tables, series, volumes, bags, words and DNA; a name belongs to one layout."""

from __future__ import annotations

from torch import nn

from consilium.learn.networks import encoders_bag as bag
from consilium.learn.networks import encoders_dna as dna
from consilium.learn.networks import encoders_series as series
from consilium.learn.networks import encoders_table as table
from consilium.learn.networks import encoders_volume as volume
from consilium.learn.networks import encoders_words as words
from consilium.learn.networks.plan import NetworkPlan

Shape = tuple[int, ...]
Shapes = dict[str, tuple[str, Shape]]  # block name -> (kind of its encoder, shape of one row of its input)
TABLES = {"mlp": table.TableEncoders, "vae": table.VariationalEncoders}
SERIES = {"gru": series.GRU, "gru_d": series.GRUD, "lstm": series.LSTM, "transformer": series.Transformer}
VOLUMES = {"cnn": volume.VolumeEncoder, "slices": volume.SliceEncoder}
BAGS = {"mil": bag.MIL, "mil_mean": bag.MeanMIL}
WORDS = {"word_transformer": words.WordTransformer, "word_mean": words.WordMean}
DNA = {"dna_cnn": dna.DnaCNN, "dna_mean": dna.DnaMean}
CODED = {*WORDS, *DNA}  # their inputs are codes, no quantities
KINDS = {"table": TABLES, "series": SERIES, "volume": VOLUMES, "bag": BAGS, "words": WORDS, "dna": DNA}


def kind_of(layout: str, plan: NetworkPlan) -> str:
    """The encoder that `plan` wants for a block of this layout."""
    return str(getattr(plan, layout))


def build(kind: str, shape: Shape) -> nn.Module:
    """Encoder of one series or bag (time or instance, 2 x feature), volume (1, z, y, x), text (position,) or DNA
    (window, 1 + 2 x column): (row, *shape) -> (row, CODE)."""
    if kind in WORDS:
        return WORDS[kind]()
    if kind in SERIES or kind in BAGS or kind in DNA:
        return (SERIES | BAGS | DNA)[kind](shape[1])
    return VOLUMES[kind]((shape[1], shape[2], shape[3]))
