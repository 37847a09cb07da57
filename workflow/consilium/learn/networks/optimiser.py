"""AdamW of our own: torch.optim costs 1-3 s of imports a job."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-2


class AdamW:
    """AdamW (arXiv:1711.05101) under a cosine from LEARNING_RATE to 0 over `steps`."""

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

    def state(self) -> dict[str, Tensor]:
        """Moments by name, for a checkpoint."""
        moments = {"first": self.first, "second": self.second}
        return {f"{name}.{i}": t for name, tensors in moments.items() for i, t in enumerate(tensors)}

    def restore(self, state: dict[str, Tensor], done: int) -> None:
        self.done = done
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
