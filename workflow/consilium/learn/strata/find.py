"""Strata of one task: the fused out-of-fold evidence clustered, judged against no structure, and described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.core.store import read_facts, write_facts
from consilium.learn.cohort import data, tasks
from consilium.learn.strata import consensus, differences

Array = np.ndarray
Facts = dict[str, Any]
MIN_PATIENTS = 30
MOST_PATIENTS = 400  # clustered; of a larger cohort so many are drawn, the others join the nearest centre
MIN_SIZE = 5
MIN_JACCARD = 0.6
LEVEL = 0.05
LISTED = 40  # differences


@dataclass(frozen=True)
class Evidence:
    """x (row, block x class): what each block's models, fitted without the patient, say of the patient; 0 where absent.

    present: of the same shape. Rows of patients with at least one block; each fold's mean is taken off, since its
    models have their own level.
    """

    patients: list[str]
    x: Array
    present: Array


def evidence(results: Sequence[Facts]) -> Evidence:
    """From the folds' `held_out` ({blocks, evidence (row, block, width), present (row, block)}), aligned by block."""
    names = sorted({b for r in results for b in r["held_out"]["blocks"]})
    patients, values, masks = [], [], []
    for r in results:
        e = r["held_out"]
        n = len(r["patients"])
        width = np.shape(e["evidence"])[2] if n and e["blocks"] else 1
        own, mask = np.zeros((n, len(names), width)), np.zeros((n, len(names)), dtype=bool)
        at = [names.index(b) for b in e["blocks"]]
        if n and at:
            own[:, at], mask[:, at] = np.array(e["evidence"]), np.array(e["present"], dtype=bool)
        size = np.maximum(mask.sum(axis=0), 1)[:, None]
        own = np.where(mask[..., None], own - own.sum(axis=0) / size, 0.0)
        patients += r["patients"]
        values.append(own)
        masks.append(mask)
    x, mask = np.concatenate(values), np.concatenate(masks)
    here = np.asarray(mask.any(axis=1))
    width = x.shape[2]
    flat = x[:, :, : width - 1] if width > 1 else x  # the last class is minus the sum of the others
    shown = np.repeat(mask, flat.shape[2], axis=1)
    flat = flat.reshape(len(x), -1)
    varies = flat.std(axis=0) > 1e-9
    kept = [p for p, h in zip(patients, here, strict=True) if h]
    return Evidence(kept, flat[here][:, varies], shown[here][:, varies])


def strata(found: Evidence, k_max: int, seed: int) -> Facts:
    """{reason ("" = stable), k, tried, labels (row,) or None, belonging, jaccard, axes (row, 2)}."""
    n = len(found.patients)
    nothing: Facts = {"k": 0, "tried": [], "labels": None, "belonging": None, "jaccard": [], "axes": axes(found.x)}
    if n < MIN_PATIENTS:
        return nothing | {"reason": f"{n} patients with held-out evidence, fewer than {MIN_PATIENTS}"}
    if not found.x.shape[1]:
        return nothing | {"reason": "the models say the same of every patient"}
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.permutation(n)[:MOST_PATIENTS])
    x = found.x[rows]
    every, by_k = consensus.tried(x, found.present[rows], min(k_max, n // (2 * MIN_SIZE)), generator)
    best = max(range(len(every)), key=lambda i: (round(every[i].gain, 9), -every[i].k))
    chosen, likeness = every[best], by_k[best]
    labels = consensus.groups(likeness, chosen.k)
    stable = consensus.jaccard(likeness, labels)
    whole = _joined(found.x, x, labels)
    member = np.full(n, np.nan)
    member[rows] = consensus.belonging(likeness, labels)
    reason = _reason(chosen, labels, stable)
    return {"reason": reason, "k": 0 if reason else chosen.k, "tried": [vars(t) for t in every],
            "labels": None if reason else whole, "belonging": None if reason else member,
            "jaccard": stable, "axes": axes(found.x)}  # fmt: skip


def _reason(chosen: consensus.Tried, labels: Array, stable: list[float]) -> str:
    said = f"best at {chosen.k} groups: PAC {chosen.pac:.2f} against {chosen.reference_pac:.2f} without structure"
    if chosen.p > LEVEL:
        return f"no stable strata: no clearer than correlated noise ({said}, p = {chosen.p:.3f})"
    smallest = int(np.bincount(labels).min())
    if smallest < MIN_SIZE:
        return f"no stable strata: a group of {smallest} patients, fewer than {MIN_SIZE} ({said})"
    if min(stable) < MIN_JACCARD:
        return f"no stable strata: a group is found again with overlap {min(stable):.2f} only ({said})"
    return ""


def _joined(x: Array, drawn: Array, labels: Array) -> Array:
    """Groups of all rows: of those that were not clustered, the nearest centre's."""
    if len(x) == len(drawn):
        return labels
    centres = np.stack([drawn[labels == g].mean(axis=0) for g in range(labels.max() + 1)])
    return ((x[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)


def axes(x: Array) -> Array:
    """(row, 2): first two principal components, for the picture; zeros where there are fewer."""
    out = np.zeros((len(x), 2))
    if x.size:
        u, s, vt = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        sign = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
        out[:, : min(2, len(s))] = (u * s * sign)[:, :2]
    return out


def described(
    labels: Array, cohort: data.Cohort, used: Sequence[str], abouts: Sequence[Facts], own: str
) -> list[Facts]:
    """Differences between strata; labels (patient of the cohort,), -1 = in none."""
    rows = differences.features(cohort, labels, used)
    for about in abouts:
        if about["status"] != "assessed":
            continue
        target = tasks.from_facts(about["target"])
        known = np.isfinite(target.time) if target.kind == "survival" else (
            target.y >= 0 if target.kind == "classification" else np.isfinite(target.y))  # fmt: skip
        known = known & np.array([bool(s) for s in about["observed"]])
        basis = differences.HELD_OUT if about["name"] == own else differences.FREE
        found = differences.outcome(about["name"], target, known, labels, basis)
        rows += [found] if found else []
    return differences.corrected(rows)


def write(
    inputs: Path, task: Path, abouts: Sequence[Path], trained: Path, outer_folds: int, k_max: int, table: Path,
    facts: Path,
) -> None:  # fmt: skip
    """See stages.strata."""
    about, cohort = read_facts(task), data.load(inputs)
    results = [read_facts(trained / "true" / f"{k}.json") for k in range(outer_folds)]
    results = [r for r in results if r["status"] != "skipped"]
    why = next((str(r["reason"]) for r in results if r["status"] != "assessed"), "")
    if why:
        _write(table, facts, [], {"status": "not assessed", "reason": why, "k": 0, "strata": [], "tried": [],
                                  "differences": [], "n_tests": 0})  # fmt: skip
        return
    found = evidence(results)
    made = strata(found, k_max, seed_from(about["seed"], about["name"], "strata"))
    place = {p: i for i, p in enumerate(cohort.patients)}
    whole = np.full(len(cohort.patients), -1)
    if made["labels"] is not None:
        whole[[place[p] for p in found.patients]] = made["labels"]
    used = about["blocks"] or [b.name for b in cohort.blocks]
    known = [read_facts(a) for a in abouts]
    listed = described(whole, cohort, used, known, about["name"]) if made["labels"] is not None else []
    sizes = [int((whole == g).sum()) for g in range(made["k"])]
    record = {
        "status": "not assessed" if not made["tried"] else "none" if made["reason"] else "stable",
        "reason": made["reason"], "k": made["k"], "tried": made["tried"],
        "strata": [{"stratum": g + 1, "n": n, "jaccard": j} for g, (n, j) in enumerate(zip(sizes, made["jaccard"],
                                                                                          strict=False))],
        "differences": listed[:LISTED], "n_tests": len(listed),
    }  # fmt: skip
    _write(table, facts, _rows(found, made), record)


def _rows(found: Evidence, made: Facts) -> list[Facts]:
    labels, member = made["labels"], made["belonging"]
    return [
        {"patient": p, "stratum": "" if labels is None else str(labels[i] + 1),
         "consensus": float("nan") if member is None else float(member[i]), "axis_1": float(made["axes"][i, 0]),
         "axis_2": float(made["axes"][i, 1])}
        for i, p in enumerate(found.patients)
    ]  # fmt: skip


def _write(table: Path, facts: Path, rows: list[Facts], record: Facts) -> None:
    from consilium.learn.judge.results import write_rows

    write_rows(table, "strata", rows, [])
    write_facts(facts, record)
