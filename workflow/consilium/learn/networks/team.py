"""One network trained by several processes, a card each: every process has its share of the rows of each batch.

What the networks say of their rows is gathered, so that each process sees the loss of the whole batch (a Cox model's
events are compared with everybody at risk in it), and the gradients of all shares are added up: with the same batch the
weights are those of one process, up to the order of sums. Chance that is drawn with numpy is the same in every process;
dropout is drawn by each for its own rows, anew every epoch, so that a killed job is taken up to the same numbers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import seed_from

PATIENCE = timedelta(minutes=30)  # of a process that waits for the others; the end of one is noticed at once


@dataclass(frozen=True)
class Team:
    """One process among `size`. A team of one changes nothing."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes: checkpoints, events, lines."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """This process' part of a batch."""
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def begin(self, seed: int, epoch: int) -> None:
        """Dropout of its own for every process and epoch."""
        if self.size > 1:
            torch.manual_seed(seed_from(seed, "team", self.rank, epoch) % 2**31)

    def together(self, own: Tensor, rows: int) -> Tensor:
        """(rows, ...) of all processes from this one's share; gradients go through the own rows alone."""
        if self.size == 1:
            return own
        mine = self.share(rows)
        whole = own.new_zeros((rows, *own.shape[1:]))
        whole[mine] = own.detach()
        distributed.all_reduce(whole)
        return torch.cat([whole[: mine.start], own, whole[mine.stop :]])

    def add_up(self, parameters: list[nn.Parameter]) -> None:
        """Sum of everybody's gradients, in everybody's parameters; those that nobody has a gradient of keep none."""
        if self.size == 1:
            return
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        flat = torch.cat([has, *((torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters)])
        distributed.all_reduce(flat)
        found = flat[len(parameters) :].split([p.numel() for p in parameters])
        for p, some, gradient in zip(parameters, flat[: len(parameters)].tolist(), found, strict=True):
            p.grad = gradient.view_as(p) if some else None


def trained(train: Callable[..., Any], given: tuple[Any, ...], size: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, facts) that `train(*given, team)` returns in the first of `size` processes.

    The end of any process ends all of them: InputError with the signal or the error of the one that ended first.
    """
    from safetensors.torch import load_file
    from torch import multiprocessing

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        try:
            multiprocessing.spawn(_member, (size, out, train, given), nprocs=size)
        except (multiprocessing.ProcessExitedException, multiprocessing.ProcessRaisedException) as error:
            raise InputError(
                Problem("learn.network.processes", f"{size} processes train one network, and one ended: {_why(error)}",
                        "processes that live until the network is trained", "give the job more memory, or set it to 1")
            ) from None  # fmt: skip
        return load_file(out / "trained.safetensors"), _facts(out / "trained.safetensors")


def _member(rank: int, size: int, folder: Path, train: Callable[..., Any], given: tuple[Any, ...]) -> None:
    """One process: its card where there are cards, else the processor."""
    import json

    from safetensors.torch import save_file

    cards = torch.cuda.is_available()
    if cards:
        torch.cuda.set_device(rank)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one machine: no name of a host is looked up
    distributed.init_process_group(
        "nccl" if cards else "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size,
        timeout=PATIENCE,
    )  # fmt: skip
    try:
        tensors, facts = train(*given, Team(rank, size))
        if rank == 0:
            plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
            save_file(plain, folder / "trained.safetensors", metadata={"facts": json.dumps(facts)})
    finally:
        distributed.destroy_process_group()


def _facts(path: Path) -> dict[str, Any]:
    import json

    from safetensors import safe_open

    with safe_open(path, framework="pt") as store:
        return dict(json.loads(store.metadata()["facts"]))


def _why(error: Exception) -> str:
    """One line: the signal, or the last line of the other process' traceback."""
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__).strip()
