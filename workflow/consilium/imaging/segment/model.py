"""Trained networks as a file: weights as safetensors, everything else as JSON in its header. No pickle, no patient."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.store import atomic
from consilium.imaging.segment import pieces
from consilium.imaging.segment.grid import Grid
from consilium.imaging.segment.net import build
from consilium.imaging.segment.train import Settings

NDArray = np.ndarray
FORMAT = "consilium segmentation 4"


@dataclass(frozen=True)
class Model:
    """Networks of one shape that are averaged.

    nets: in evaluation mode. kind: of the images they read. settings: of their training (seed: the first one's).
    notes: of each network its seed, sizes, losses, and what every rule reached in its tuning patients.
    """

    nets: tuple[Any, ...]
    kind: str
    grid: Grid
    settings: Settings
    rule: pieces.Rule
    notes: tuple[dict[str, Any], ...]


def save(file: Path, model: Model) -> None:
    """Write atomically; the same model gives the same bytes. Tensors are named <network>.<name within it>."""
    facts = {
        "format": FORMAT, "kind": model.kind, "grid": asdict(model.grid), "settings": model.settings.facts(),
        "rule": asdict(model.rule), "notes": model.notes,
    }  # fmt: skip
    _write(file, facts, [{k: v.detach().cpu().numpy() for k, v in net.state_dict().items()} for net in model.nets])


def join(files: Sequence[Path], file: Path) -> None:
    """One model of the networks of several files, without loading torch; the rule suits them all (`common_rule`).

    InputError where they were not trained alike (apart from the seed).
    """
    every = [about(f) for f in files]
    alike = [(f["kind"], f["grid"], {**f["settings"], "seed": 0}) for f in every]
    if any(one != alike[0] for one in alike):
        raise InputError(
            Problem(str(files[0].parent), "networks of different images, grids or settings", "the same in each",
                    "train them again with one configuration")
        )  # fmt: skip
    notes = [note for f in every for note in f["notes"]]
    facts = {**every[0], "rule": asdict(common_rule(notes)), "notes": notes}
    _write(file, facts, [net for f, has in zip(files, every, strict=True) for net in _weights(f, len(has["notes"]))])


def common_rule(notes: Sequence[dict[str, Any]]) -> pieces.Rule:
    """The best in the tuning patients of all networks, each judged by the network that did not learn from them."""
    return pieces.best([n["tuning_dice"] for n in notes], [n["n_tuning"] for n in notes])


def _write(file: Path, facts: dict[str, Any], weights: Sequence[dict[str, NDArray]]) -> None:
    from safetensors.numpy import save as packed

    named = {f"{i}.{k}": np.asarray(net[k], order="C") for i, net in enumerate(weights) for k in sorted(net)}
    content = packed(named, {"consilium": json.dumps(facts, sort_keys=True)})
    with atomic(file) as temporary:
        temporary.write_bytes(content)


def _weights(file: Path, networks: int) -> list[dict[str, NDArray]]:
    """The tensors of each network of a file. InputError where it is cut short."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        named = load_file(file)
    except (OSError, ValueError, SafetensorError) as error:
        raise _not_a_model(file, str(error).splitlines()[0]) from None
    return [{k.removeprefix(f"{i}."): v for k, v in named.items() if k.startswith(f"{i}.")} for i in range(networks)]


def about(file: Path) -> dict[str, Any]:
    """The JSON of a model file, without loading torch. InputError where it is not one."""
    try:
        with open(file, "rb") as handle:
            size = int.from_bytes(handle.read(8), "little")
            header = json.loads(handle.read(min(size, 10_000_000)))
        facts = dict(json.loads(header["__metadata__"]["consilium"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _not_a_model(file, str(error) or type(error).__name__) from None
    if facts.get("format") != FORMAT:
        raise _not_a_model(file, f"format '{facts.get('format')}'")
    return facts


def load(file: Path) -> Model:
    """The model that `save` or `join` wrote, weight for weight."""
    import torch

    facts = about(file)
    settings, rule = Settings(**facts["settings"]), pieces.Rule(**facts["rule"])
    nets = []
    for weights in _weights(file, len(facts["notes"])):
        net = build(settings.shape).eval()
        try:
            net.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        except RuntimeError as error:
            raise _not_a_model(file, str(error).splitlines()[0]) from None
        nets.append(net)
    return Model(tuple(nets), facts["kind"], Grid(**facts["grid"]), settings, rule, tuple(facts["notes"]))


def _not_a_model(file: Path, found: str) -> InputError:
    return InputError(
        Problem(str(file), found, f"a model of format '{FORMAT}'",
                "name cohort/imaging/segmentation/final.safetensors of a run with imaging: segmentation")
    )  # fmt: skip
