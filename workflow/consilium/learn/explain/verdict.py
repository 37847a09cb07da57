"""All folds' explanations of one task: gates judged over every held-out patient, and what may be printed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.core.store import read_facts, read_table, write_facts
from consilium.learn.explain import gates, importance

Facts = dict[str, Any]
CHANCE = {"auc": 0.5, "c_index": 0.5, "r2": 0.0}
WINDOWS = "occlusion of windows"
IMPORTANT = 25  # groups of features that are listed


def judged(folds: Sequence[Facts], final: Facts, whole: str, seed: int) -> Facts:
    """rows: what may be printed; facts: gates and verdict of every modality and explainer, importance.

    folds, final: `explanations` of train.outer_fold and train.final. whole: why nothing at all may be explained, or "".
    """
    every = [*folds, final]
    whole = whole or next((f["why"] for f in every if f["why"]), "")
    keys = list(dict.fromkeys((b["modality"], b["explainer"]) for f in every for b in f["blocks"]))
    blocks = []
    for key in sorted(keys):
        mine = [b for f in every for b in f["blocks"] if (b["modality"], b["explainer"]) == key]
        why = whole or next((b["why"] for b in mine if b.get("why")), "")
        found = [b for f in folds for b in f["blocks"] if (b["modality"], b["explainer"]) == key and "n" in b]
        blocks.append(_block(key, found, why, seed))
    shown = {(b["modality"], b["explainer"]) for b in blocks if b["status"] == "printed"}
    modalities = {m for m, _ in shown}
    rows = [
        r for f in every for r in f["rows"]
        if (r["modality"], r["explainer"]) in shown or (r["explainer"] == WINDOWS and r["modality"] in modalities)
    ]  # fmt: skip
    ranked = importance.summary([i for f in folds for i in f["importance"]], seed)[:IMPORTANT]
    return {
        "rows": rows,
        "facts": {"status": "withheld" if whole else "assessed", "reason": whole, "blocks": blocks,
                  "importance": ranked, "printed": len(shown)},
    }  # fmt: skip


def _block(key: tuple[str, str], found: list[Facts], whole: str, seed: int) -> Facts:
    list_of = [] if not found else _gates(key, found, seed_from(seed, *key))
    failed = [g for g in list_of if g["verdict"] == "fail"]
    why = whole or "; ".join(f"{g['gate']} ({g['title']}): {g['detail']}" for g in failed)
    if not why and not found:
        why = "used in no fold whose patients have an outcome, so it could not be tested"
    elif not why and not all(b["additive"] for b in found):
        why = "contributions do not add up to the prediction"
    return {
        "modality": key[0], "explainer": key[1], "status": "withheld" if why else "printed", "reason": why,
        "features": max((b["pieces"] for b in found), default=0), "patients": sum(b["n"] for b in found),
        "gates": list_of,
    }  # fmt: skip


def _gates(key: tuple[str, str], found: list[Facts], seed: int) -> list[Facts]:
    size = np.array([b["n"] for b in found], dtype=float)

    def pooled(name: str) -> float | None:
        have = [(b[name], n) for b, n in zip(found, size, strict=True) if b[name] is not None]
        return float(np.average([v for v, _ in have], weights=[n for _, n in have])) if have else None

    stable = pooled("E4")
    if stable is not None and "halves" in found[0]["fits"]:
        stable = gates.corrected(stable)
    return [
        gates.random_weights(pooled("E1")),
        gates.permuted_outcomes(pooled("E2"), np.concatenate([b["agreement"] for b in found]), seed),
        gates.deletion_insertion(np.concatenate([b["gain"] for b in found]), seed, min(b["pieces"] for b in found)),
        gates.stability(stable, found[0]["fits"]),
    ]


def chance(leaderboard: Path) -> str:
    """Why a model that is not better than chance is not explained; "" when it is."""
    table = read_table(leaderboard, "leaderboard")
    rows = table[(table["role"] == "shipped") & table["metric"].isin(list(CHANCE))]
    if rows.empty:
        return "the model was not judged on patients with an outcome"
    row = rows.iloc[0]
    if row["lower"] > CHANCE[row["metric"]]:
        return ""
    said = f"{row['metric']} {row['value']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})"
    return f"the shipped model itself is not better than chance on patients it had not seen: {said}"


def write(task: Path, trained: Path, final: Path, leaderboard: Path, outer_folds: int, table: Path, out: Path) -> None:
    """See stages.explain."""
    from consilium.learn.judge.results import write_rows

    about, last = read_facts(task), read_facts(final)
    results = [read_facts(trained / "true" / f"{k}.json") for k in range(outer_folds)]
    results = [r for r in results if r["status"] != "skipped"]
    why = next((str(r["reason"]) for r in [*results, last] if r["status"] != "assessed"), "")
    if why:
        found: Facts = {"rows": [], "facts": {"status": "not assessed", "reason": why, "blocks": [], "importance": [],
                                              "printed": 0}}  # fmt: skip
    else:
        seed = seed_from(about["seed"], about["name"], "explanations")
        found = judged(
            [r["explanations"] for r in results], last["explanations"], chance(leaderboard), seed
        )  # fmt: skip
    write_rows(table, "explanations", found["rows"], [])
    write_facts(out, {"task": about["name"], **found["facts"]})
