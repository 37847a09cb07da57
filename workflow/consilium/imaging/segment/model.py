"""A trained network as a file: weights as safetensors, everything else as JSON in its header. No pickle, no patient."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem
from consilium.core.store import atomic
from consilium.imaging.segment.grid import Grid
from consilium.imaging.segment.net import build
from consilium.imaging.segment.pieces import Rule
from consilium.imaging.segment.train import Settings

FORMAT = "consilium segmentation 2"


@dataclass(frozen=True)
class Model:
    """net: in evaluation mode. kind: of the images it reads. notes: sizes and losses of its training."""

    net: Any
    kind: str
    grid: Grid
    settings: Settings
    rule: Rule
    notes: dict[str, Any]


def save(file: Path, model: Model) -> None:
    """Write atomically; the same model gives the same bytes."""
    from safetensors.torch import save as packed

    about = {
        "format": FORMAT, "kind": model.kind, "grid": asdict(model.grid), "settings": model.settings.facts(),
        "rule": asdict(model.rule), "notes": model.notes,
    }  # fmt: skip
    weights = {k: v.detach().cpu().contiguous() for k, v in sorted(model.net.state_dict().items())}
    content = packed(weights, {"consilium": json.dumps(about, sort_keys=True)})
    with atomic(file) as temporary:
        temporary.write_bytes(content)


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
    """The model that `save` wrote, weight for weight."""
    from safetensors.torch import load_file

    facts = about(file)
    settings = Settings(**facts["settings"])
    net = build(settings.shape)
    try:
        net.load_state_dict(load_file(file))
    except (RuntimeError, OSError, ValueError) as error:
        raise _not_a_model(file, str(error).splitlines()[0]) from None
    return Model(net.eval(), facts["kind"], Grid(**facts["grid"]), settings, Rule(**facts["rule"]), facts["notes"])


def _not_a_model(file: Path, found: str) -> InputError:
    return InputError(
        Problem(str(file), found, f"a model of format '{FORMAT}'",
                "name cohort/segmentation/model.safetensors of a run with imaging: segmentation")
    )  # fmt: skip
