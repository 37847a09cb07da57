"""A task's outcome: what is known of whom, which classes can be learned, and the arrays models are fitted to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem

Array = np.ndarray
KINDS = ("classification", "ordinal", "survival", "regression")
MIN_PATIENTS = 20  # labelled patients; below it no cross-validated figure means anything
MIN_GROUPS = 4  # groups per class (events of a survival task): outer and inner folds must each see the class
MIN_EVENTS = 8


@dataclass(frozen=True)
class Asked:
    """A task as the configuration words it. kind: one of KINDS; columns of the patient sheet, "" where not named."""

    name: str
    kind: str
    outcome: str = ""
    time: str = ""
    event: str = ""
    blocks: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()  # ordinal: classes from lowest to highest
    split: str = ""  # column that says train or test

    @classmethod
    def from_json(cls, text: str) -> Asked:
        given: dict[str, Any] = json.loads(text)
        given["kind"] = given.pop("type")
        lists: dict[str, Any] = {k: tuple(v) for k, v in given.items() if isinstance(v, list)}
        return cls(**(given | lists))

    def facts(self) -> dict[str, Any]:
        """What task.json says of it; an ordinal task is a classification whose classes have an order."""
        kind = "classification" if self.kind == "ordinal" else self.kind
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()} | {"kind": kind}


@dataclass(frozen=True)
class Target:
    """Outcome of the rows given. y: class codes (int) or values (float); time, event: survival only.

    ordered: the classes run from lowest to highest (an ordinal task).
    """

    kind: str
    y: Array
    time: Array
    event: Array
    classes: tuple[str, ...] = ()
    ordered: bool = False

    def __len__(self) -> int:
        return len(self.y)

    @property
    def width(self) -> int:
        """Columns of a prediction: classes, or one."""
        return len(self.classes) if self.kind == "classification" else 1

    def take(self, rows: Array) -> Target:
        return replace(self, y=self.y[rows], time=self.time[rows], event=self.event[rows])


def read(
    asked: Asked, cells: Sequence[Mapping[str, str]], file: str, patients: Sequence[str]
) -> tuple[Target, Array, list[str]]:
    """(target of all patients, known(patient), text of each outcome). Unreadable cells: InputError, all at once."""
    n = len(patients)
    y, t, e = np.zeros(n), np.full(n, np.nan), np.zeros(n)
    known = np.zeros(n, dtype=bool)
    said = [""] * n
    problems: list[Problem] = []
    classes: tuple[str, ...] = ()
    kind = asked.facts()["kind"]
    if kind == "classification":
        said = [row.get(asked.outcome, "") for row in cells]
        classes = asked.levels if asked.kind == "ordinal" else tuple(sorted(set(said) - {""}))
        if asked.kind == "ordinal":
            problems += _unknown_levels(asked, said, file, patients)
        known = np.array([bool(s) for s in said])
        y = np.array([classes.index(s) if s in classes else -1 for s in said])
    else:
        for i, row in enumerate(cells):
            found = _numbers(kind, row, asked.outcome, asked.time, asked.event, file, patients[i], problems)
            if found:
                known[i], (y[i], t[i], e[i]), said[i] = True, found[0], found[1]
    if problems:
        raise InputError(problems)
    return Target(kind, y, t, e, classes, asked.kind == "ordinal"), known, said


def _unknown_levels(asked: Asked, said: Sequence[str], file: str, patients: Sequence[str]) -> list[Problem]:
    """Problems of cells that are none of the task's levels."""
    allowed = f"{', '.join(asked.levels)}, or empty"
    mend = f"correct the cell, or add the level to learn.tasks.{asked.name}.levels"
    return [
        Problem(file, f"{asked.outcome} '{x}'", allowed, mend, patient=p)
        for x, p in zip(said, patients, strict=True)
        if x and x not in asked.levels
    ]


def kept_classes(target: Target, classes: Sequence[str]) -> Target:
    """`target` with these classes alone, renumbered; rows of other classes get code -1."""
    kept = [target.classes.index(c) for c in classes]
    codes = np.array([kept.index(y) if y in kept else -1 for y in target.y], dtype=int)
    return replace(target, y=codes, classes=tuple(classes))


def _numbers(
    kind: str,
    row: Mapping[str, str],
    outcome: str,
    time: str,
    event: str,
    file: str,
    patient: str,
    problems: list[Problem],
) -> tuple[tuple[float, float, float], str] | None:
    columns = (time, event) if kind == "survival" else (outcome,)
    texts = [row.get(c, "") for c in columns]
    if not any(texts):
        return None
    values = [_number(x) for x in texts]
    allowed = "a number, or empty" if kind == "regression" else "a time > 0 and an event of 0 or 1, or both empty"
    good = all(math.isfinite(v) for v in values)
    if kind == "survival":
        good = good and values[0] > 0 and values[1] in (0.0, 1.0)
    if not good:
        found = ", ".join(f"{c} '{x}'" for c, x in zip(columns, texts, strict=True))
        problems.append(Problem(file, found, allowed, "correct the cell", patient=patient))
        return None
    if kind == "survival":
        return (0.0, values[0], values[1]), f"{texts[0]} {'event' if values[1] else 'censored'}"
    return (values[0], float("nan"), 0.0), texts[0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def learnable(target: Target, known: Array, groups: Sequence[str]) -> tuple[Array, tuple[str, ...], list[str], str]:
    """(rows to learn from, classes kept, notes, why not assessed or "").

    Classes of fewer than MIN_GROUPS groups are set aside, by name; the task goes on with the others.
    """
    use, classes, notes = known.copy(), target.classes, []
    if target.kind == "classification":
        sizes = {c: _distinct(groups, known & (target.y == k)) for k, c in enumerate(target.classes)}
        classes = tuple(c for c in target.classes if sizes[c] >= MIN_GROUPS)
        for c in target.classes:
            if c not in classes:
                notes.append(f"class '{c}' has {sizes[c]} independent patients, fewer than {MIN_GROUPS}: not learned")
        use &= np.isin(target.y, [target.classes.index(c) for c in classes])
        if len(classes) < 2:
            return use & False, (), notes, f"fewer than two classes have {MIN_GROUPS} independent patients"
    n, events = int(use.sum()), int(target.event[use].sum())
    why = ""
    if n < MIN_PATIENTS:
        why = f"{n} patients with a known outcome, fewer than {MIN_PATIENTS}"
    elif target.kind == "survival" and events < MIN_EVENTS:
        why = f"{events} events, fewer than {MIN_EVENTS}"
    elif target.kind == "regression" and len(set(target.y[use])) < 3:
        why = "fewer than three different values"
    elif _distinct(groups, use) < MIN_PATIENTS // 2:
        why = f"fewer than {MIN_PATIENTS // 2} independent groups of patients"
    return (use if not why else use & False), classes, notes, why


def _distinct(groups: Sequence[str], rows: Array) -> int:
    return len({g for g, on in zip(groups, rows, strict=True) if on})


def strata(target: Target) -> Array:
    """Stratum of each row for the folds: class, event x early/late, or quarter of the values."""
    if target.kind == "classification":
        return np.asarray(target.y, dtype=int)
    if target.kind == "regression":
        return np.searchsorted(np.quantile(target.y, [0.25, 0.5, 0.75]), target.y)
    events = target.time[target.event == 1]
    late = target.time > (np.median(events) if len(events) else np.median(target.time))
    return (2 * target.event + late).astype(int)


def horizons(target: Target) -> tuple[float, ...]:
    """Times at which survival probabilities are printed: about the quartiles of event times, two digits."""
    if target.kind != "survival":
        return ()
    quartiles = np.quantile(target.time[target.event == 1], [0.25, 0.5, 0.75])
    return tuple(sorted({float(f"{q:.2g}") for q in quartiles}))


def deciles(target: Target) -> tuple[float, ...]:
    """Deciles of the event times, rising and distinct: where predicted survival is judged."""
    asked = np.quantile(target.time[target.event == 1], np.linspace(0.1, 0.9, 9))
    return tuple(float(t) for t in np.unique(asked))


def as_facts(target: Target) -> dict[str, Any]:
    return {
        "kind": target.kind, "classes": list(target.classes), "y": target.y.tolist(),
        "time": target.time.tolist(), "event": target.event.tolist(), "ordered": target.ordered,
    }  # fmt: skip


def from_facts(facts: Mapping[str, Any]) -> Target:
    y = np.array(facts["y"], dtype=int if facts["kind"] == "classification" else float)
    time = np.array([np.nan if t is None else t for t in facts["time"]], dtype=float)
    event = np.array(facts["event"], dtype=float)
    return Target(facts["kind"], y, time, event, tuple(facts["classes"]), bool(facts.get("ordered")))
