"""A bundle for another cohort: intercept, slope and conformal thresholds from its outcomes; everything else stays."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import file_digest, seed_from
from consilium.core.settings import RECALIBRATED_FROM
from consilium.core.sheets import read_patients
from consilium.core.store import atomic_folder, write_facts, write_text
from consilium.learn.bundle import apply as applying
from consilium.learn.bundle import card, estimate, pack, ship
from consilium.learn.cohort import data, tasks
from consilium.learn.cohort import folds as folding
from consilium.learn.cohort.tasks import Target
from consilium.learn.fusion.fusion import FROM_NETWORK, Calibration
from consilium.learn.fusion.model import Trained
from consilium.learn.judge import metrics
from consilium.learn.models.heads import objective, softmax
from consilium.learn.models.linear import minimise
from consilium.learn.uncertainty import conformal
from consilium.learn.uncertainty.conformal import Conformal
from consilium.learn.uncertainty.groups import Levels, take

Array = np.ndarray
Facts = dict[str, Any]
MIN_INTERCEPT, MIN_SLOPE = RECALIBRATED_FROM, 200
FOLDS = 5
SPREAD = 2.5  # prior SD of the intercept: weak (doi:10.1214/08-AOAS191), but finite where no event was seen
SLOPE_SPREAD = 0.5  # of the slope around 1


def fit(base: Array, target: Target, trained: Trained, with_slope: bool) -> tuple[float, Array]:
    """(slope, intercept (width,)) on the shipped linear predictor less the prior's offset, base (row, width).

    Logistic recalibration (Cox 1958; doi:10.1016/j.jclinepi.2004.01.014), the same for squares; for survival the
    intercept is the log ratio of observed to expected events (Poisson; doi:10.1177/0962280213497434).
    """
    loss = _poisson(target, trained) if target.kind == "survival" else objective(target, trained.at)
    offset = trained.at.offset

    def smooth(theta: Array) -> tuple[float, Array]:
        value, gradient = loss(offset + theta[0] * base + theta[1:])
        value += 0.5 * ((theta[0] - 1) / SLOPE_SPREAD) ** 2 + 0.5 * float((theta[1:] ** 2).sum()) / SPREAD**2
        pull = (gradient * base).sum() + (theta[0] - 1) / SLOPE_SPREAD**2 if with_slope else 0.0
        return value, np.concatenate([[pull], gradient.sum(axis=0) + theta[1:] / SPREAD**2])

    def prox(theta: Array, _size: float) -> Array:
        out = theta.copy()
        out[0] = max(out[0], 0.0)
        return out

    theta = minimise(smooth, prox, np.concatenate([[1.0], np.zeros(base.shape[1])]), steps=2000)
    return float(theta[0]), theta[1:]


def _poisson(target: Target, trained: Trained) -> Any:
    """Poisson likelihood of the events, given the cumulative baseline hazard at each follow-up."""
    hazard, event = followed(target, trained)

    def value(eta: Array) -> tuple[float, Array]:
        expected = hazard * np.exp(np.clip(eta[:, 0], -20, 20))
        return float((expected - event * eta[:, 0]).sum()), (expected - event)[:, None]

    return value


def followed(target: Target, trained: Trained) -> tuple[Array, Array]:
    """(cumulative baseline hazard until the end of each row's follow-up, event by then)."""
    assert trained.course is not None  # a survival model always has one
    return trained.course.at(target.time), target.event


def updated(trained: Trained, slope: float, intercept: Array, sets: Conformal) -> Trained:
    """The model with the shipped candidate's calibration passed through slope and intercept, and with new `sets`.

    The probability above which the second of two classes is called moves along: the same patients are called.
    """
    old, doubt = trained.calibrations[trained.choice], trained.doubt
    new = Calibration(slope * old.scale, slope * old.bias + intercept)
    if doubt is not None:
        cut = doubt.cut
        if np.isfinite(cut):
            base = np.log(np.array([1 - cut, cut])) - trained.at.offset
            cut = float(softmax(trained.at.offset + slope * base + intercept)[1])
        doubt = replace(doubt, conformal=sets, cut=cut)
    return replace(trained, calibrations=trained.calibrations | {trained.choice: new}, doubt=doubt)


def cross_fitted(base: Array, target: Target, trained: Trained, fold: Array, with_slope: bool) -> Array:
    """eta (row, width) of each row, recalibrated on the other folds."""
    eta = np.zeros_like(base)
    for k in np.unique(fold):
        held = fold == k
        slope, intercept = fit(base[~held], target.take(np.flatnonzero(~held)), trained, with_slope)
        eta[held] = trained.at.offset + slope * base[held] + intercept
    return eta


def recalibrated(trained: Trained, cohort: data.Cohort, target: Target, groups: list[str], seed: int) -> tuple[
    Trained, Facts, Array
]:  # fmt: skip
    """(new model, facts before and after on patients that were not fitted on, their new scores); labelled rows only."""
    n = len(target)
    with_slope = n >= MIN_SLOPE
    base = trained.eta(trained.parts(cohort)) - trained.at.offset
    fold = folding.assign(target, groups, folding.possible_folds(target, groups, FOLDS), seed)
    after = cross_fitted(base, target, trained, fold, with_slope)
    levels = cohort.levels
    held_out = _held_out_sets(base, target, trained, levels, fold, with_slope)
    slope, intercept = fit(base, target, trained, with_slope)
    new = updated(trained, slope, intercept, conformal.fit(after, target, trained.at, levels, trained.course))
    before = trained.at.offset + base
    facts = {
        "status": "recalibrated", "reason": "", "n": n, "fitted": ["intercept"] + ["slope"] * with_slope,
        "slope": slope, "intercept": intercept.tolist(), "folds": int(fold.max()) + 1,
        "before": judged(trained, before, target) | {"coverage": _coverage(trained, before, target, levels)},
        "after": judged(trained, after, target) | {"coverage": held_out},
    }  # fmt: skip
    return new, facts, new.scores(after)


def judged(trained: Trained, eta: Array, target: Target) -> Facts:
    """Mean prediction and observed mean, and the metrics of the task, of rows with linear predictor eta."""
    scores = trained.scores(eta)
    one = np.ones((1, len(target)))
    judges = metrics.all_of(target, np.zeros(len(target)))
    out = {name: float(judge(target, scores, one)[0]) for name, judge in judges.items() if "within" not in name}
    if target.kind == "classification":
        seen = np.bincount(target.y, minlength=target.width) / len(target)
        return {"mean_predicted": scores.mean(axis=0).tolist(), "observed": seen.tolist()} | out
    if target.kind == "regression":
        return {"mean_predicted": [float(scores.mean())], "observed": [float(target.y.mean())]} | out
    hazard, event = followed(target, trained)
    expected = float((hazard * np.exp(eta[:, 0])).sum())
    return {"mean_predicted": [expected / len(target)], "observed": [float(event.mean())]} | out


def _held_out_sets(
    base: Array, target: Target, trained: Trained, levels: Levels, fold: Array, with_slope: bool
) -> float | None:
    """Coverage of sets whose thresholds and recalibration saw neither the row nor its fold."""
    if target.kind == "survival":
        return None
    hits = np.zeros(len(target))
    for k in np.unique(fold):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        inner = cross_fitted(base[rest], target.take(rest), trained, fold[rest], with_slope)
        slope, intercept = fit(base[rest], target.take(rest), trained, with_slope)
        sets = conformal.fit(inner, target.take(rest), trained.at, take(levels, list(rest)))
        eta = trained.at.offset + slope * base[held] + intercept
        hits[held] = _covered(trained, sets, eta, target.take(held), take(levels, list(held)))
    return float(hits.mean())


def _covered(trained: Trained, sets: Conformal, eta: Array, target: Target, levels: Levels) -> Array:
    scores = trained.scores(eta)
    if target.kind == "regression":
        inside: Array = np.abs(scores[:, 0] - target.y) <= sets.half_widths(eta, levels)
        return inside
    return np.array([y in s for y, s in zip(target.y, sets.sets(scores, levels), strict=True)])


def _coverage(trained: Trained, eta: Array, target: Target, levels: Levels) -> float | None:
    if trained.doubt is None or target.kind == "survival":
        return None  # a bound on time cannot be checked in censored patients
    return float(_covered(trained, trained.doubt.conformal, eta, target, levels).mean())


def labelled(about: Facts, cohort: data.Cohort, patients: Path, trained: Trained) -> tuple[Target, Array]:
    """(outcomes of all patients in the bundle's classes, known(patient)); InputError for classes it does not have."""
    cells = {p.patient: p.outcomes for p in read_patients(patients)}
    columns = {k: about[k] for k in ("outcome", "time", "event")}
    rows = [cells[p] for p in cohort.patients]
    if not any(c in row for row in rows for c in columns.values() if c):
        none = np.zeros(len(rows))
        return Target(about["kind"], none, none, none), none.astype(bool)
    asked = tasks.Asked(about["name"], about["kind"], **columns)
    target, known, _ = tasks.read(asked, rows, str(patients), cohort.patients)
    if about["kind"] != "classification":
        return target, known
    foreign = [c for c in target.classes if c not in trained.classes]
    if foreign:
        allowed, mend = ", ".join(trained.classes), "use the bundle's classes"
        where = f"in column {about['outcome']}"
        raise InputError([Problem(str(patients), f"outcome '{c}' {where}", allowed, mend) for c in foreign])
    codes = np.array([trained.classes.index(target.classes[y]) if y >= 0 else -1 for y in target.y], dtype=int)
    return Target("classification", codes, target.time, target.event, trained.classes), known


def refused(target: Target, n: int) -> str:
    """Why there is nothing to recalibrate with, or ""."""
    if n < MIN_INTERCEPT:
        return f"{n} patients with a known outcome, fewer than {MIN_INTERCEPT}"
    if target.kind == "classification" and len(np.unique(target.y)) < 2:
        return "all known outcomes are the same class"
    if target.kind == "survival" and target.event.sum() < tasks.MIN_EVENTS:
        return f"{int(target.event.sum())} events, fewer than {tasks.MIN_EVENTS}"
    return ""


def _own_courses(trained: Trained) -> str:
    """Why a model whose patients have curves of their own is not recalibrated, or ""."""
    hazards = trained.nets[0].hazards if trained.nets else None
    if hazards is None or trained.choice not in FROM_NETWORK:
        return ""
    return "the shipped network gives each patient a survival curve of its own, which cannot be recalibrated yet"


def write(inputs: Path, patients: Path, folder: Path, name: str, seed: int, facts: Path, out: Path) -> None:
    """See stages.recalibrate. `folder` is only read; a bundle of which no task can be recalibrated is refused."""
    manifest, cohort = applying.verified(folder), data.load(inputs)
    if out.parent.resolve() == folder.resolve():
        raise InputError(Problem(str(out.parent), "the bundle to recalibrate", "another folder", "name another"))
    found: dict[str, Facts] = {}
    with atomic_folder(out.parent) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        for about in manifest["tasks"]:
            if about["status"] == "assessed":
                found[about["name"]] = _task(about, cohort, patients, folder, new, name, seed)
        if not any(f["status"] == "recalibrated" for f in found.values()):
            why = "; ".join(f"{t}: {f['reason']}" for t, f in found.items()) or "the bundle holds no model"
            said = f"nothing can be recalibrated ({why})"
            allowed = f"{MIN_INTERCEPT} known outcomes (slope: {MIN_SLOPE})"
            mend = "collect more outcomes, or set learn.recalibrate to false"
            raise InputError(Problem(str(patients), said, allowed, mend))
        parent = file_digest(folder / applying.MANIFEST)
        manifest |= {"parent": parent, "recalibrated_on": name}
        _texts(new, manifest, found)
        ship.write_manifest(new, manifest)
    write_facts(facts, {"parent": parent, "cohort": name, "tasks": found})


def _task(about: Facts, cohort: data.Cohort, patients: Path, old: Path, new: Path, name: str, seed: int) -> Facts:
    task = about["name"]
    trained = applying.load(old, task)
    dictionary = json.loads((old / task / "dictionary.json").read_text(encoding="utf-8"))
    fitting, _ = applying.aligned(cohort, dictionary, str(patients))
    target, known = labelled(about, fitting, patients, trained)
    rows = np.flatnonzero(known & trained.parts(fitting).mask.any(axis=1))
    own = target.take(rows)
    why = refused(own, len(rows)) or _own_courses(trained)
    if why:
        return {"status": "refused", "reason": why, "n": len(rows)}
    groups = folding.groups(fitting, [])
    better, facts, scores = recalibrated(
        trained, fitting.take(rows), own, [groups[i] for i in rows], seed_from(seed, task, "recalibrate")
    )
    _write_task(new / task, better, dictionary, facts | {"cohort": name}, scores, own)
    return facts


def _write_task(folder: Path, better: Trained, dictionary: Facts, facts: Facts, scores: Array, target: Target) -> None:
    """What recalibration changes: calibration, thresholds, self-test, expected performance; and what it did."""
    (folder / "calibration.json").write_bytes(pack.calibrations(better))
    (folder / "conformal.json").write_bytes(pack.thresholds(better))
    known = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    if target.kind == "classification":
        known["predictions"] = estimate.at_home(scores, target.y)
    (folder / "reference.json").write_bytes(pack.as_json(known))
    again = pack.unpack(pack.read_folder(folder))
    record = {"cases": list(card.CASES), "expected": card.expected(again, card.selftest_cohort(again, dictionary))}
    (folder / "selftest.json").write_bytes(pack.as_json(record))
    write_facts(folder / "recalibration.json", facts)


def _texts(folder: Path, manifest: Facts, found: dict[str, Facts]) -> None:
    """The sheets say that, and on whom, the bundle was recalibrated; the figures of training stay."""
    lines = ["", "## Recalibrated", "", f"On cohort `{manifest['recalibrated_on']}`; parent manifest "
             f"{manifest['parent']}.", ""]  # fmt: skip
    lines += [f"- `{task}`: {said(facts)}" for task, facts in sorted(found.items())]
    for name in ("model_card.md", "tripod_ai.md"):
        write_text(folder / name, (folder / name).read_text(encoding="utf-8") + "\n".join([*lines, ""]))


def said(facts: Facts) -> str:
    """One line on what recalibration did to a task."""
    if facts["status"] != "recalibrated":
        return f"not recalibrated: {facts['reason']}"
    b, a = facts["before"], facts["after"]
    pairs = ", ".join(f"{x:.3f} -> {y:.3f}" for x, y in zip(b["mean_predicted"], a["mean_predicted"], strict=True))
    seen = ", ".join(f"{x:.3f}" for x in b["observed"])
    fitted = " and ".join(facts["fitted"])
    return f"{fitted} on {facts['n']} patients; mean prediction {pairs}, observed {seen} (cross-fitted)"
