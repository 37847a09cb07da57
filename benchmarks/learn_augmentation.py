"""Does augmentation help? The ablation rule on public cohorts, a phantom and shuffled outcomes.

python benchmarks/learn_augmentation.py COHORT FOLDER [--repeats 5 --seeds 3 --epochs 60]
python benchmarks/learn_augmentation.py collect FOLDER benchmarks/learn_augmentation.tsv

COHORT: breast, glioma, phantom, or shuffled-<number>. A repeat is kept in FOLDER and not computed again.
Public data from $CONSILIUM_DATA/multimodal. One thread; CPU seconds are printed.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from consilium.core.provenance import seed_from
from consilium.learn.augment import ablation
from consilium.learn.augment.settings import Ablation
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.cohort.tasks import Target
from scipy.ndimage import gaussian_filter

DATA = Path(os.environ.get("CONSILIUM_DATA", "../shared/data")) / "multimodal"
SIZE = 100  # patients of glioma and of the shuffled cohorts, drawn by seed: small cohorts are where it could help


def block(name: str, layout: str, values: np.ndarray, features: list[str]) -> Block:
    n = len(values)
    return Block(name, name, layout, values.astype(np.float32), np.ones(n, dtype=bool), ("",) * n, tuple(features),
                 ("",) * len(features))  # fmt: skip


def made(blocks: list[Block], outcome: pd.Series, ids: list[str]) -> tuple[Cohort, Target]:
    codes, n = outcome.astype("category"), len(outcome)
    target = Target("classification", codes.cat.codes.to_numpy().astype(int), np.full(n, np.nan), np.zeros(n),
                    tuple(map(str, codes.cat.categories)))  # fmt: skip
    return Cohort(tuple(ids), ("",) * n, ("",) * n, tuple(blocks)), target


def breast() -> tuple[Cohort, Target]:
    """TCGA breast, train part: mRNA -> PAM50."""
    x = pd.read_csv(DATA / "breast_tcga/data.train_mrna.csv.gz", index_col=0)
    y = pd.read_csv(DATA / "breast_tcga/data.train_subtype.csv")["subtype"]
    return made([block("omics/expression", "table", x.to_numpy(), list(x.columns))], y, list(map(str, x.index)))


def glioma() -> tuple[Cohort, Target]:
    """TCGA glioma: RNA -> oligodendroglioma against astrocytoma (a slide a row: the first of each patient)."""
    t = pd.read_csv(DATA / "tcga_gbmlgg/gbmlgg_open.csv.gz", low_memory=False).drop_duplicates("case_id")
    t = t[t["oncotree_code"].isin(["ODG", "ASTR"])].sample(SIZE, random_state=1).sort_values("case_id")
    rna = t[[c for c in t.columns if c.endswith("_rnaseq")]].astype(float)
    sheet = t[["age", "is_female"]].astype(float)
    blocks = [block("sheet/demographics", "table", sheet.to_numpy(), ["age", "female"]),
              block("omics/expression", "table", rna.to_numpy(), list(rna.columns))]  # fmt: skip
    return made(blocks, t["oncotree_code"], list(t["case_id"]))


def phantom() -> tuple[Cohort, Target]:
    """80 smooth random volumes of 12 x 12 x 12; in half of them a corner region lies lower by 0.6 SD."""
    rng = np.random.default_rng(7)
    x = np.stack([gaussian_filter(rng.normal(size=(12, 12, 12)), 1.2) for _ in range(80)])
    y = np.repeat([0, 1], 40)
    x /= x.std()
    x[y == 1, 3:6, 3:6, 7:10] -= 0.6
    return made([block("imaging/t1", "volume", x, [])], pd.Series(np.where(y, "case", "control")),
                [f"P{i:03d}" for i in range(80)])  # fmt: skip


def cohort_of(name: str) -> tuple[Cohort, Target]:
    if name.startswith("shuffled-"):
        cohort, target = glioma()
        return cohort, target.take(np.random.default_rng(seed_from(name)).permutation(len(target)))
    return {"breast": breast, "glioma": glioma, "phantom": phantom}[name]()


def trial(name: str, repeats: int, seeds: int, epochs: int) -> ablation.Trial:
    cohort, target = cohort_of(name)
    plan = Ablation(repeats, seeds, epochs, 1 if name == "phantom" else 200)  # the phantom goes to the 3D network
    return ablation.Trial(cohort, target, cohort.patients, plan, ("benchmark", name))


def compute(name: str, folder: Path, repeats: int, seeds: int, epochs: int) -> None:
    t = trial(name, repeats, seeds, epochs)
    for r in range(repeats):
        kept = folder / f"{name}.{repeats}.{seeds}.{epochs}.{r}.npz"
        if kept.exists():
            continue
        start, draws = time.process_time(), ablation.blank(t)
        ablation.repeat(t, draws, r)
        parts = {f"{a} {m}": p[:, r] for (a, m), p in draws.probabilities.items()}
        np.savez(kept, allow_pickle=False, seconds=time.process_time() - start, **parts)
        print(f"{name} repeat {r}: {time.process_time() - start:.0f} CPU s", flush=True)


def collect(folder: Path, out: Path) -> None:
    rows = []
    runs = sorted({tuple(f.name.split(".")[:4]) for f in folder.glob("*.npz")})
    for name, repeats, seeds, epochs in runs:
        t = trial(name, int(repeats), int(seeds), int(epochs))
        draws, seconds = ablation.blank(t), 0.0
        files = [folder / f"{name}.{repeats}.{seeds}.{epochs}.{r}.npz" for r in range(int(repeats))]
        whole = [f for f in files if f.exists()]  # repeats are independent draws: fewer give a wider interval
        if whole != files[: len(whole)] or len(whole) < 2:
            print(f"{name}: fewer than two repeats, left out")
            continue
        files, draws.half = whole, draws.half[: len(whole)]
        draws.probabilities = {k: p[:, : len(whole)] for k, p in draws.probabilities.items()}
        for r, file in enumerate(files):
            kept = np.load(file)
            seconds += float(kept["seconds"])
            for arm, learner in draws.probabilities:
                draws.probabilities[arm, learner][:, r] = kept[f"{arm} {learner}"]
        groups, _ = ablation.subgroups(t.cohort, t.target, {})
        about = {"cohort": name, "n": len(t.target), "repeats": len(files), "seeds": seeds, "epochs": epochs}
        rows += [about | row | {"cpu_seconds": round(seconds)} for row in ablation.rows(draws, t.target, groups)[0]]
    pd.DataFrame(rows).round(4).to_csv(out, sep="\t", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    for option, value in (("--repeats", 5), ("--seeds", 3), ("--epochs", 60)):
        parser.add_argument(option, type=int, default=value)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.cohort == "collect":
        collect(given.folder, given.out)
    else:
        compute(given.cohort, given.folder, given.repeats, given.seeds, given.epochs)
