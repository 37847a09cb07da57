"""Fits one U-Net to the training patients of a part; the loop reads from top to bottom."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.imaging.segment.net import Shape, build
from consilium.imaging.segment.sampler import Patches
from consilium.imaging.segment.store import Store

if TYPE_CHECKING:
    import torch

RATE, DECAY, LARGEST_STEP = 3e-3, 1e-2, 1.0
WARM_UP = 0.1  # of the steps: the learning rate rises
AVERAGED = 0.1  # of the steps: how far back the mean of the weights reaches
SHORTEST = 20  # steps of the cycle: it needs two to rise in


@dataclass(frozen=True)
class Settings:
    """patch: side in pixels. depth: slices of a 3D patch. mirror: left and right may be exchanged.
    augmentation: its strength. An epoch draws as many slices as the training patients have."""

    dimensions: int = 2
    width: int = 16
    patch: int = 64
    depth: int = 16
    batch: int = 12
    epochs: int = 30
    mirror: bool = True
    augmentation: float = 0.4
    seed: int = 0

    @property
    def shape(self) -> Shape:
        return Shape(self.dimensions, self.width)

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def device() -> torch.device:
    """The graphics card where there is one. One thread and fixed algorithms: same bytes on any number of cores."""
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    filling: Any = torch.utils.deterministic
    filling.fill_uninitialized_memory = False  # a seventh of the time, for nothing that is read
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    store: Store, patients: list[str], settings: Settings, say: Callable[[str], None], start: Any = None
) -> tuple[Any, list[float]]:
    """(network in evaluation mode, mean loss by epoch) after training on `patients`; start: a network to go on from.

    Dice + cross-entropy, AdamW, one cycle of the learning rate (arXiv:1708.07120), exponential mean of the weights.
    bfloat16 on a graphics card; float32 in channels-last order on the CPU, where bfloat16 without its instructions is
    slower.
    """
    import torch
    from monai.losses import DiceCELoss
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    where = device()
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.channels_last if settings.dimensions == 2 else torch.channels_last_3d
    net = copy.deepcopy(start).train() if start is not None else build(settings.shape)
    net = net.to(where).to(memory_format=order)  # type: ignore[call-overload]
    patches = Patches(store, patients, settings.shape, settings.patch, settings.depth, settings.mirror,
                      settings.augmentation)  # fmt: skip
    steps = math.ceil(patches.slices / (settings.batch * patches.depth))
    loss_of = DiceCELoss(sigmoid=True, batch=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    total_steps = max(steps * settings.epochs, SHORTEST)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total_steps, pct_start=WARM_UP)
    rule = get_ema_multi_avg_fn(1 - 1 / (AVERAGED * total_steps))
    mean = AveragedModel(net, multi_avg_fn=rule, use_buffers=True)
    losses = []
    for epoch in range(settings.epochs):
        started, total = time.perf_counter(), 0.0
        for _ in range(steps):
            images, masks = patches.batch(settings.batch, random, generator)
            images, masks = images.to(where, memory_format=order), masks.to(where)
            with torch.autocast(where.type, dtype=torch.bfloat16, enabled=where.type == "cuda"):
                logits = net(images)
            loss = loss_of(logits.float(), masks)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), LARGEST_STEP)
            optimizer.step()
            schedule.step()
            mean.update_parameters(net)
            total += float(loss.detach())
        losses.append(total / steps)
        say(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, {time.perf_counter() - started:.1f} s")
    return mean.module.eval(), losses
