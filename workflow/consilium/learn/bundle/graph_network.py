"""The networks of a trained model as a torch module, from raw blocks to their evidence: for export."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from consilium.learn.models.hazards import Hazards, OwnCourses
from consilium.learn.models.preproc import CLIP, NET_CELLS, Design, edges_of
from consilium.learn.networks.network import Net, fused, spoken

Array = np.ndarray


class NetworkInput(nn.Module):
    """preproc.Design.network_input. forward: raw values of the block, and its design (row, column) in float64."""

    projection: Tensor
    mean: Tensor
    sd: Tensor

    def __init__(self, design: Design) -> None:
        super().__init__()
        a, self.layout = design.arrays, design.network_layout
        fixed = lambda v: torch.from_numpy(np.asarray(v, dtype=np.float64))  # noqa: E731
        if self.layout == "table":
            self.register_buffer("projection", fixed(a["projection"]))
            return
        name = "series" if self.layout == "series" else "voxel"
        self.register_buffer("mean", fixed(a[f"{name}_mean"]))
        self.register_buffer("sd", fixed(a[f"{name}_sd"]))
        if self.layout == "volume":
            for axis, size in enumerate(a["voxel_mean"].shape):
                self.register_buffer(f"means{axis}", fixed(_means(size, NET_CELLS[axis])))

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        if self.layout == "table":
            return (x @ self.projection).float()
        z = (values.double() - self.mean) / self.sd
        if self.layout == "series":
            hidden = torch.isnan(z)
            z = torch.where(hidden, 0.0, z).clamp(-CLIP, CLIP)
            return torch.cat([z, (~hidden).double()], dim=2).float()
        known = ~(torch.isnan(z) | torch.isinf(z))
        z = torch.where(known, z, 0.0).clamp(-CLIP, CLIP)
        for axis in range(3):
            averages = self.get_buffer(f"means{axis}")
            z = (z.transpose(axis + 1, 3) @ averages.T).transpose(axis + 1, 3)
        return z.float()[:, None]


def _means(size: int, cells: int) -> Array:
    """(cell, size): what makes means over boxes of one axis, as preproc.pooled."""
    starts = edges_of(size, cells)
    out = np.zeros((len(starts), size))
    for k, (a, b) in enumerate(zip(starts, [*starts[1:], size], strict=True)):
        out[k, a:b] = 1 / (b - a)
    return out


class Networks(nn.Module):
    """Mean evidence of all networks; of hazards also each row's own cumulative hazard at the horizons.

    forward: inputs of the blocks in the networks' order, mask (row, block).
    """

    interpolated: Tensor

    def __init__(self, nets: tuple[Net, ...], horizons: tuple[float, ...], level: float) -> None:
        super().__init__()
        self.members = nn.ModuleList(net.module() for net in nets)
        self.hazards: Hazards | None = nets[0].hazards
        self.names = list(nets[0].shapes)
        if self.hazards is not None:
            ends = np.array(self.hazards.ends)
            weights = level * OwnCourses(ends, np.eye(len(ends))).at(np.array(horizons))
            self.register_buffer("interpolated", torch.from_numpy(weights.reshape(len(ends), -1)))

    def forward(self, inputs: list[Tensor], mask: Tensor) -> tuple[Tensor, Tensor | None]:
        said: list[Any] = []
        courses: list[Any] = []
        for member in self.members:
            logits, gates = member(dict(zip(self.names, inputs, strict=True)))
            out = fused(logits.double(), gates.double(), mask)
            said.append(spoken(self.hazards, out))
            if self.hazards is not None:
                start = torch.tensor(self.hazards.offset, dtype=torch.float64)
                cumulative = torch.cumsum(nn.functional.softplus(start + out), dim=1)
                courses.append(cumulative * torch.exp(-said[-1]))
        mean = torch.stack(said).mean(0)
        return mean, torch.stack(courses).mean(0) @ self.interpolated if courses else None


def running_maximum(g: Any, x: Any, dim: Any) -> tuple[Any, Any]:
    """aten::cummax for torch's older exporter, which has none: a chain of Max over the steps of a fixed axis."""
    from torch.onnx import symbolic_helper

    axis = symbolic_helper._get_const(dim, "i", "dim")
    sizes = symbolic_helper._get_tensor_sizes(x)
    steps = [
        g.op("Gather", x, g.op("Constant", value_t=torch.tensor([t])), axis_i=axis)
        for t in range(sizes[axis])
    ]  # fmt: skip
    for t in range(1, len(steps)):
        steps[t] = g.op("Max", steps[t - 1], steps[t])
    return g.op("Concat", *steps, axis_i=axis), None
