"""A trained model as one torch module, from raw blocks to what is printed: for export. The numbers of model.Trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from consilium.learn.bundle.graph_network import NetworkInput, Networks
from consilium.learn.fusion.fusion import FROM_NETWORK
from consilium.learn.fusion.model import BlockModel, Trained
from consilium.learn.models.additive import ARRAYS, Additive
from consilium.learn.models.boosting import MIN_RATIO, Boosted
from consilium.learn.models.preproc import CLIP, Design

Array = np.ndarray


def _fixed(module: nn.Module, **arrays: Any) -> None:
    """Constants of a module: floats as float64, the rest as integers."""
    for name, a in arrays.items():
        a = np.asarray(a)
        module.register_buffer(name, torch.from_numpy(a.astype(np.float64 if a.dtype.kind == "f" else np.int64)))


def _product(weights: Array) -> nn.Linear:
    """Matrix product (row, in) -> (row, out) with weights (out, in), in float32: what quantisation can make smaller."""
    layer = nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    layer.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float32)))
    return layer


class Summaries(nn.Module):
    """preproc.series_summaries: (row, time, feature) to (row, 6 x feature); NaN where there is nothing to count."""

    time: Tensor

    def __init__(self, time: Array) -> None:
        super().__init__()
        _fixed(self, time=np.asarray(time, dtype=float)[None, :, None])

    def forward(self, v: Tensor, present: Tensor) -> Tensor:
        hidden = torch.isnan(v)
        seen = (~hidden).double()
        filled = torch.where(hidden, 0.0, v)
        n = seen.sum(1)
        none = n < 1
        nan = torch.full_like(n, float("nan"))
        safe = n.clamp(min=1.0)
        mean = filled.sum(1) / safe
        dt = (self.time - ((self.time * seen).sum(1) / safe)[:, None]) * seen
        below = (dt * dt).sum(1)
        flat = (n < 2) | (below <= 0)
        slope = torch.where(flat, nan, (dt * filled).sum(1) / torch.where(flat, 1.0, below))
        low = torch.where(hidden, float("inf"), v).amin(1)
        high = torch.where(hidden, float("-inf"), v).amax(1)
        later = torch.flip(torch.cumsum(torch.flip(seen, [1]), 1), [1])  # values from here on
        last = (filled * ((later == 1) & ~hidden).double()).sum(1)
        parts = [torch.where(none, nan, a) for a in (last, mean, low, high)]
        return torch.cat([*parts, slope, torch.where(present[:, None], n, nan)], dim=1)


class Prepared(nn.Module):
    """preproc.Design.matrix, in float64; rows of absent patients are zero."""

    kept: Tensor
    columns: Tensor
    median: Tensor
    squeeze: Tensor
    indicators: Tensor
    mean: Tensor
    sd: Tensor
    norm: Tensor

    def __init__(self, design: Design, time: Array) -> None:
        super().__init__()
        a, self.layout = design.arrays, design.layout
        if self.layout == "volume":
            _fixed(self, kept=a["kept"], mean=a["voxel_mean"].ravel()[a["kept"]].astype(float),
                   sd=a["voxel_sd"].ravel()[a["kept"]].astype(float), norm=a["norm"].astype(float))  # fmt: skip
            self.loadings = _product(a["loadings"])
        else:
            names = ("columns", "median", "squeeze", "indicators", "mean", "sd", "norm")
            _fixed(self, **{n: a[n] for n in names})
            self.summaries = Summaries(time) if self.layout == "series" else None

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        v = values.double()
        if self.layout == "volume":
            z = (v.flatten(1)[:, self.kept] - self.mean) / self.sd
            x = self.loadings(torch.where(torch.isnan(z), 0.0, z).clamp(-CLIP, CLIP).float()).double()
        else:
            raw = v if self.summaries is None else self.summaries(v, present)
            kept = raw[:, self.columns]
            gaps = torch.isnan(kept)
            far = torch.where(gaps, self.median, kept)
            away = (far - self.median) / torch.where(self.squeeze > 0, self.squeeze, 1.0)
            bent = torch.sign(away) * torch.log(away.abs() + torch.sqrt(away * away + 1))  # the exporter has no asinh
            far = torch.where(self.squeeze > 0, bent, far)
            full = torch.cat([far, gaps[:, self.indicators].double()], dim=1)
            x = ((full - self.mean) / self.sd).clamp(-CLIP, CLIP)
        return torch.where(present[:, None], x / self.norm, 0.0)


class Trees(nn.Module):
    """LightGBM's trees, all rows and trees at once: each step goes from a node to a child; a leaf leads to itself."""

    root: Tensor
    feature: Tensor
    bound: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    def __init__(self, grown: Boosted) -> None:
        super().__init__()
        from consilium.learn.models.boosting import booster

        dump, columns = booster(grown.text).dump_model(), grown.columns
        trees = [_nodes(t["tree_structure"]) for t in dump["tree_info"]]
        size, start = max(len(t) for t in trees), np.arange(len(trees))
        table = np.zeros((len(trees), size, 5))
        for k, nodes in enumerate(trees):
            table[k, : len(nodes)] = nodes
        table[:, :, 2:4] += start[:, None, None] * size
        flat = table.reshape(-1, 5)
        _fixed(self, root=start * size, feature=columns[flat[:, 0].astype(int)], bound=flat[:, 1],
               left=flat[:, 2].astype(int), right=flat[:, 3].astype(int), value=flat[:, 4])  # fmt: skip
        self.depth, self.outputs, self.width = max(map(_depth, trees)), dump["num_tree_per_iteration"], grown.width
        self.ratio, self.number = grown.ratio, len(trees)

    def forward(self, x: Tensor) -> Tensor:
        node = self.root[None, :].expand(x.shape[0], -1)
        for _ in range(self.depth):
            low = x.gather(1, self.feature[node]) <= self.bound[node]
            node = torch.where(low, self.left[node], self.right[node])
        raw = self.value[node].reshape(x.shape[0], -1, self.outputs).sum(1)
        if self.ratio:
            return torch.log((raw / self.number).clamp(min=MIN_RATIO))
        if self.width == 2 and self.outputs == 1:
            raw = torch.cat([-raw, raw], dim=1) / 2
        return raw - raw.mean(1, keepdim=True) if self.width > 1 else raw


class Bent(nn.Module):
    """additive.Additive, in float64."""

    columns: Tensor
    bent: Tensor
    knots: Tensor
    mean: Tensor
    weights: Tensor

    def __init__(self, fitted: Additive) -> None:
        super().__init__()
        _fixed(self, **{name: getattr(fitted, name) for name in ARRAYS})

    def forward(self, x: Tensor) -> Tensor:
        terms = x[:, self.columns]
        if self.knots.numel():  # a file of ONNX has no type for "no columns"
            terms = torch.cat([terms, (x[:, self.bent] - self.knots).clamp(min=0.0)], dim=1)
        e = (terms - self.mean) @ self.weights
        return e - e.mean(1, keepdim=True) if e.shape[1] > 1 else e


def _nodes(structure: dict[str, Any]) -> Array:
    """(node, [column, bound, left, right, value]); the root is node 0, a leaf is its own child."""
    rows: list[list[float]] = []

    def add(node: dict[str, Any]) -> int:
        at = len(rows)
        rows.append([0.0, np.inf, at, at, node.get("leaf_value", 0.0)])
        if "split_feature" in node:
            assert node["decision_type"] == "<="
            rows[at] = [node["split_feature"], node["threshold"], 0.0, 0.0, 0.0]
            rows[at][2], rows[at][3] = add(node["left_child"]), add(node["right_child"])
        return at

    add(structure)
    return np.array(rows)


def _depth(nodes: Array, at: int = 0) -> int:
    left, right = int(nodes[at, 2]), int(nodes[at, 3])
    return 0 if left == at else 1 + max(_depth(nodes, left), _depth(nodes, right))


class BlockGraph(nn.Module):
    """One block's evidence (row, width): its learners by their shares; the linear product in float32."""

    def __init__(self, model: BlockModel) -> None:
        super().__init__()
        self.mix = dict(model.mix)
        self.linear = _product(model.linear.weights.T)
        used = {n: fitted for n, fitted in model.beside.items() if self.mix.get(n, 0.0) > 0}
        self.beside = nn.ModuleDict(
            {n: Trees(b) if isinstance(b, Boosted) else Bent(b) for n, b in used.items()
             if not isinstance(b, Boosted) or b.text}
        )  # fmt: skip

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """x: rows of the design."""
        e = self.linear(x.float()).double()
        e = self.mix.get("elastic_net", 0.0) * (e - e.mean(1, keepdim=True) if e.shape[1] > 1 else e)
        for name, learner in self.beside.items():
            e = e + self.mix[name] * learner(x)
        return torch.where(present[:, None], e, 0.0)


class Pipeline(nn.Module):
    """Inputs: values and present of each block, in the bundle's order. Output (row, column): probabilities, log
    relative hazard and survival at the horizons, or value; NaN where no block is present."""

    weights: Tensor
    presence: Tensor
    hazard: Tensor
    offset: Tensor
    bias: Tensor

    def __init__(self, trained: Trained, times: list[Array], choice: str) -> None:
        super().__init__()
        self.designs = nn.ModuleList(Prepared(b.design, t) for b, t in zip(trained.blocks, times, strict=True))
        self.blocks = nn.ModuleList(BlockGraph(b) for b in trained.blocks)
        self.choice, self.kind, self.best = choice, trained.kind, trained.fusion.best
        calibration, at = trained.calibrations[choice], trained.at
        _fixed(self, weights=trained.fusion.stack.weights[:, None].astype(float), hazard=trained.hazard.astype(float),
               presence=trained.fusion.stack.presence.astype(float), offset=at.offset.astype(float),
               bias=np.asarray(calibration.bias, dtype=float))  # fmt: skip
        self.scale, self.centre, self.spread = float(calibration.scale), float(at.centre), float(at.scale)
        self.average, asked = trained.fusion.average, choice in FROM_NETWORK
        self.read = nn.ModuleList(NetworkInput(b.design) for b in trained.blocks if asked)
        self.networks = Networks(trained.nets, trained.horizons, trained.level) if asked else None

    def forward(self, *inputs: Tensor) -> Tensor:
        values, present = inputs[::2], inputs[1::2]
        mask = torch.stack(present, dim=1)
        designs = [d(v, p) for d, v, p in zip(self.designs, values, present, strict=True)]
        base = torch.stack([b(x, p) for b, x, p in zip(self.blocks, designs, present, strict=True)], dim=1)
        told, own = torch.zeros(1), None
        if self.networks is not None:
            told, own = self.networks([r(v, x) for r, v, x in zip(self.read, values, designs, strict=True)], mask)
        eta = self.offset + self.scale * self._evidence(base, mask, told) + self.bias
        if self.kind == "classification":
            out = torch.softmax(eta, dim=1)
        elif self.kind == "regression":
            out = self.centre + self.spread * eta
        else:
            cumulative = self.hazard[None, :] if own is None else own
            out = torch.cat([eta, torch.exp(-torch.exp(eta.clamp(-20, 20)) * cumulative)], dim=1)
        return torch.where(mask.any(1, keepdim=True), out, float("nan"))

    def _evidence(self, base: Tensor, mask: Tensor, told: Tensor) -> Tensor:
        if self.choice == "network":
            return told
        on = mask.double()
        if self.choice == "stack":
            e = (self.weights * base).sum(1) + on @ self.presence
            return e - e.mean(1, keepdim=True) if e.shape[1] > 1 else e
        mean = base.sum(1) / on.sum(1, keepdim=True).clamp(min=1.0)
        if self.choice == "late_mean":
            return mean
        if self.choice == "network_late_mean":
            return 0.5 * (self.average[0] * told + self.average[1] * mean)
        return torch.where(mask[:, self.best : self.best + 1], base[:, self.best], mean)
