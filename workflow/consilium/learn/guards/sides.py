"""Nobody, no relative and no copy on both sides; every fitted step on training patients alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from consilium.core.provenance import value_digest
from consilium.learn.cohort.folds import Link
from consilium.learn.guards.record import Gate, gate

Array = np.ndarray
SIDES = "groups on one side"
COPIES = "copies of patients"
AUDIT = "fitted on training patients only"


def no_group_split(patients: Sequence[str], groups: Sequence[str], fold: Array) -> Gate:
    sides: dict[str, set[int]] = {}
    for g, f in zip(groups, fold, strict=True):
        if f >= 0:
            sides.setdefault(g, set()).add(int(f))
    broken = sorted(g for g, s in sides.items() if len(s) > 1)
    sizes = [groups.count(g) for g in set(groups)]
    said = f"{len(sides)} groups of relatives or duplicates, the largest of {max(sizes, default=0)} patients"
    if broken:
        return gate(
            SIDES, "fail", f"groups of these patients lie on both sides: {', '.join(broken[:10])}", split=broken
        )
    return gate(SIDES, "pass", said, groups=len(sides), largest=max(sizes, default=0))


def copies(links: Sequence[Link], cells: Mapping[str, tuple[Any, ...]]) -> Gate:
    """Patients with identical or nearly identical values: kept on one side; one person with two outcomes fails.

    cells: patient -> known outcome (class, time and event, or value); patients without one are left out.
    """
    found = [link for link in links if "identical values" in link.how]
    if not found:
        return gate(COPIES, "pass", "no two patients have the same or nearly the same values in any block")
    pairs = sorted({(link.patient_a, link.patient_b) for link in found})
    torn = [(a, b) for a, b in pairs if a in cells and b in cells and cells[a] != cells[b]]
    named = ", ".join(f"{link.patient_a} and {link.patient_b} ({link.how}, {link.block})" for link in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    said = f"{len(pairs)} pairs kept on one side: {named}{more}; is this one person under two names?"
    if torn:
        said += f" {len(torn)} of them have different outcomes"
    return gate(COPIES, "warn", said, pairs=[link.facts() for link in found], different_outcomes=len(torn))


def fit_audit(results: Sequence[dict[str, Any]], held_of: Sequence[Sequence[str]], group_of: Mapping[str, str],
              known: Sequence[str]) -> Gate:  # fmt: skip
    """Recompute the hash of every fitted patient set and hold it against the patients judged: nobody, no relative.

    held_of: for each result the patients that it may not have been fitted on; known: patients with an outcome.
    """
    problems, steps = [], 0
    labelled = set(known)
    for r, held_out in zip(results, held_of, strict=True):
        log = r["fitted_on"]
        held = {group_of[p] for p in held_out}
        bad = set()
        for digest, ids in log["patients"].items():
            wrong = [p for p in ids if p not in labelled or group_of[p] in held]
            if wrong or value_digest(sorted(ids)) != digest:
                bad.add(digest)
        steps += len(log["steps"])
        problems += [
            f"{r['labels']} fold {r['fold']}: {s}"
            for s, d in log["steps"].items()
            if d in bad or d not in log["patients"]
        ]
        if not log["steps"]:
            problems.append(f"{r['labels']} fold {r['fold']}: no step was recorded")
    if problems:
        return gate(AUDIT, "fail", "; ".join(problems[:10]), problems=problems)
    return gate(AUDIT, "pass", f"{steps} fitted steps audited by hash", steps=steps)
