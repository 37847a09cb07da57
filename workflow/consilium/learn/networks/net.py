"""One trained network, and what makes torch repeatable."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch

from consilium.learn.models.hazards import Hazards
from consilium.learn.networks.encoders import Shapes, kind_of
from consilium.learn.networks.fusion_net import Fusion
from consilium.learn.networks.plan import NetworkPlan

Array = np.ndarray
Inputs = dict[str, Array]  # block name -> network_input of its design
Curve = tuple[tuple[int, float, float], ...]  # epoch, training loss, validation loss (NaN: none)
ROWS_AT_ONCE = 1024  # asked of a network, so that memory does not grow with the cohort


def prepare(device: str | None = None) -> torch.device:
    """Fix what makes torch repeatable; return the device to use."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not repeatable
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")  # = use_deterministic_algorithms(True), without 3 s of imports
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def shapes_of(inputs: Inputs, layouts: dict[str, str], plan: NetworkPlan) -> Shapes:
    """What Fusion is built from; layouts: block name -> layout, as in core.contract."""
    return {n: (kind_of(layouts[n], plan), tuple(x.shape[1:])) for n, x in inputs.items()}


@dataclass(frozen=True)
class Net:
    """One trained network: shapes and width as for Fusion, its weights, and the losses of its epochs.

    hazards: what a column of its output is, where it speaks of intervals of time; None: a linear predictor.
    """

    shapes: Shapes
    width: int
    weights: dict[str, Array]
    curve: Curve = ()
    hazards: Hazards | None = None

    def module(self, device: str | torch.device = "cpu") -> Fusion:
        """The network itself, in evaluation mode."""
        torch.manual_seed(0)
        model = Fusion(self.shapes, self.width)
        model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in self.weights.items()})
        return model.to(device).eval()

    def outputs(self, inputs: Inputs) -> tuple[Array, Array]:
        """(logits (row, block, width), gates (row, block)) as float64."""
        device = prepare()
        model = self.module(device)
        rows = len(next(iter(inputs.values())))
        logits, gates = [], []
        with torch.no_grad():
            for at in range(0, max(rows, 1), ROWS_AT_ONCE):
                part = {n: torch.from_numpy(inputs[n][at : at + ROWS_AT_ONCE]).to(device) for n in self.shapes}
                u, g = model(part)
                logits.append(u.cpu().numpy().astype(float))
                gates.append(g.cpu().numpy().astype(float))
        return np.concatenate(logits), np.concatenate(gates)
