"""Draws the wanted cohort figures from the cohort's tables: what each figure function is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consilium.core.provenance import seed_from
from consilium.report.facts_models import MAIN_METRIC
from consilium.report.figures import (
    association,
    augmentation,
    courses,
    genome,
    homozygosity,
    inputs,
    judged,
    lesions,
    models,
    sites,
    strata,
    style,
)
from consilium.report.tables import Cohort, Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw_all(cohort: Cohort, names: Sequence[str], folder: Path, seed: int) -> None:
    """Write every named figure as PNG and SVG; pictures of an earlier run that are not wanted now are removed."""
    with style.applied():
        for name in names:
            style.save(draw(cohort, name, seed), folder, name)
    wanted = {f"{n}.{suffix}" for n in names for suffix in ("png", "svg")}
    for path in sorted(folder.glob("*.png")) + sorted(folder.glob("*.svg")):
        if path.name not in wanted:
            path.unlink()


def draw(cohort: Cohort, name: str, seed: int) -> Figure:
    """One figure by its catalogue name."""
    kind, _, task_name = name.partition("__")
    if kind in _ANALYSIS:
        return _ANALYSIS[kind](cohort, task_name)
    if task_name:
        task = next(t for t in cohort.tasks if t.name == task_name)
        return _TASK[kind](cohort, task, seed_from(seed, "report", name))
    return _COHORT[kind](cohort)


def presence(cohort: Cohort) -> pd.DataFrame:
    """(patient, block) bool: who has which usable feature block, patients in sheet order."""
    import pandas as pd

    ids = cohort.sheets.ids
    return pd.DataFrame(
        {b.name: [not b.reason.get(p, "not supplied") for p in ids] for b in cohort.blocks}, index=ids, dtype=bool
    )


def _outcome(cohort: Cohort, task: Task, column: str) -> pd.Series:
    """A column of the patient sheet by the rows of the task's predictions."""
    import pandas as pd

    cells = {p.patient: p.outcomes.get(column, "") for p in cohort.sheets.patients}
    table = cohort.table(f"{task.name}/predictions")
    return pd.Series([cells.get(p, "") for p in table["patient"]], index=table.index, dtype=object)


def _genotyped(cohort: Cohort) -> pd.DataFrame:
    """Gene calls of patients with genotypes: the others have none for another reason."""
    table = cohort.table("pharmacogenes")
    return table[table["patient"].isin(cohort.table("samples_qc")["patient"])]


_COHORT: dict[str, Callable[[Cohort], Figure]] = {
    "missing_map": lambda c: inputs.missing_map(presence(c)),
    "quarantine": lambda c: inputs.quarantine(c.table("quarantine")),
    "genotype_quality": lambda c: genome.genotype_quality(c.table("samples_qc"), c.table("identity")),
    "site_quality": lambda c: sites.site_quality(
        c.parts("genomics", "variants_qc", ("alt", "alt_freq", "missing_rate")), c.table("samples_qc")
    ),
    "image_quality": lambda c: inputs.image_quality(c.table("image_qc")),
    "segmentation": lambda c: lesions.agreement(c.table("segmentation"), c.root / "imaging/segmentation.png"),
    "ancestry": lambda c: genome.ancestry(c.table("ancestry")),
    "kinship": lambda c: genome.kinship(c.table("kinship"), len(c.table("samples_qc"))),
    "homozygosity": lambda c: homozygosity.runs(c.table("homozygosity"), c.table("ancestry")),
    "pharmacogenes": lambda c: genome.pharmacogenes(_genotyped(c)),
    "polygenic": lambda c: genome.polygenic(c.table("polygenic"), c.table("ancestry")),
    "effects": lambda c: courses.effects(c.table("effects")),
}
_ANALYSIS: dict[str, Callable[[Cohort, str], Figure]] = {
    "association": lambda c, name: association.association(
        c.whole("genomics", "association_variants", name), c.table("association"), name
    ),
}
_TASK: dict[str, Callable[[Cohort, Task, int], Figure]] = {
    "leaderboard": lambda c, t, seed: models.leaderboard(c.table(f"{t.name}/leaderboard"), MAIN_METRIC[t.type]),
    "roc": lambda c, t, seed: models.roc(c.table(f"{t.name}/predictions"), c.table(f"{t.name}/folds"), seed),
    "calibration": lambda c, t, seed: models.calibration(c.table(f"{t.name}/predictions")),
    "differences": lambda c, t, seed: judged.differences(c.table(f"{t.name}/differences"), MAIN_METRIC[t.type]),
    "missing_blocks": lambda c, t, seed: judged.missing_blocks(c.table(f"{t.name}/differences"), MAIN_METRIC[t.type]),
    "precision_recall": lambda c, t, seed: judged.precision_recall(
        c.table(f"{t.name}/predictions"), c.table(f"{t.name}/folds"), seed
    ),
    "decision_curve": lambda c, t, seed: judged.decision_curve(c.table(f"{t.name}/decision_curve")),
    "coverage": lambda c, t, seed: judged.coverage(c.table(f"{t.name}/set_coverage")),
    "learning_curve": lambda c, t, seed: judged.learning_curve(c.table(f"{t.name}/learning_curve")),
    "confusion": lambda c, t, seed: models.confusion(c.table(f"{t.name}/predictions")),
    "augmentation": lambda c, t, seed: augmentation.ablation(
        c.table(f"{t.name}/augmentation"), c.table(f"{t.name}/augmentation_draws")
    ),
    "survival": lambda c, t, seed: courses.survival(
        c.table(f"{t.name}/predictions"), _outcome(c, t, t.time), _outcome(c, t, t.event), t.time
    ),
    "strata": lambda c, t, seed: strata.strata(c.table(f"{t.name}/strata"), c.facts.get(f"{t.name}/strata", {})),
    "observed_predicted": lambda c, t, seed: models.observed_predicted(
        c.table(f"{t.name}/predictions"), _outcome(c, t, t.outcome), t.outcome
    ),
}
