"""What surrounds the networks of one job and changes no number: its card, checkpoints, event files, progress lines."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from consilium.learn.settings import Plan


@dataclass
class Job:
    """checkpoints, events: folders, or None for none. every_s: seconds between checkpoints and between lines."""

    checkpoints: Path | None = None
    events: Path | None = None
    every_s: float = 10.0
    _last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time for a checkpoint and a line."""
        if time.monotonic() - self._last < self.every_s:
            return False
        self._last = time.monotonic()
        return True

    def writer(self, name: str) -> Any:
        """TensorBoard's writer of one network, or None."""
        if self.events is None:
            return None
        from torch.utils.tensorboard.writer import SummaryWriter

        return SummaryWriter(str(self.events / name.replace(" ", "_")))


@contextmanager
def around(out: Path, plan: Plan) -> Iterator[Job]:
    """A job that writes `out`: a card of its own where there is one, checkpoints beside `out` until it is written."""
    from consilium.learn.networks import lease

    if not plan.network_seeds:
        yield Job()
        return
    checkpoints, events = out.with_suffix(".checkpoints"), out.with_suffix(".tensorboard")
    if not checkpoints.exists():
        shutil.rmtree(events, ignore_errors=True)
    with lease.card(plan.network.processes):
        yield Job(checkpoints, events if plan.network.tensorboard else None)
    shutil.rmtree(checkpoints, ignore_errors=True)
