"""The run in one short table: what came in, what could be used, which models were shipped, with what versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from consilium.core.provenance import versions
from consilium.core.sheets import KINDS
from consilium.report.facts import PACKAGES
from consilium.report.facts_models import gates, performance, shipped
from consilium.report.supplied import KIND_TITLES, ROOM_TITLES, supplied
from consilium.report.tables import Cohort
from consilium.report.words import performance as performance_words

if TYPE_CHECKING:
    import pandas as pd

Row = tuple[str, str, str]


def run_summary(cohort: Cohort, config_digest: str) -> pd.DataFrame:
    """Table run_summary: item, value, note. No times and no machine: the same run gives the same bytes."""
    import pandas as pd

    rows = [*_people(cohort), *_data(cohort), *_models(cohort), *_versions(cohort, config_digest)]
    return pd.DataFrame(rows, columns=["item", "value", "note"])


def _people(cohort: Cohort) -> Iterator[Row]:
    people = cohort.sheets.patients
    yield "cohort", cohort.name, ""
    yield "mode", cohort.mode, "train: fitted and judged here; apply: a bundle of another cohort"
    yield "patients", str(len(people)), "rows of the patient sheet"
    sites = {p.site for p in people} - {""}
    if sites:
        yield "sites", str(len(sites)), ", ".join(sorted(sites))
    files = cohort.table("quarantine")["file"].nunique()
    yield "files refused", str(files), "in full in quarantine.tsv"


def _data(cohort: Cohort) -> Iterator[Row]:
    """Patients by status of every kind of data that anybody supplied, then of every feature block."""
    counts = kind_counts(cohort)
    for room, kinds in KINDS.items():
        for kind in kinds:
            n = counts.get((room, kind), {})
            if n:
                note = ", ".join(f"{status} {k}" for status, k in sorted(n.items()))
                usable = sum(n.get(s, 0) for s in ("supplied", "flagged"))
                yield f"{ROOM_TITLES[room]}: {KIND_TITLES[kind]}", str(usable), note
    for block in cohort.blocks:
        present = sum(not why for why in block.reason.values())
        yield f"block {block.name}", str(present), f"{block.title}; {block.n_features} features"


def kind_counts(cohort: Cohort) -> dict[tuple[str, str], dict[str, int]]:
    """Status -> patients, for every (room, kind) that has a row in the sample sheet."""
    named = {(s.modality, s.kind) for s in cohort.sheets.samples}
    counts: dict[tuple[str, str], dict[str, int]] = {
        (room, kind): {} for room, kinds in KINDS.items() for kind in kinds if (room, kind) in named
    }
    for patient in cohort.sheets.ids:
        for kind in supplied(cohort, patient)["kinds"]:
            key = (kind["room"], kind["kind"])
            if key in counts:
                counts[key][kind["status"]] = counts[key].get(kind["status"], 0) + 1
    return counts


def _models(cohort: Cohort) -> Iterator[Row]:
    for task in cohort.tasks:
        folds = cohort.table(f"{task.name}/folds")
        if len(folds):
            judged = folds[folds["fold"] >= 0]
            note = f"{len(judged)} patients with outcome in {judged['group'].nunique()} groups"
            yield f"{task.name}: outer folds", str(judged["fold"].nunique()), note
        said = performance(cohort, task)
        name = shipped(cohort, task) or ("bundle" if cohort.mode == "apply" else "none")
        yield f"{task.name}: shipped model", name, performance_words(said)
        checks = gates(cohort, task)
        for verdict in ("fail", "warn"):
            names = [g["gate"] for g in checks if g["verdict"] == verdict]
            if checks:
                yield f"{task.name}: checks with verdict {verdict}", f"{len(names)} of {len(checks)}", ", ".join(names)
        abstained = cohort.table(f"{task.name}/predictions")["abstained"]
        yield f"{task.name}: predictions", str(len(abstained)), f"withheld for {int(abstained.fillna(False).sum())}"


def _versions(cohort: Cohort, config_digest: str) -> Iterator[Row]:
    from consilium import __version__

    yield "configuration", config_digest, "hash of all settings"
    yield "consilium", __version__, "research use only"
    for package, version in versions(*PACKAGES).items():
        yield package, version, "in the environment that wrote this table"
