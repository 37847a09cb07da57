"""A bundle trained on one hospital's patients meets another's: alarm, nothing fitted, recalibration on half.

    python benchmarks/learn_transfer.py --data FOLDER --work FOLDER [--halves 20] [--networks] [--steps train,transfer]

FOLDER of --data: ehr/yaib_demo of the real data (hourly tables of ICU stays, eICU demo and MIMIC demo; mortality24:
death after the first 24 hours). Every step is a stage as the rules call it; tables become the feature store that the
ehr room would write (series of 25 hours, height and weight); age and sex go into the sheet. Writes learn_transfer.tsv
beside this file.
Halves of the MIMIC stays are drawn by outcome (as many deaths in both) and freely; the first half's outcomes are given
to `recalibrate`, the other half is judged by the new bundle's own predictions.tsv.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow")]
from consilium.core import blocks  # noqa: E402
from consilium.core.provenance import file_digest  # noqa: E402
from consilium.core.store import read_facts, read_table, write_features  # noqa: E402
from consilium.learn import stages  # noqa: E402

HOURS, FOLDS, TASK = 25, 5, "mortality"
YEAR = 2020  # of the index date, which the tables do not give
SAMPLES = ("patient", "modality", "kind", "path")
TABLES = ("predictions", "leaderboard", "contributions", "learning_curve", "differences", "coverage", "decision_curve")
Rows = list[tuple[str, str, float]]


def cohort(folder: Path, out: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Writes the ehr room's store of one source; (rows of the patient sheet, 1 = died)."""
    dyn, static = (pd.read_parquet(folder / f"{n}.parquet") for n in ("dyn", "sta"))
    labels = pd.read_parquet(folder / "outc.parquet").set_index("stay_id")["label"]
    stays = list(static["stay_id"])
    patients = [f"stay_{s}" for s in stays]
    features = [c for c in dyn.columns if c not in ("stay_id", "time")]
    values = np.full((len(stays), HOURS, len(features)), np.nan, dtype=np.float32)
    hour = (dyn["time"] / pd.Timedelta(hours=1)).astype(int).to_numpy()
    values[pd.Index(stays).get_indexer(dyn["stay_id"]), hour] = dyn[features].to_numpy(dtype=np.float32)
    days = (np.arange(HOURS) - HOURS + 1) / 24
    none = [""] * len(stays)
    body = static[["height", "weight"]].to_numpy(dtype=np.float32)
    reasons = ["" if ok else "neither height nor weight" for ok in np.isfinite(body).any(axis=1)]
    write_features(out, {
        "series": blocks.series("ehr", "Hourly series", patients, values, features, ["u"] * len(features), none, days),
        "clinical": blocks.table("ehr", "Body", patients, body, ["height", "weight"], ["cm", "kg"], reasons),
    })  # fmt: skip
    born = (YEAR - static["age"].round()).astype("Int64")
    people = pd.DataFrame({"patient": patients, "sex": static["sex"].str.lower(), "birth_year": born})
    return people.assign(site="", family="", index_date=f"{YEAR}-01-01"), labels.loc[stays].to_numpy()


def sheet(path: Path, people: pd.DataFrame, outcome: dict[str, str] | None) -> None:
    given = people if outcome is None else people.assign(died=[outcome.get(p, "") for p in people["patient"]])
    given.to_csv(path, sep="\t", index=False)


def said(y: np.ndarray) -> list[str]:
    return [("no", "yes")[int(v)] for v in y]


def train(data: Path, work: Path, networks: bool) -> None:
    """eICU demo from the store to the bundle."""
    people, y = cohort(data / "mortality24" / "eicu_demo", work / "ehr.zarr.zip")
    sheet(work / "patients.tsv", people, dict(zip(people["patient"], said(y), strict=True)))
    inputs, out = gathered(work, "train"), work / TASK
    start: dict[str, Any] = {"inputs": inputs, "folds": out / "folds.tsv", "task": out / "task.json"}
    judging = {"outer_folds": FOLDS, "permutation_control": False, "planted_control": False}
    samples = work / "samples.tsv"
    samples.write_text("\t".join(SAMPLES) + "\n")
    stages.folds(
        **start, patients=work / "patients.tsv", samples=samples, kinship="", seed=1, judging=json.dumps(judging),
        asked=json.dumps({"name": TASK, "type": "classification", "outcome": "died"}),
    )  # fmt: skip
    settings = json.dumps({"networks": networks})
    for fold in range(FOLDS):
        path = out / "train" / "true" / f"{fold}.json"
        if not path.exists():
            print(f"fold {fold}", flush=True)
            stages.train(**start, labels="true", fold=fold, settings=settings, out=path)
    stages.final(**start, settings=settings, out=out / "final.json", model=out / "model.zip")
    tables = {k: out / f"{k}.tsv" for k in TABLES}
    stages.evaluate(
        **start, trained=out / "train", final=out / "final.json", judging=json.dumps(judging), sites=0,
        gates=out / "gates.json", control=out / "permuted.json", **tables,
    )  # fmt: skip


def gathered(folder: Path, mode: str) -> Path:
    """The blocks of the folder's patients as the room takes them."""
    inputs = folder / "inputs.safetensors"
    stages.gather(
        features=[folder / "ehr.zarr.zip"], patients=folder / "patients.tsv", ancestry="",
        groups=json.dumps({"groups": [], "age_bands": []}), mode=mode, out=inputs,
    )  # fmt: skip
    return inputs


def bundle(work: Path) -> Path:
    inputs, out = work / "inputs.safetensors", work / TASK
    stages.reference(
        inputs=inputs, folds=out / "folds.tsv", task=out / "task.json", trained=out / "train",
        model=out / "model.zip", outer_folds=FOLDS, out=out / "reference.json",
    )  # fmt: skip
    stages.bundle(
        models=[out / "model.zip"], tasks=[out / "task.json"], gates=[out / "gates.json"],
        leaderboards=[out / "leaderboard.tsv"], references=[out / "reference.json"], cohort="eicu_demo", seed=1,
        out=work / "bundle" / "manifest.json",
    )  # fmt: skip
    return work / "bundle"


def applied(inputs: Path, folder: Path, out: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    names = ("predictions.tsv", "leaderboard.tsv", "contributions.tsv", "gates.json", "drift.tsv", "drift.json")
    stages.apply(inputs, folder, TASK, *[out / n for n in names])
    return read_table(out / "predictions.tsv", "predictions"), read_facts(out / "drift.json")


def hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def auc(p: np.ndarray, y: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, p))


def home(work: Path, folder: Path, n: int = 10, size: int = 99) -> Rows:
    """eICU itself: held-out figures; and `size` of its own patients drawn n times: how often is an alarm false?

    The bundle has learned from them, so what its models say of them is a little too sure.
    """
    from consilium.learn.cohort import data

    whole, drifts = data.load(work / "inputs.safetensors"), []
    for seed in range(n):
        rows = np.sort(np.random.default_rng(seed).permutation(len(whole.patients))[:size])
        data.save(work / "home" / "inputs.safetensors", whole.take(rows))
        drifts.append(applied(work / "home" / "inputs.safetensors", folder, work / "home" / "applied")[1])
    where = f"eICU, {size} training patients drawn {n} times"
    out: Rows = [(where, f"share of draws with {s}", float(np.mean([d["verdict"] == s for d in drifts])))
                 for s in ("alert", "caution", "info")]  # fmt: skip
    out += [(where, f"columns: {k}", float(np.mean([d["counts"][k] for d in drifts]))) for k in ("large", "moderate")]
    board = read_table(work / TASK / "leaderboard.tsv", "leaderboard")
    rows = board[(board["role"] == "shipped") & board["metric"].isin(["auc", "brier", "ece"])]
    return [*(("eICU, held out", str(r["metric"]), float(r["value"])) for r in rows.to_dict("records")), *out]


def told_from_draws(work: Path) -> Rows:
    """AUC (5-fold) by which boosting tells one half of eICU from draws made of the other half's statistics.

    Both sides are one population: 0.5 would be right. Draws: Gaussian copula, full empirical margin of each column.
    """
    from consilium.learn.cohort import data
    from consilium.learn.models.preproc import raw_table
    from scipy.stats import norm
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    block = data.load(work / "inputs.safetensors").block("ehr/series")
    assert block is not None
    x = raw_table(block)[0]
    x = x[:, np.isfinite(x).mean(axis=0) > 0.3]
    x = np.where(np.isfinite(x), x, np.nanmedian(x, axis=0))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    known, real = x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
    ranks = (np.argsort(np.argsort(known, axis=0), axis=0) + 0.5) / len(known)
    c = np.corrcoef(norm.ppf(ranks), rowvar=False)
    u = norm.cdf(rng.multivariate_normal(np.zeros(len(c)), c, len(real), check_valid="ignore"))
    drawn = np.stack([np.quantile(known[:, k], u[:, k]) for k in range(u.shape[1])], axis=1)
    y = np.repeat([1, 0], len(real))
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    p = cross_val_predict(model, np.concatenate([real, drawn]), y, cv=5, method="predict_proba")[:, 1]
    return [("eICU half against draws of the other half", "auc of a classifier (0.5 = right)", auc(p, y))]


def transfer(data: Path, work: Path, folder: Path) -> tuple[Rows, pd.DataFrame, np.ndarray]:
    people, y = cohort(data / "mortality24" / "mimic_demo", work / "mimic" / "ehr.zarr.zip")
    sheet(work / "mimic" / "patients.tsv", people, None)
    inputs = gathered(work / "mimic", "apply")
    before = hashes(folder)
    predictions, drift = applied(inputs, folder, work / "mimic" / "applied")
    p = predictions["p_yes"].to_numpy(dtype=float)
    where = "MIMIC, bundle as it is"
    hits = [truth in s.split(" or ") for truth, s in zip(said(y), predictions["set"], strict=True)]
    rows: Rows = [(where, "files of the bundle changed", float(hashes(folder) != before))]
    rows += [(where, "coverage of the 90 % sets", float(np.mean(hits)))]
    rows += [(where, "auc", auc(p, y)), (where, "mean prediction", p.mean()), (where, "observed", y.mean())]
    rows += [
        (where, f"alarms: {s}", float(sum(a["severity"] == s for a in drift["alarms"]))) for s in ("alert", "caution")
    ]
    rows += [(where, f"columns: {k}", float(v)) for k, v in drift["counts"].items()]
    rows += [(where, f"AUC of {d['score']}", d["auc"]) for d in drift["domain"]]
    rows += [(where, "patients far", float(drift["far"])), (where, "patients", float(len(y)))]
    rows += [(where, "rows with a caution", float((predictions["reason"] != "").sum()))]
    guess, right = drift["performance"], ((p > 0.5) == y).mean()
    rows += [(where, f"expected {k}", guess[k]) for k in ("accuracy_atc", "accuracy_confidence", "auc")]
    return [*rows, (where, "true accuracy", float(right))], people, y


def halves(y: np.ndarray, stratified: bool, generator: np.random.Generator) -> np.ndarray:
    """True for the half whose outcomes are given (the larger one, 50 of 99)."""
    give = np.zeros(len(y), dtype=bool)
    if not stratified:
        give[generator.permutation(len(y))[: (len(y) + 1) // 2]] = True
        return give
    deaths = (int(y.sum()) + 1) // 2
    for k, n in ((1, deaths), (0, (len(y) + 1) // 2 - deaths)):
        give[generator.permutation(np.flatnonzero(y == k))[:n]] = True
    return give


def recalibration(work: Path, folder: Path, people: pd.DataFrame, y: np.ndarray, n: int) -> Rows:
    rows: Rows = []
    inputs, place = work / "mimic" / "inputs.safetensors", work / "half"
    old = hashes(folder)
    for stratified in (True, False):
        gaps, before, areas, inside = [], [], [], []
        for seed in range(n):
            give = halves(y, stratified, np.random.default_rng(seed))
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            known = {p: s for p, s, g in zip(people["patient"], said(y), give, strict=True) if g}
            sheet(place / "patients.tsv", people, known)
            new = place / "bundle" / "manifest.json"
            stages.recalibrate(inputs, place / "patients.tsv", folder, "mimic_demo", seed, place / "facts.json", new)
            table = applied(inputs, new.parent, place / "applied")[0]
            p = table["p_yes"].to_numpy(dtype=float)
            hits = [truth in s.split(" or ") for truth, s in zip(said(y), table["set"], strict=True)]
            inside.append(np.mean(np.array(hits)[~give]))
            first = read_table(work / "mimic" / "applied" / "predictions.tsv", "predictions")["p_yes"].to_numpy(
                dtype=float
            )
            gaps.append(p[~give].mean() - y[~give].mean())
            before.append(first[~give].mean() - y[~give].mean())
            areas.append(auc(p[~give], y[~give]))
        where = f"MIMIC, other half, halves drawn {'by outcome' if stratified else 'freely'}"
        gap = np.array(gaps)
        rows += [
            (where, "halves", float(n)), (where, "mean prediction less observed, before", float(np.mean(before))),
            (where, "mean prediction less observed, after", float(gap.mean())),
            (where, "its SD over halves", float(gap.std())),
            (where, "largest", float(np.abs(gap).max())),
            (where, "share of halves within .05", float((np.abs(gap) <= 0.05).mean())),
            (where, "auc", float(np.mean(areas))), (where, "coverage of the 90 % sets", float(np.mean(inside))),
        ]  # fmt: skip
    return [*rows, ("MIMIC, recalibrated", "files of the old bundle changed", float(hashes(folder) != old))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--halves", type=int, default=20)
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--steps", default="train,transfer")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if "train" in given.steps:
        train(given.data, given.work, given.networks)
    if "transfer" in given.steps:
        folder = bundle(given.work)
        rows, people, y = transfer(given.data, given.work, folder)
        rows = [
            *home(given.work, folder),
            *told_from_draws(given.work),
            *rows,
            *recalibration(given.work, folder, people, y, given.halves),
        ]
        text = "".join(f"{a}\t{b}\t{c:.4g}\n" for a, b, c in rows)
        (ROOT / "benchmarks" / "learn_transfer.tsv").write_text(f"where\twhat\tvalue\n{text}")
        print(text)


if __name__ == "__main__":
    main()
