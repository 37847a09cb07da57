"""Association against plink2 --glm: agreement, CPU time, and whether structure is taken out.

    python benchmarks/association.py --people 1000 --variants 40000 --out benchmarks/association.md

Simulates two populations that parted 2,000 generations ago (msprime), outcomes that differ between them, and planted
effects. Needs plink2 on the path for the comparison; without it only the rest is written.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

CHROMOSOMES = 20
PLANTED = 5
EFFECT = 0.5
COMPONENTS = 10


@dataclass
class World:
    """counts (variant, person); side: population; chrom, pos of variants; causes: rows of planted effects."""

    counts: np.ndarray
    chrom: np.ndarray
    pos: np.ndarray
    side: np.ndarray
    causes: np.ndarray
    seconds: dict[str, float] = field(default_factory=dict)


def simulate(n_people: int, n_variants: int, seed: int) -> World:
    import msprime

    shape = msprime.Demography()
    for name in ("a", "b", "old"):
        shape.add_population(name=name, initial_size=10_000)
    shape.add_population_split(time=2_000, derived=["a", "b"], ancestral="old")
    each, parts, places = n_variants // CHROMOSOMES, [], []
    for c in range(CHROMOSOMES):
        trees = msprime.sim_ancestry({"a": n_people // 2, "b": n_people - n_people // 2}, demography=shape,
                                     sequence_length=8e6, recombination_rate=1e-8, random_seed=seed + c)  # fmt: skip
        trees = msprime.sim_mutations(trees, rate=1e-8, random_seed=seed + c, model=msprime.BinaryMutationModel())
        g = trees.genotype_matrix()
        counts = (g[:, 0::2] + g[:, 1::2]).astype(np.int8)
        pos = trees.tables.sites.position.astype(np.int64) + 1
        common = np.flatnonzero(
            (np.minimum(counts.mean(axis=1), 2 - counts.mean(axis=1)) > 0.02) & (g.max(axis=1) == 1)
        )
        common = common[np.unique(pos[common], return_index=True)[1]][:each]
        parts.append(counts[common])
        places.append(pos[common])
    chrom = np.repeat(np.arange(CHROMOSOMES), [len(p) for p in parts])
    causes = np.linspace(0, len(chrom) - 1, PLANTED + 2).astype(int)[1:-1]
    side = (np.arange(n_people) >= n_people // 2).astype(float)
    return World(np.concatenate(parts), chrom, np.concatenate(places), side, causes)


def outcomes(world: World, seed: int, planted: bool) -> tuple[np.ndarray, np.ndarray]:
    """(continuous, binary), both higher in the second population."""
    rng = np.random.default_rng(seed)
    level = world.side + (EFFECT * world.counts[world.causes].sum(axis=0) if planted else 0)
    value = level + rng.normal(size=len(level))
    return value, (rng.random(len(level)) < 1 / (1 + np.exp(-(level - level.mean())))).astype(float)


@contextmanager
def timed(world: World, name: str) -> Iterator[None]:
    start = time.process_time()
    yield
    world.seconds[name] = time.process_time() - start


def own(world: World, y: np.ndarray, binary: bool, k: int, name: str) -> pd.DataFrame:
    import dask.array as da
    from consilium.genomics.association import components
    from consilium.genomics.association.analyses import Analysis
    from consilium.genomics.association.scan import Sample, scanned
    from consilium.genomics.cohort.matrix import Matrix

    n = len(world.counts)
    ref, alt = (np.array([base] * n, dtype=object) for base in "AG")
    gt = np.stack([world.counts > 1, world.counts > 0], axis=2).astype(np.int8)
    matrix = Matrix([str(i) for i in range(len(y))], world.chrom, world.pos, ref, alt, ref, np.zeros(n, dtype=np.int64),
                    da.from_array(gt, chunks=(10_000, -1, 2)))  # fmt: skip
    with timed(world, name):
        sample = Sample(
            np.arange(len(y)), y, components.design(axes(world)[:, :k], [f"PC{i}" for i in range(k)])[0], {}
        )
        table = scanned(matrix, Analysis(name, "y", "binary" if binary else "continuous"), sample)
    assert not isinstance(table, str), table
    return table


def axes(world: World) -> np.ndarray:
    """Components of every 20th variant: far enough apart for a picture of ancestry."""
    from consilium.genomics.structure.kinship import principal_components

    return principal_components(world.counts[::20], COMPONENTS)


def plink2(world: World, value: np.ndarray, case: np.ndarray, folder: Path) -> dict[str, pd.DataFrame]:
    """Results of --glm with our components as covariates; the time is that of the regression alone."""
    cells = np.array(["0/0", "0/1", "1/1"])
    with open(folder / "x.vcf", "w") as out:
        out.write("##fileformat=VCFv4.2\n" + "".join(f"##contig=<ID={c + 1}>\n" for c in range(CHROMOSOMES)))
        out.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\t'
                  "INFO\tFORMAT\t" + "\t".join(f"P{i}" for i in range(len(value))) + "\n")  # fmt: skip
        for i, row in enumerate(world.counts):
            place = f"{world.chrom[i] + 1}\t{world.pos[i]}\tv{i}\tA\tG\t.\t.\t.\tGT\t"
            out.write(place + "\t".join(cells[row]) + "\n")
    ids = [f"P{i}" for i in range(len(value))]
    pd.DataFrame({"#IID": ids, "Y": value, "B": case.astype(int) + 1}).to_csv(folder / "y.txt", sep="\t", index=False)
    pd.DataFrame({"#IID": ids, **{f"PC{i}": x for i, x in enumerate(axes(world).T)}}).to_csv(
        folder / "c.txt", sep="\t", index=False
    )
    run = lambda *a: subprocess.run(["plink2", "--threads", "1", *a], cwd=folder, check=True, capture_output=True)  # noqa: E731
    run("--vcf", "x.vcf", "--make-pgen", "--out", "x")
    found = {}
    for name, mode in (("Y", "linear"), ("B", "logistic.hybrid"), ("B", "firth")):
        start = time.perf_counter()
        how = ["firth"] if mode == "firth" else ["firth-fallback"]
        run("--pfile", "x", "--pheno", "y.txt", "--pheno-name", name, "--covar", "c.txt", "--out", mode,
            "--covar-variance-standardize", "--glm", "omit-ref", "hide-covar", *how, "cols=+beta,-orbeta")  # fmt: skip
        world.seconds[f"plink2 {mode} (wall)"] = time.perf_counter() - start
        found[mode] = pd.read_csv(folder / f"{mode}.{name}.glm.{mode}", sep="\t")
    return found


def structure_lines(world: World, seed: int) -> list[str]:
    """Lambda over several null outcomes: linkage makes that of a single one vary by some per cent."""
    from consilium.genomics.association.genomic_control import inflation
    from scipy import stats

    lines = [
        "",
        "| null outcome | components | runs | lambda, mean (range) | intervals cover 1 | KS p, every 100th variant |",
        "|---|---|---|---|---|---|",
    ]
    for binary, kind, n in ((False, "continuous", 10), (True, "binary", 3)):
        for k, permuted in ((0, False), (COMPONENTS, False), (COMPONENTS, True)):
            found, p = [], []
            for i in range(n if k else 1):
                y = outcomes(world, seed + 1 + i, planted=False)[int(binary)]
                y = np.random.default_rng(seed + i).permutation(y) if permuted else y
                table = own(world, y, binary, k, f"{kind}, null")
                found.append(inflation(table["p"].to_numpy(), world.chrom, world.pos, 1))
                p.append(table["p"].dropna().to_numpy()[::100])
            middle, low, high = np.array(found).T
            covered = int(((low <= 1) & (high >= 1)).sum())
            said = f"{middle.mean():.3f} ({middle.min():.3f} to {middle.max():.3f}) | {covered} of {len(found)}"
            ks = stats.kstest(np.concatenate(p), "uniform").pvalue
            what = "permuted" if permuted else "differs by population"
            lines.append(f"| {kind}, {what} | {k} | {len(found)} | {said} | {ks:.3f} |")
    return lines


def planted_lines(world: World, tables: dict[str, pd.DataFrame]) -> list[str]:
    lines = [
        "",
        f"| outcome | planted effects of {EFFECT} found at p < 5e-8 | mean estimate | tests used |",
        "|---|---|---|---|",
    ]
    for name, table in tables.items():
        rows = table.iloc[world.causes]
        used = ", ".join(f"{n} {t}" for t, n in table["test"].value_counts().items() if t)
        lines.append(f"| {name} | {int((rows['p'] < 5e-8).sum())} of {PLANTED} | {rows['beta'].mean():.3f} | {used} |")
    return lines


def agreement_lines(tables: dict[str, pd.DataFrame], theirs: dict[str, pd.DataFrame]) -> list[str]:
    lines = ["", "| against plink2 | rows | effect | standard error | p |", "|---|---|---|---|---|"]
    for mode, mine, rows in (
        ("linear", tables["continuous"], slice(None)), ("firth", tables["binary"], tables["binary"]["test"] == "firth"),
    ):  # fmt: skip
        a, b = mine[rows], theirs[mode][rows]
        effect = (np.abs(a["beta"] - b["BETA"]) / a["se"]).max()
        error = np.abs(a["se"] / b["SE"] - 1).max()
        p = (
            f"{np.abs(a['p'] / b['P'] - 1).max():.1e} (relative)"
            if mode == "linear"
            else "another test (likelihood ratio)"
        )
        lines.append(f"| {mode} | {len(a)} | {effect:.1e} standard errors | {error:.1e} (relative) | {p} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--variants", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    world = simulate(args.people, args.variants, args.seed)
    value, case = outcomes(world, args.seed, planted=True)
    tables = {"continuous": own(world, value, False, COMPONENTS, "own linear"),
              "binary": own(world, case, True, COMPONENTS, "own score and firth")}  # fmt: skip
    lines = [f"# Association: {args.people} people x {len(world.counts)} variants, seed {args.seed}"]
    lines += [*planted_lines(world, tables), *structure_lines(world, args.seed)]
    if shutil.which("plink2"):
        with tempfile.TemporaryDirectory() as folder:
            lines += agreement_lines(tables, plink2(world, value, case, Path(folder)))
    lines += ["", "| step | s |", "|---|---|", *(f"| {k} | {v:.2f} |" for k, v in world.seconds.items()), ""]
    args.out.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
