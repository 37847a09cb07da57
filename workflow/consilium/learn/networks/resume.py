"""Checkpoints: a killed job takes up its networks where they were, to the same bytes. One file a network, no pickles.

A file's name is the hash of everything its network depends on (inputs, outcomes, settings, code), so a checkpoint of
other data or of older code is never taken up.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from consilium.core.provenance import PACKAGE, file_digest, value_digest
from consilium.core.store import atomic

Array = np.ndarray


def content_key(arrays: dict[str, Array], *facts: Any) -> str:
    """Hash of arrays, plain facts, the room's code and torch's version."""
    digest = hashlib.sha256(value_digest([_code(), torch.__version__, *facts]).encode())
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:32]


@cache
def _code() -> list[str]:
    """The room's files byte by byte: syntax trees, as rules compare them, would cost every job half a second."""
    return [file_digest(p) for p in sorted((PACKAGE / "learn").rglob("*.py"))]


@dataclass(frozen=True)
class Checkpoint:
    """One network's file; folder None: nothing is kept."""

    folder: Path | None
    key: str

    def save(self, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
        """Replace the file; a kill in the middle leaves the one before."""
        if self.folder is None:
            return
        from safetensors.torch import save_file

        plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        with atomic(self._path(self.folder)) as temporary:
            save_file(plain, temporary, metadata={"facts": json.dumps(facts)})

    def load(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """What `save` wrote, if it did."""
        if self.folder is None or not self._path(self.folder).exists():
            return None
        from safetensors import safe_open

        with safe_open(self._path(self.folder), framework="pt") as store:
            return {k: store.get_tensor(k) for k in list(store.keys())}, json.loads(store.metadata()["facts"])

    def _path(self, folder: Path) -> Path:
        return folder / f"{self.key}.safetensors"
