"""The door of this folder: fit a network, hold one, look inside it."""

from consilium.learn.networks.fusion_net import Fusion, fused, spoken
from consilium.learn.networks.loop import fit
from consilium.learn.networks.net import Inputs, Net, prepare

__all__ = ["Fusion", "Inputs", "Net", "fit", "fused", "prepare", "spoken"]
