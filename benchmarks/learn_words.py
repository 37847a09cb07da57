"""Words, bags of cells and DNA from raw files through their rooms to fusion, beside linear model and boosting.

    python benchmarks/learn_words.py COHORT [--shuffled] [--folds 0] [--epochs 40] --work DIR [--out FILE]

COHORT: pathrep (600 TCGA pathology reports, stage III and IV against I and II), order (400 made reports that differ in
the order of two words alone), cells (300 made patients of 60 cells: half have some with two marks at once, everybody
has as many of either mark), dna (400 made patients whose rare variants break one motif or another, see dna_cohort.py).
--encoder: another one than the default. --shuffled: outcomes dealt out anew. The AUC of
every model on the held-out fold of four; rows are added to FILE.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
import time
from pathlib import Path

import dna_cohort
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.learn import train  # noqa: E402
from consilium.learn.cohort import data, folds  # noqa: E402
from consilium.learn.cohort.tasks import Target  # noqa: E402
from consilium.learn.networks.plan import NetworkPlan  # noqa: E402
from consilium.learn.settings import Plan  # noqa: E402
from consilium.learn.stages import gather  # noqa: E402

Array = np.ndarray
OUTER, SEED, WORDS, CELLS = 4, 1, 192, 40
HEADER = ("cohort", "shuffled", "encoder", "epochs", "fold", "model", "auc", "n", "chosen", "cpu_s")
GROUPS = json.dumps({"groups": [], "age_bands": []})


def pathrep(folder: Path) -> tuple[Array, pd.DataFrame]:
    """(late stage, table of reports)"""
    csv.field_size_limit(1 << 26)
    with gzip.open(folder / "text" / "pathrep_bench" / "val.csv.gz", "rt", encoding="utf-8") as handle:
        rows = [r for r in csv.DictReader(handle) if r["stage"]]
    late = np.array([r["stage"].startswith(("Stage III", "Stage IV")) for r in rows], dtype=int)
    texts = [r["text"] for r in rows]
    return late, pd.DataFrame({"patient": names(len(rows)), "taken_on": "", "text": texts})


def order(_: Path) -> tuple[Array, pd.DataFrame]:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(400) % 2)
    syllables = ["ba", "do", "ke", "lu", "mi", "ra"]
    vocabulary = [a + b + c for a in syllables for b in syllables for c in syllables][:120]
    texts = []
    for late in y:
        said = list(rng.choice(vocabulary, 30))
        at = int(rng.integers(0, 29))
        said[at:at] = ["growth", "left"] if late else ["left", "growth"]
        texts.append(" ".join(said) + ".")
    return y, pd.DataFrame({"patient": names(len(y)), "taken_on": "", "text": texts})


def cells(_: Path) -> tuple[Array, pd.DataFrame]:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(300) % 2)
    rows = []
    for patient, positive in zip(names(len(y)), y, strict=True):
        x = rng.normal(size=(60, 8))
        both, one, other = (4, 2, 2) if positive else (0, 6, 6)
        x[: both + one, 0] += 4
        x[:both, 1] += 4
        x[both + one : both + one + other, 1] += 4
        rows += [{"patient": patient, "instance": f"c{i}"} | {f"g{j}": v for j, v in enumerate(row)}
                 for i, row in enumerate(x)]  # fmt: skip
    return y, pd.DataFrame(rows)


COHORTS = {"pathrep": (pathrep, "text", "pathology"), "order": (order, "text", "pathology"),
           "cells": (cells, "omics", "cells")}  # fmt: skip


def names(n: int) -> list[str]:
    return [f"P{i:04d}" for i in range(n)]


def stored(work: Path, table: pd.DataFrame, modality: str, kind: str) -> Path:
    """The feature store that the room makes of the raw table."""
    from consilium.omics import stages as omics
    from consilium.text import stages as text

    work.mkdir(parents=True, exist_ok=True)
    people, samples, store = work / "patients.tsv", work / "samples.tsv", work / f"{modality}.zarr.zip"
    table.to_csv(work / "raw.tsv", sep="\t", index=False)
    people.write_text("patient\tsex\n" + "".join(f"{p}\tunknown\n" for p in dict.fromkeys(table["patient"])))
    samples.write_text(f"patient\tmodality\tkind\tpath\n*\t{modality}\t{kind}\t{work / 'raw.tsv'}\n")
    if modality == "text":
        findings, said, documents = work / "findings.tsv", work / "words.tsv", work / "documents.json"
        text.extract(samples, people, WORDS, findings, said, documents, work / "quarantine.tsv")
        text.features(people, findings, said, documents, WORDS, store)
    else:
        omics.harmonise(samples, people, 0.3, CELLS, store, *(work / f for f in ("qc", "features_qc", "notes", "bad")))
    return store


def cohort_of(name: str, given: Path, work: Path) -> tuple[Array, data.Cohort, str]:
    """(outcomes, the cohort as its room makes it of raw files, layout of its block)."""
    if name == "dna":
        y, layout = dna_cohort.written(work), "dna"
        store = dna_cohort.store(work, ROOT)
    else:
        make, modality, kind = COHORTS[name]
        y, table = make(given)
        store, layout = stored(work, table, modality, kind), "words" if modality == "text" else "bag"
    gather([store], work / "patients.tsv", "", GROUPS, "train", work / "inputs.safetensors")
    return y, data.load(work / "inputs.safetensors"), layout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", choices=[*COHORTS, "dna"])
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--encoder", default="")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CONSILIUM_DATA", "../shared/data")))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    own = parser.parse_args()
    y, cohort, layout = cohort_of(own.cohort, own.data, own.work)
    y = np.random.default_rng(SEED).permutation(y) if own.shuffled else y
    target = Target("classification", y, np.full(len(y), np.nan), np.zeros(len(y)), ("no", "yes"))
    groups = list(cohort.patients)
    task = {"name": "task", "blocks": [], "horizons": [], "seed": SEED}
    problem = train.problem(cohort, task, target, groups, folds.assign(target, groups, OUTER, SEED))
    encoder = own.encoder or getattr(NetworkPlan(), layout)
    plan = Plan(inner_folds=3, network_seeds=1, epochs=(own.epochs,), network=NetworkPlan(**{layout: encoder}))
    if own.out and not own.out.exists():
        own.out.write_text("\t".join(HEADER) + "\n", encoding="utf-8")
    for held in own.folds:
        begin = time.process_time()
        result = train.outer_fold(problem, "true", held, plan)
        spent = time.process_time() - begin
        truth = np.asarray(result["y"], dtype=int)
        for name, model in result["models"].items():
            judged = np.asarray(model["judged"], dtype=bool)
            area = roc_auc_score(truth[judged], np.asarray(model["scores"])[judged, 1])
            cells_ = (own.cohort, own.shuffled, encoder, own.epochs, held, name, f"{area:.3f}", int(judged.sum()),
                      result["facts"]["choice"], f"{spent:.0f}")  # fmt: skip
            line = "\t".join(map(str, cells_))
            print(line, flush=True)
            if own.out:
                with own.out.open("a", encoding="utf-8") as file:
                    file.write(f"{line}\n")
        for block in result["explanations"]["blocks"]:
            print(block["modality"], block["explainer"], block.get("why", ""), flush=True)


if __name__ == "__main__":
    main()
