"""Reading and writing around the ablation and the synthetic cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.provenance import seed_from
from consilium.core.store import read_table, write_facts, write_table
from consilium.learn import prepare
from consilium.learn.augment import ablation, verdict
from consilium.learn.augment.settings import Ablation
from consilium.learn.cohort import data
from consilium.learn.train import Problem

ONLY_CLASSES = "augmentation is for classification tasks"


def trial(p: Problem, part: str, plan: Ablation) -> ablation.Trial:
    """The labelled patients, without outer fold `part` (all: nobody left out)."""
    if part == "all":
        rows = p.labelled
    else:
        own, _, left_out = p.dealt(int(part))
        rows = np.flatnonzero((own.fold >= 0) & (own.fold != left_out))
    groups = [p.groups[i] for i in rows]
    return ablation.Trial(p.cohort.take(rows), p.target.take(rows), groups, plan, (p.seed, p.name, "ablation", part))


def _trial_or_why(p: Problem | str, part: str, plan: Ablation) -> ablation.Trial | str:
    if isinstance(p, str):
        return p
    if p.target.kind != "classification":
        return ONLY_CLASSES
    t = trial(p, part, plan)
    return ablation.impossible(t) or t


def ablate(inputs: Path, folds: Path, task: Path, ancestry: str, part: str, plan: Ablation,
           facts: Path, table: Path, draws: Path) -> None:  # fmt: skip
    """See stages.augment."""
    p = prepare.problem(inputs, folds, task)
    t = _trial_or_why(p, part, plan)
    if isinstance(p, str) or isinstance(t, str):
        _write_rows(table, "augmentation", [])
        _write_rows(draws, "augmentation_draws", [])
        write_facts(facts, {"status": "not assessed", "reason": t, "part": part, "chosen": "none", "arms": []})
        return
    whole = data.load(inputs).take(_places(p, t))
    groups, small = ablation.subgroups(whole, t.target, _ancestries(ancestry))
    found = ablation.run(t)
    arms, single = ablation.rows(found, t.target, groups)
    _write_rows(table, "augmentation", arms)
    _write_rows(draws, "augmentation_draws", single)
    write_facts(facts, _facts(t, part, found, arms, groups, small))


def _places(p: Problem, t: ablation.Trial) -> np.ndarray:
    place = {patient: i for i, patient in enumerate(p.cohort.patients)}
    return np.array([place[i] for i in t.cohort.patients])


def _facts(t: ablation.Trial, part: str, found: ablation.Draws, arms: list[dict[str, Any]], groups: dict[str, Any],
           small: list[str]) -> dict[str, Any]:  # fmt: skip
    chosen = "none" if found.leaks else verdict.winner(arms, ablation.DECIDES)
    rivals = [a for a in arms if a["learner"] == ablation.DECIDES and a["arm"] != "none"]
    best = max(rivals, key=lambda a: a["difference"])
    said = (
        f"{chosen} accepted" if chosen != "none" else f"no augmentation: the best arm, {best['arm']}, {best['reason']}"
    )
    return {
        "status": "assessed", "reason": "", "part": part, "n": len(t.target), "repeats": t.plan.repeats,
        "seeds": t.plan.seeds, "epochs": t.plan.epochs, "chosen": chosen, "verdict": said, "arms": arms,
        "rule": "paired AUC difference of repeated halves, variance corrected for their overlap "
        "(doi:10.1023/A:1024068626366): lower 95 % bound above 0; log loss not larger; calibration error at most "
        f"{verdict.CALIBRATION_NOISE} larger; no subgroup loses more than {verdict.SUBGROUP_LOSS} AUC",
        "subgroups": sorted(groups), "subgroups_too_small": small, "leaks": found.leaks,
        "fitted_on": {"steps": found.ledger.steps, "patients": found.ledger.patients},
    }  # fmt: skip


def _ancestries(path: str) -> dict[str, str]:
    if not path:
        return {}
    table = read_table(Path(path), "ancestry")
    known = table[table["probability"].notna() & ~table["population"].str.startswith(("not assessed", "outside"))]
    return dict(zip(known["patient"], known["population"], strict=True))


def _write_rows(path: Path, name: str, rows: list[dict[str, Any]]) -> None:
    from consilium.learn.judge.results import write_rows

    write_rows(path, name, rows, [])


def synthesise(inputs: Path, folds: Path, task: Path, number: int, facts: Path, table: Path) -> None:
    """See stages.synthesise."""
    import pandas as pd

    from consilium.learn.augment import privacy
    from consilium.learn.augment.export import Maker

    p = prepare.problem(inputs, folds, task)
    empty = pd.DataFrame({"patient": np.array([], dtype=str), "outcome": np.array([], dtype=str)})
    why = p if isinstance(p, str) else ("" if p.target.kind == "classification" else ONLY_CLASSES)
    if isinstance(p, str) or why:
        write_table(table, "synthetic", empty)
        write_facts(facts, {"status": "not assessed", "reason": why})
        return
    rows = p.labelled
    cohort, target, groups = p.cohort.take(rows), p.target.take(rows), [p.groups[i] for i in rows]
    seed = seed_from(p.seed, p.name, "synthetic")
    maker = Maker(cohort, target, seed)
    made, outcome = maker.made(number)
    checked = privacy.verdict(privacy.neighbours(maker, made), privacy.membership(cohort, target, groups, number, seed))
    columns = {"patient": [f"synthetic_{i + 1}" for i in range(number)],
               "outcome": [target.classes[k] for k in outcome.y]}  # fmt: skip
    wide = {f"x_{b.name}: {f}": b.values[:, i].astype(float) for b in made for i, f in enumerate(b.features)}
    write_table(table, "synthetic", pd.DataFrame(columns | wide) if checked["passed"] else empty)
    left_out = [b.name for b in cohort.blocks if b.name not in {m.name for m in made}]
    about = {"status": "written" if checked["passed"] else "refused", **checked, "asked": number}
    write_facts(facts, about | {"n": len(rows), "blocks": [b.name for b in made], "left_out": left_out})
