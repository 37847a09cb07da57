"""The losses of `models.heads` in torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from consilium.learn.cohort.tasks import Target
from consilium.learn.models.hazards import Hazards, counted
from consilium.learn.models.heads import Prior

Baseline = Prior | Hazards  # what evidence is added to; Hazards: survival by intervals of time

SIDE_LOSS = 0.5  # weight of the single blocks' own losses


def loss(
    target: Target, at: Baseline, evidence: Tensor, logits: Tensor | None = None, present: Tensor | None = None
) -> Tensor:
    """Loss of the fused evidence (row, width), plus that of each block's own logits where these are given."""
    everybody = torch.ones(len(target), 1, dtype=torch.bool, device=evidence.device)
    main = likelihood(target, at, evidence[:, None], everybody)
    if logits is None or present is None:
        return main
    return main + SIDE_LOSS * likelihood(target, at, logits, present)


def likelihood(target: Target, at: Baseline, evidence: Tensor, present: Tensor) -> Tensor:
    """Mean loss: evidence (row, block, width) over present rows, then over blocks."""
    weight = present.to(evidence.dtype)
    if isinstance(at, Hazards):  # an event costs -log h in its interval, every interval survived -log(1 - h)
        survived, failed = (torch.from_numpy(a).to(evidence)[:, None] for a in counted(target, at.ends))
        eta = evidence + torch.tensor(at.offset).to(evidence)
        costs = failed * nn.functional.softplus(-eta) + survived * nn.functional.softplus(eta)
        losses = costs.sum(-1)
    elif target.kind == "classification":
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
