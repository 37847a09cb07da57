"""Training: features and outcomes -> folds, fitted models, judged predictions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path


def gather(features: list[Path], patients: Path, ancestry: str, groups: str, mode: str, out: Path) -> None:
    """Put the feature blocks of all rooms into one file, rows in the order of the patient sheet. Nothing is fitted.

    ancestry: table of populations, or "" without genomes. groups: section `learn.uncertainty` as JSON. mode: train
    leaves out words of reports that fewer than words.MIN_PATIENTS patients have.
    """
    import json

    from consilium.core.sheets import read_patients
    from consilium.learn.cohort import data, words
    from consilium.learn.uncertainty.groups import declared, populations

    people, wanted = read_patients(patients), json.loads(groups)
    levels = declared(people, wanted["groups"], wanted["age_bands"], populations(ancestry))
    few = words.MIN_PATIENTS if mode == "train" else 1
    data.save(out, data.gathered(features, people, levels, few))


def folds(
    inputs: Path, patients: Path, samples: Path, kinship: str, asked: str, judging: str, seed: int, folds: Path,
    task: Path,
) -> None:  # fmt: skip
    """Keep relatives and copies together, deal the groups into folds, ask the guards that need no model.

    kinship: table of related pairs, or "" without genomes. asked: the task as JSON; judging: section `learn` as JSON.
    """
    from consilium.learn import prepare
    from consilium.learn.cohort.tasks import Asked
    from consilium.learn.settings import Judging

    prepare.folds(
        inputs, patients, samples, kinship, Asked.from_json(asked), Judging.from_json(judging), seed, folds, task
    )


def train(
    inputs: Path, folds: Path, task: Path, labels: str, fold: int, settings: str, out: Path, ablation: str = ""
) -> None:  # fmt: skip
    """Fit everything without some patients and predict them. labels: true, permuted, planted or site; fold: which.

    settings: section `learn` as JSON. ablation: with augmentation `auto`, the verdict among these training patients.
    """
    from consilium.core.store import write_facts
    from consilium.learn import prepare
    from consilium.learn import train as training
    from consilium.learn.networks import job
    from consilium.learn.settings import Plan

    start = prepare.problem(inputs, folds, task)
    if isinstance(start, str):
        write_facts(out, {"status": "not assessed", "reason": start, "labels": labels, "fold": str(fold)})
    elif why := start.skipped(labels, fold):
        write_facts(out, {"status": "skipped", "reason": why, "labels": labels, "fold": str(fold)})
    else:
        plan = Plan.from_json(settings).decided(ablation).of(labels)
        with job.around(out, plan) as running:
            write_facts(out, training.outer_fold(start, labels, fold, plan, running))


def final(
    inputs: Path, folds: Path, task: Path, settings: str, out: Path, model: Path, ablation: str = ""
) -> None:  # fmt: skip
    """Fit on every patient with an outcome, predict the others; the model as a zip of plain files."""

    from consilium.core.store import write_facts
    from consilium.learn import prepare
    from consilium.learn import train as training
    from consilium.learn.networks import job
    from consilium.learn.settings import Plan

    start = prepare.problem(inputs, folds, task)
    if isinstance(start, str):
        write_facts(out, {"status": "not assessed", "reason": start, "labels": "true", "fold": "apply"})
        prepare.write_model(model, None, None, {})
        return
    plan = Plan.from_json(settings).decided(ablation)
    with job.around(out, plan) as running:
        trained, result = training.final(start, plan, running)
        prepare.write_model(model, trained, start.cohort, {**asdict(plan), "seed": start.seed})
        write_facts(out, result)


def evaluate(
    inputs: Path, folds: Path, task: Path, trained: Path, final: Path, judging: str, sites: int,
    predictions: Path, leaderboard: Path, contributions: Path, gates: Path, learning_curve: Path, control: Path,
    differences: Path, coverage: Path, decision_curve: Path,
) -> None:  # fmt: skip
    """Judge all models on held-out patients, run every guard. trained: folder of the folds; judging: section `learn`
    as JSON; sites: jobs that left out a site."""
    from consilium.learn.judge import results
    from consilium.learn.settings import Judging

    outputs = {
        "predictions": predictions, "leaderboard": leaderboard, "contributions": contributions, "gates": gates,
        "learning_curve": learning_curve, "control": control, "differences": differences, "set_coverage": coverage,
        "decision_curve": decision_curve,
    }  # fmt: skip
    results.evaluate_stage(inputs, folds, task, trained, final, Judging.from_json(judging), sites, outputs)
