"""Gated neural fusion: one encoder a block, one logit and one gate a block, masked softmax over what is present.

Blocks are dropped at random in training, so that the network knows what it is to lack one. Layer and group norms only
(no statistic of a batch survives training). One thread, deterministic algorithms; CUDA where there is one.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.heads import Prior, prior

if TYPE_CHECKING:
    from consilium.learn.augment.sampler import Sampler

Array = np.ndarray
Inputs = dict[str, Array]  # block name -> network_input of its design
HIDDEN, CODE = 32, 16
BLOCK_DROPOUT, INPUT_DROPOUT, HIDDEN_DROPOUT = 0.3, 0.3, 0.5
LEARNING_RATE, WEIGHT_DECAY, SIDE_LOSS = 3e-3, 1e-2, 0.5


def prepare(device: str | None = None) -> torch.device:
    """Fix what makes torch repeatable; return the device to use."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not repeatable
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")  # = use_deterministic_algorithms(True), without 3 s of imports
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


class TableEncoders(nn.Module):
    """All table encoders at once: inputs padded to one width, weights stacked (block, in, out)."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        m, p = len(widths), max(widths, default=1)
        first = torch.zeros(m, p, HIDDEN)
        for i, w in enumerate(widths):
            if w:
                first[i, :w] = torch.randn(w, HIDDEN) / w**0.5
        self.first = nn.Parameter(first)
        self.second = nn.Parameter(torch.randn(m, HIDDEN, CODE) / HIDDEN**0.5)
        self.bias1 = nn.Parameter(torch.zeros(m, 1, HIDDEN))
        self.bias2 = nn.Parameter(torch.zeros(m, 1, CODE))
        self.norm = nn.LayerNorm(HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        """(row, block, in) -> (row, block, CODE)."""
        h = nn.functional.dropout(x.transpose(0, 1), INPUT_DROPOUT, self.training)
        h = nn.functional.gelu(self.norm(torch.bmm(h, self.first) + self.bias1))
        h = nn.functional.dropout(h, HIDDEN_DROPOUT, self.training)
        return nn.functional.gelu(torch.bmm(h, self.second) + self.bias2).transpose(0, 1)


class SeriesEncoder(nn.Module):
    """GRU over values and masks; the last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, CODE, batch_first=True)
        self.norm = nn.LayerNorm(CODE)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(x, INPUT_DROPOUT, self.training)
        return self.norm(self.gru(x)[0][:, -1])


class VolumeEncoder(nn.Module):
    """3D CNN on z-maps; the head sees where a feature map answers (its grid), not its average alone."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, size = 1, list(shape)
        for out, step in ((8, 2), (16, 2)):
            layers += [nn.Conv3d(width, out, 3, stride=step, padding=1), nn.GroupNorm(4, out), nn.GELU()]
            width, size = out, [-(-s // step) for s in size]
        self.maps = nn.Sequential(*layers)
        self.head = nn.Linear(width * size[0] * size[1] * size[2], CODE)
        self.norm = nn.LayerNorm(CODE)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.dropout(self.maps(x).flatten(1), HIDDEN_DROPOUT, self.training)
        return nn.functional.gelu(self.norm(self.head(h)))


class Fusion(nn.Module):
    """shapes: block name -> (layout, shape of one row of its input), in the order of the mask's columns."""

    def __init__(self, shapes: dict[str, tuple[str, tuple[int, ...]]], width: int) -> None:
        super().__init__()
        self.names = list(shapes)
        self.tables = [n for n in self.names if shapes[n][0] == "table"]
        self.widths = [shapes[n][1][0] for n in self.tables]
        self.table_encoders = TableEncoders(self.widths)
        self.others = nn.ModuleDict()
        for i, n in enumerate(self.names):
            layout, shape = shapes[n]
            if layout == "series":
                self.others[str(i)] = SeriesEncoder(shape[1])
            elif layout == "volume":
                self.others[str(i)] = VolumeEncoder((shape[1], shape[2], shape[3]))
        m = len(self.names)
        self.logit = nn.Parameter(torch.randn(m, CODE, width) * 0.1 / CODE**0.5)
        self.logit_bias = nn.Parameter(torch.zeros(m, width))
        self.gate = nn.Parameter(torch.zeros(m, CODE))
        self.gate_bias = nn.Parameter(torch.zeros(m))

    def forward(self, x: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(logits (row, block, width), gates (row, block)); whether a block is present is the caller's business."""
        codes: dict[str, Tensor] = {}
        if self.tables:
            pad = self.table_encoders.first.shape[1]
            stacked = torch.stack([nn.functional.pad(x[n], (0, pad - x[n].shape[1])) for n in self.tables], dim=1)
            codes |= dict(zip(self.tables, self.table_encoders(stacked).unbind(1), strict=True))
        for key, encoder in self.others.items():
            codes[self.names[int(key)]] = encoder(x[self.names[int(key)]])
        z = torch.stack([codes[n] for n in self.names], dim=1)
        logits = torch.einsum("nmc,mck->nmk", z, self.logit) + self.logit_bias
        return logits, (z * self.gate).sum(-1) + self.gate_bias


class AdamW:
    """AdamW (arXiv:1711.05101) under a cosine from LEARNING_RATE to 0; torch.optim costs 1-3 s of imports a job."""

    def __init__(self, parameters: list[nn.Parameter], steps: int) -> None:
        self.parameters, self.steps, self.done = parameters, steps, 0
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self) -> None:
        """One update from the gradients, which are cleared."""
        rate = 0.5 * LEARNING_RATE * (1 + math.cos(math.pi * self.done / self.steps))
        self.done += 1
        bias1, bias2 = 1 - 0.9**self.done, 1 - 0.999**self.done
        for p, m, v in zip(self.parameters, self.first, self.second, strict=True):
            if p.grad is None:
                continue
            m.lerp_(p.grad, 0.1)
            v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
            p.mul_(1 - rate * WEIGHT_DECAY)
            p.addcdiv_(m, (v.sqrt() / bias2**0.5).add_(1e-8), value=-rate / bias1)
            p.grad = None


@dataclass(frozen=True)
class Net:
    """One trained network: shapes as for Fusion, its weights, and the losses of its epochs."""

    shapes: dict[str, tuple[str, tuple[int, ...]]]
    width: int
    weights: dict[str, Array]
    curve: tuple[tuple[int, float, float], ...] = ()  # epoch, training loss, validation loss (NaN: none)

    def outputs(self, inputs: Inputs) -> tuple[Array, Array]:
        """(logits (row, block, width), gates (row, block)) as float64."""
        device = prepare()
        torch.manual_seed(0)
        model = Fusion(self.shapes, self.width)
        model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in self.weights.items()})
        model.to(device).eval()
        with torch.no_grad():
            logits, gates = model({n: torch.from_numpy(inputs[n]).to(device) for n in self.shapes})
        return logits.cpu().numpy().astype(float), gates.cpu().numpy().astype(float)


def shapes_of(inputs: Inputs, layouts: dict[str, str]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {n: (layouts[n], tuple(x.shape[1:])) for n, x in inputs.items()}


def fused(logits: Any, gates: Any, mask: Any) -> Tensor:
    """Evidence (row, width): gate-weighted logits of the present blocks, times the root of their number."""
    weights = torch.softmax(gates.masked_fill(~mask, -1e9), dim=1) * mask
    return (weights[..., None] * logits).sum(1) * mask.sum(1, keepdim=True).to(logits.dtype).sqrt()


def fit(
    inputs: Inputs, layouts: dict[str, str], mask: Array, target: Target, epochs: int, seed: int,
    watch: tuple[Inputs, Array, Target] | None = None, made: Sampler | None = None,
) -> Net:  # fmt: skip
    """Train one network; `watch` (inputs, mask, target) is only measured, nothing is chosen by it.

    made: gives each batch as many made rows of the same classes, fitted on these same rows.
    """
    device = prepare()
    torch.manual_seed(seed % 2**31)
    shapes = shapes_of(inputs, layouts)
    model = Fusion(shapes, target.width).to(device)
    x = {n: torch.from_numpy(v).to(device) for n, v in inputs.items()}
    at = prior(target)
    n = len(target)
    size = 16 if n < 200 else 64
    if target.kind == "survival":
        size = max(size, 48)
    generator = np.random.default_rng(seed)
    optimiser = AdamW(list(model.parameters()), epochs * max(1, -(-n // size)))
    curve = []
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for rows in np.array_split(generator.permutation(n), max(1, -(-n // size))):
            pick = torch.from_numpy(rows).to(device)
            batch, shown, own = {k: v[pick] for k, v in x.items()}, mask[rows], target.take(rows)
            if made is not None:
                batch, shown, own = made.beside(batch, shown, own, rows, generator)
            kept = torch.from_numpy(_drop_blocks(shown, generator)).to(device)
            logits, gates = model(batch)
            loss = _loss(own, at, fused(logits, gates, kept), logits, torch.from_numpy(shown).to(device))
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        if watch is not None and (epoch % 5 == 0 or epoch in (1, epochs)):
            curve.append((epoch, float(np.mean(losses)), _watched(model, watch, at, device)))
    weights = {k: v.detach().cpu().numpy().copy() for k, v in sorted(model.state_dict().items())}
    return Net(shapes, target.width, weights, tuple(curve))


def _drop_blocks(mask: Array, generator: np.random.Generator) -> Array:
    """Each present block dropped with probability BLOCK_DROPOUT, but never a row's last one."""
    kept = mask & (generator.random(mask.shape) >= BLOCK_DROPOUT)
    bare = ~kept.any(axis=1)
    kept[bare] = mask[bare]
    return kept


def _loss(target: Target, at: Prior, evidence: Tensor, logits: Tensor | None, present: Tensor | None) -> Tensor:
    everybody = torch.ones(len(target), 1, dtype=torch.bool, device=evidence.device)
    main = _likelihood(target, at, evidence[:, None], everybody)
    if logits is None or present is None:
        return main
    return main + SIDE_LOSS * _likelihood(target, at, logits, present)


def _likelihood(target: Target, at: Prior, evidence: Tensor, present: Tensor) -> Tensor:
    """Mean loss of `heads`, in torch: evidence (row, block, width) over present rows, then over blocks."""
    weight = present.to(evidence.dtype)
    if target.kind == "classification":
        eta = (evidence + torch.from_numpy(at.offset).to(evidence)).log_softmax(-1)
        y = torch.from_numpy(target.y).to(evidence.device)
        index = y[:, None, None].expand(-1, eta.shape[1], 1)
        losses = -eta.gather(2, index)[..., 0]
    elif target.kind == "regression":
        y = torch.from_numpy((target.y - at.centre) / at.scale).to(evidence)
        losses = 0.5 * (evidence[..., 0] - y[:, None]) ** 2
    else:
        time = torch.from_numpy(target.time).to(evidence)
        weight = weight * torch.from_numpy(target.event).to(evidence)[:, None]
        at_risk = (time[None, :] >= time[:, None])[..., None] & present[None, :, :]  # (event, at risk, block)
        scores = torch.where(at_risk, evidence[None, :, :, 0], torch.finfo(evidence.dtype).min)
        losses = torch.logsumexp(scores, dim=1) - evidence[..., 0]
        losses = torch.where(weight > 0, losses, torch.zeros_like(losses))
    return ((losses * weight).sum(0) / weight.sum(0).clamp(min=1.0)).mean()


def _watched(model: Fusion, watch: tuple[Inputs, Array, Target], at: Prior, device: torch.device) -> float:
    inputs, mask, target = watch
    if not len(target) or (target.kind == "survival" and not target.event.any()):
        return float("nan")
    model.eval()
    with torch.no_grad():
        logits, gates = model({k: torch.from_numpy(v).to(device) for k, v in inputs.items()})
        return float(_loss(target, at, fused(logits, gates, torch.from_numpy(mask).to(device)), None, None))
