"""The text of a bundle: model card and self-test, filled from the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from consilium.core.contract import BASES
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.fusion.model import Trained
from consilium.learn.models.preproc import Design

Array = np.ndarray
CASES = ("every block at the training centre", "every other block absent", "first block alone", "no block")


def selftest_cohort(trained: Trained, dictionary: dict[str, Any]) -> Cohort:
    """Four made-up patients (CASES) at the training medians or means, from the fitted preparation alone."""
    blocks = []
    for i, b in enumerate(trained.blocks):
        about = dictionary[b.name]
        row = _centre(b.design, tuple(about["shape"]))
        present = np.array([True, i % 2 == 0, i == 0, False])
        values = np.repeat(row[None].astype(np.float32), len(CASES), axis=0)
        values[~present] = np.nan
        reasons = tuple("" if p else "made up without it" for p in present)
        names, units = (
            zip(*((f["name"], f["unit"]) for f in about["features"]), strict=True) if about["features"] else ((), ())
        )
        blocks.append(
            Block(b.name, about["title"], about["layout"], values, present, reasons, tuple(names), tuple(units),
                  tuple(about["time"]))
        )  # fmt: skip
    ids = tuple(f"selftest_{k + 1}" for k in range(len(CASES)))
    return Cohort(ids, ("",) * len(CASES), ("",) * len(CASES), tuple(blocks))


def _centre(design: Design, shape: tuple[int, ...]) -> Array:
    if design.layout == "volume":
        return np.where(np.isfinite(design.arrays["voxel_sd"]), design.arrays["voxel_mean"], np.nan)
    if design.layout == "series":
        return np.tile(design.arrays["series_mean"], (shape[0], 1))
    if design.layout == "bag":  # one average instance
        return np.concatenate([design.arrays["series_mean"][None], np.full((shape[0] - 1, shape[1]), np.nan)])
    if design.layout == "dna":  # one made-up window
        return _made_up_window(shape)
    if design.layout == "words":  # the vocabulary, as far as it goes
        known = design.arrays["vocabulary"][: shape[0]]
        return np.concatenate([known, np.full(shape[0] - len(known), np.nan)])
    row = np.full(shape, np.nan)
    row[design.arrays["columns"]] = design.arrays["median"]
    return row


def _made_up_window(shape: tuple[int, ...]) -> Array:
    """A C>T in the middle of ACGTACGT…, on one strand, and no other window."""
    columns = (shape[1] - 1) // 2
    reference = np.arange(columns) % 4 + BASES.index("A")
    reference[columns // 2] = BASES.index("C")
    patient = reference.copy()
    patient[columns // 2] = BASES.index("T")
    out = np.full(shape, np.nan)
    out[0] = [1, *reference, *patient]
    return out


def expected(trained: Trained, cohort: Cohort) -> list[dict[str, Any]]:
    """What a bundle's self-test must give again; not the wording of reasons, which may change between versions."""
    made = zip(cohort.patients, trained.predictions(cohort), strict=True)
    return [{"patient": p, **{k: v for k, v in r.items() if k != "reason"}} for p, r in made]


def agree(one: Any, other: Any, tolerance: float = 1e-6) -> bool:
    """Equal up to `tolerance` in every number."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[k], other[k], tolerance) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(agree(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= tolerance or (one != one and other != other)
    return bool(one == other)


def model_card(manifest: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> str:
    """Markdown, filled from the run: what was trained on whom, how it did, which checks it passed or not."""
    lines = [
        "# Model card", "",
        "**For research use only. Not a medical device; no clinical decision may rest on it.**", "",
        f"Trained on cohort `{manifest['cohort']}` by consilium {manifest['versions'].get('consilium', '')}, "
        f"seed {manifest['seed']}. Apply it with `mode: apply` and `bundle:` set to this folder; it fits nothing.",
        "", "## Input", "",
        "A missing block is masked, never filled in. Required: nearly every training patient had it, so the model "
        "is not tried without it. Names and units: manifest.json.", "",
        *(f"- `{name}`: {about['title']} ({about['layout']}, shape {' x '.join(map(str, about['shape']))}, "
          f"{'required' if about['required'] else 'optional'})"
          for name, about in manifest["modalities"].items()),
    ]  # fmt: skip
    for task in tasks:
        lines += ["", f"## Task `{task['name']}` ({task['kind']})", ""]
        if task["status"] != "assessed":
            lines += [f"Not assessed: {task['reason']}."]
            continue
        classes = f" Classes: {', '.join(task['classes'])}." if task["classes"] else ""
        lines += [
            f"{task['n']} patients with an outcome.{classes} Shipped model: `{task['choice']}` ({task['why']}).",
            "",
        ]
        lines += ["| model | role | metric | value (95 % interval) | n |", "|---|---|---|---|---|"]
        lines += [row_of(r) for r in task["leaderboard"]]
        lines += ["", "| check | verdict | figures |", "|---|---|---|"]
        lines += [f"| {g['gate']} | {g['verdict']} | {g['detail']} |" for g in task["gates"]]
    lines += ["", "## Limits", "",
              "Judged by cross-validation inside one cohort; another hospital's patients may differ. Figures from a "
              "few hundred patients have wide intervals: read the intervals. A caution is printed for patients "
              "whose values lie far outside the training patients'.", ""]  # fmt: skip
    return "\n".join(lines)


def row_of(r: dict[str, Any]) -> str:
    shown = (
        "could not be computed"
        if r["value"] != r["value"]
        else f"{r['value']:.3f} ({r['lower']:.3f} to {r['upper']:.3f})"
    )
    name = {"baseline": f"{r['model']} on {r['modalities']}", "stress": f"{r['model']} {r['modalities']}"}.get(
        r["role"], r["model"]
    )
    return f"| {name} | {r['role']} | {r['metric']} | {shown} | {r['n']} |"
