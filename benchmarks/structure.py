"""Ancestry, kinship, trios, swaps and contamination on people whose answer is known.

    python benchmarks/structure.py --data FOLDER [--king]

FOLDER: genomics/cohort_1kgp of the real data (1,004 variants of 3,202 people of 1000 Genomes with pedigree; principal
components of 929 people of the HGDP). Prints what docs/methods/genomics_cohort.md states. `--king`: times KING on 2,500
simulated people x 200,000 variants, and plink2 on the same where it is installed.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "scripts")]
from consilium.core.sheets import Patient  # noqa: E402
from consilium.genomics.intake.panel import Panel, read_panel  # noqa: E402
from consilium.genomics.reads.alignments import Counts  # noqa: E402
from consilium.genomics.structure import allele_depths, ancestry, contamination, king, kinship, mendel, swaps  # noqa: E402
from consilium.genomics.structure.components import Components, read_components  # noqa: E402
from consilium.genomics.structure.projection import Projection, densities, outside_probability  # noqa: E402
from update_ancestry_components import population_rows, read_genotypes  # noqa: E402

Int8 = npt.NDArray[np.int8]
RNG = np.random.default_rng(0)


class People:
    """1000 Genomes: names, ALT counts (site, person), labels, pedigree, who was left out as related."""

    def __init__(self, folder: Path) -> None:
        self.names, self.sites, self.counts = read_genotypes(folder / "tiny1000G.vcf.gz")
        with open(folder / "ref.psam", encoding="utf-8") as handle:
            rows = {r["#IID"]: r for r in csv.DictReader(handle, delimiter="\t")}
        self.superpopulation = np.array([rows[n]["SuperPop"] for n in self.names])
        self.sex = {n: ("male", "female")[int(rows[n]["SEX"]) - 1] for n in self.names}
        self.parents = {n: (rows[n]["PAT"], rows[n]["MAT"]) for n in self.names}
        held_out = set((folder / "ref.king.cutoff.id").read_text().split()[1:])
        self.held_out = np.array([n in held_out for n in self.names])

    def at(self, panel: Panel) -> Int8:
        place = {(f"chr{c}", p, r, a): i for i, (c, p, r, a) in enumerate(self.sites)}
        keys = zip(panel.chrom, panel.pos, panel.ref, panel.alt, strict=True)
        return self.counts[[place[str(c), int(p), str(r), str(a)] for c, p, r, a in keys]]


def judge_ancestry(people: People, reference: Components) -> None:
    counts, who = people.at(reference.panel)[:, people.held_out], people.superpopulation[people.held_out]
    kept = RNG.permutation(len(counts))
    cases = {f"all {len(counts)} sites": counts, "30 % gaps": np.where(RNG.random(counts.shape) < 0.3, -1, counts),
             **{f"{n} sites": np.where(np.isin(np.arange(len(counts)), kept[:n])[:, None], counts, -1)
                for n in (400, 200, 100)},
             "variants alone": np.where(counts == 0, -1, counts)}  # fmt: skip
    print(f"ancestry of {len(who)} relatives held out: right, confidently wrong (> .9), outside, by population")
    for name, case in cases.items():
        found = ancestry.assign_projected(case.astype(np.int8), reference)
        label = np.array(found.population)
        sure = np.nan_to_num(found.posterior).max(axis=1) > 0.9
        outside = label == ancestry.OUTSIDE
        each = " ".join(f"{p} {(label == who)[who == p].mean():.3f}" for p in reference.superpopulations)
        wrong = int((sure & (label != who) & ~outside).sum())
        print(f"  {name:15s} {(label == who).mean():.4f} {wrong:3d} {int(outside.sum()):3d}  {each}")


def judge_simulated(reference: Components) -> None:
    """People whom the reference lacks: mixed ones, and populations that drifted from one of it."""
    place = {p: reference.panel.frequency[:, k] for k, p in enumerate(reference.panel.populations)}
    mixed = ({"TSI": 0.8, "YRI": 0.2}, {"CHB": 0.5, "CEU": 0.5}, {"GIH": 0.5, "JPT": 0.5})
    cases = {str(mix): np.sum([share * place[p] for p, share in mix.items()], axis=0) for mix in mixed}
    for origin, drift in (("BEB", 0.1), ("BEB", 0.2), ("CHB", 0.15)):
        p, odds = place[origin], (1 - drift) / drift
        cases[f"{origin}, Fst {drift}"] = RNG.beta(p * odds, (1 - p) * odds)
    print("simulated people whom the reference lacks: outside, called with > .9 (of 300)")
    for name, frequency in cases.items():
        counts = RNG.binomial(2, frequency[:, None], (len(frequency), 300)).astype(np.int8)
        found = ancestry.assign_projected(counts, reference)
        outside = np.array(found.population) == ancestry.OUTSIDE
        sure = np.nan_to_num(found.posterior).max(axis=1) > 0.9
        print(f"  {name:26s} {int(outside.sum()):3d} {int((sure & ~outside).sum()):3d}")


def judge_hgdp(folder: Path) -> None:
    """The same classifier, fitted on the reference's ten components, for HGDP people (no genotypes are open)."""

    def scores(name: str) -> tuple[list[str], npt.NDArray[np.float64]]:
        with open(folder / name, encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t"))
        return [r["IID"] for r in rows], np.array([[float(r[f"PC{i}"]) for i in range(1, 11)] for r in rows])

    with open(folder / "ref.psam", encoding="utf-8") as handle:
        rows = {r["#IID"]: (r["Population"], r["SuperPop"]) for r in csv.DictReader(handle, delimiter="\t")}
    names, own = scores("ref.pcs")
    labels = np.array([rows[n][0] for n in names])
    table = population_rows(labels, dict(rows.values()), own, np.ones(len(own)))
    numbers = np.array([[float(v) for v in r[3:]] for r in table])
    low, k = np.tril_indices(10), 10
    spread = np.zeros((len(table), k, k))
    for one, row in zip(spread, numbers, strict=True):
        one[low] = row[k : k + len(low[0])]
        one.T[low] = one[low]
    none = np.zeros(1, dtype=str)
    panel = Panel(none, np.zeros(1, dtype=int), none, none, tuple(r[0] for r in table), np.zeros((1, len(table))))
    space = Components(panel, np.zeros(1), np.ones(1), np.zeros((1, k)), tuple(r[1] for r in table),
                       numbers[:, :k], spread, np.ones(len(table)), np.ones(len(table)))  # fmt: skip
    people, there = scores("target.pcs")
    population = dict(line.split() for line in (folder / "hgdp.pop").read_text().splitlines())
    projection = Projection(there, np.zeros((len(there), k, k)), np.ones(len(there)), np.ones(len(there), dtype=int))
    density, squared = densities(projection, space)
    weight = np.exp(density - density.max(axis=1, keepdims=True))
    posterior = weight / weight.sum(axis=1, keepdims=True) @ space.membership()
    outside = outside_probability(projection, squared, space) < ancestry.OUTSIDE_P
    print("HGDP in the reference's own components: people, outside, called with > .9 (most frequent label)")
    group = np.array([population.get(n, "?") for n in people])
    for name in sorted(set(group) - {"?"}):
        here = group == name
        sure = here & ~outside & (posterior.max(axis=1) > 0.9)
        label = np.array(space.superpopulations)[posterior.argmax(axis=1)][sure]
        most = max(set(label), key=list(label).count) if len(label) else ""
        print(f"  {name:17s} {here.sum():3d} {int((here & outside).sum()):3d} {int(sure.sum()):3d} {most}")


def judge_kinship(people: People) -> None:
    frequency = people.counts.mean(axis=1) / 2
    counts = people.counts[np.minimum(frequency, 1 - frequency) >= 0.05]
    place = {n: i for i, n in enumerate(people.names)}
    pairs = [(place[c], place[p]) for c, both in people.parents.items() for p in both if p in place]
    phi, _ = king.matrix(counts)
    values = np.array([phi[a, b] for a, b in pairs])
    alone = ~people.held_out
    strangers = phi[np.triu(np.outer(alone, alone), k=1)]
    print(f"kinship at {len(counts)} sites: {len(pairs)} parent-child {values.min():.3f} to {values.max():.3f}, median "
          f"{np.median(values):.3f}; {len(strangers)} unrelated pairs, largest {strangers.max():.3f}")  # fmt: skip
    nobody = np.zeros(len(people.names), dtype=bool)
    table = kinship.kinship_table(people.names, counts, {}, nobody)
    listed = {frozenset(p) for p in zip(table["patient_a"], table["patient_b"], strict=True)}
    found = sum(frozenset((people.names[a], people.names[b])) in listed for a, b in pairs)
    within = sum(alone[place[a]] and alone[place[b]] for a, b in map(sorted, listed))
    print(f"  listed: {found} of the parent-child pairs; {within} pairs of the unrelated")
    bare = np.where(counts == 0, -1, counts).astype(np.int8)
    twin = np.concatenate([bare, bare[:, :20]], axis=1)
    names = [*people.names, *(f"again-{n}" for n in people.names[:20])]
    alike = kinship.kinship_table(names, twin, {}, np.ones(len(names), dtype=bool))
    again = sum(b == f"again-{a}" for a, b in zip(alike["patient_a"], alike["patient_b"], strict=True))
    print(f"  variants alone: {len(alike)} pairs listed, {again} of them of the 20 planted duplicates")
    judge_trios(people, table)
    judge_swaps(people, table)


def judge_trios(people: People, table: pd.DataFrame) -> None:
    nobody = np.zeros(len(people.names), dtype=bool)
    own = [Patient(n, people.sex[n], father=f, mother=m) for n, (f, m) in people.parents.items()]
    trios = mendel.trios_of_sheet(people.names, own)
    told = mendel.table(people.names, trios, mendel.count(trios, [people.counts]), nobody)
    wrong = [mendel.Trio(t.child, t.father, trios[i - 1].mother, "sheet") for i, t in enumerate(trios)]
    refused = mendel.table(people.names, wrong, mendel.count(wrong, [people.counts]), nobody)
    other = mendel.trios_of_kinship(people.names, table, people.sex)
    inferred = mendel.table(people.names, other, mendel.count(other, [people.counts]), nobody)
    truth = {(n, f, m) for n, (f, m) in people.parents.items()}
    right = sum(t in truth for t in zip(inferred["child"], inferred["father"], inferred["mother"], strict=True))
    fits, others = ((x["verdict"] == "fits").sum() for x in (told, refused))
    print(f"trios of the pedigree: {len(told)}, {fits} fit, {told['n_errors'].sum()} Mendelian errors at "
          f"{told['n_sites'].sum()} genotypes; with another mother {others} fit; by kinship {len(inferred)} trios, "
          f"{right} right")  # fmt: skip


def judge_swaps(people: People, table: pd.DataFrame, rounds: int = 100) -> None:
    """Ten trios and twenty single people; two of them exchanged."""
    trios = [n for n, both in people.parents.items() if set(both) <= people.sex.keys()]
    tally: dict[str, list[int]] = {}
    for _ in range(rounds):
        children = set(RNG.choice(trios, 10, replace=False).tolist())
        family = {m: f"F{k}" for k, c in enumerate(sorted(children)) for m in (c, *people.parents[c])}
        single = [n for n in RNG.choice(people.names, 20, replace=False).tolist() if n not in family]
        members = [*family, *single]
        sheet = {m: Patient(m, people.sex[m], family=family.get(m, ""),
                            father=people.parents[m][0] if m in children else "",
                            mother=people.parents[m][1] if m in children else "") for m in members}  # fmt: skip
        a, b = RNG.choice(members, 2, replace=False).tolist()
        turn = {**{m: m for m in members}, a: b, b: a}
        pairs = table[table["patient_a"].isin(members) & table["patient_b"].isin(members)]
        pairs = pairs.assign(patient_a=pairs["patient_a"].map(turn), patient_b=pairs["patient_b"].map(turn))
        known = swaps.evidence({m: people.sex[turn[m]] for m in members}, members, pairs, None)
        found = swaps.table(sheet, known, {}, {}).set_index("patient")
        kind = ("other sex" if people.sex[a] != people.sex[b] else
                "same sex, in a family" if a in family or b in family else "same sex, no family")  # fmt: skip
        told = found["verdict"]
        row = tally.setdefault(kind, [0, 0, 0, 0])
        row[0] += 1
        row[1] += int(told[a] != "consistent" and told[b] != "consistent")
        row[2] += int(found["likely_patient"][a] == b)
        row[3] += int((told.drop([a, b]) == "swap").sum())
    for kind, row in sorted(tally.items()):
        print(
            f"swaps planted, {kind}: {row[0]}, both doubted {row[1]}, resolved {row[2]}, others called swapped {row[3]}"
        )


def judge_contamination(people: People, panel: Panel, rounds: int = 24) -> None:
    """Variants alone: by the fixed error rate, and by that of a cohort of the clean samples and the one judged."""
    counts, who = people.at(panel), np.flatnonzero(people.held_out)
    print("contamination planted: depth, error, share -> estimate, called | variants alone, one file | in a cohort")
    for depth, error in ((15, 0.005), (15, 0.001), (30, 0.005), (30, 0.001)):
        clean: list[Counts] = []
        for share in (0.0, 0.02, 0.05, 0.1, 0.25):
            pairs = [RNG.choice(who, 2, replace=False) for _ in range(rounds)]
            reads = [_mixed(counts[:, a], counts[:, b], depth, error, share) for a, b in pairs]
            carried = [_homozygous(c) for c in reads]
            clean = clean or carried
            rates = [allele_depths.common_error([*clean, c]) for c in carried]
            told = [[contamination.estimate(c, panel) for c in reads],
                    [contamination.estimate(c, panel, homozygous=True) for c in carried],
                    [contamination.estimate(c, panel, homozygous=True, error=e)
                     for c, e in zip(carried, rates, strict=True)]]  # fmt: skip
            line = " | ".join(
                f"{np.mean([c.alpha for c in some]):.3f} {sum(c.verdict(0.01) == 'contaminated' for c in some)}"
                for some in told
            )
            print(f"  {depth}x {error} {share:.2f} -> {line} of {rounds}")


def _mixed(own: Int8, foreign: Int8, depth: int, error: float, share: float) -> Counts:
    p = np.array([error, 0.5, 1 - error])
    n = RNG.poisson(depth, len(own))
    alt = RNG.binomial(n, (1 - share) * p[own] + share * p[foreign])
    return Counts(n - alt, alt, 0 * alt)


def _homozygous(reads: Counts) -> Counts:
    """Reads of the sites that a caller takes for homozygous for ALT: likelier than heterozygous."""
    likelier = reads.n_alt * np.log(0.995) + reads.n_ref * np.log(0.005) > (reads.n_ref + reads.n_alt) * np.log(0.5)
    return Counts(*(np.where(likelier, n, 0) for n in (reads.n_ref, reads.n_alt, reads.n_other)))


def time_king() -> None:
    n_people, n_sites = 2500, 200_000
    base = RNG.binomial(2, RNG.uniform(0.05, 0.95, (8000, 1)), (8000, n_people)).astype(np.int8)
    base[RNG.random(base.shape) < 0.005] = -1
    start = time.perf_counter(), time.process_time()
    for rows in king.king(lambda: (base for _ in range(n_sites // len(base))), n_people, threads=2):
        assert np.nanmax(rows.phi) < 0.1
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    print(f"KING {n_people} x {n_sites}: {wall:.1f} s, {cpu:.1f} CPU s")
    if not shutil.which("plink2"):
        return
    code = np.array([1, 3, 2, 0], dtype=np.uint8)[base + 1].reshape(len(base), -1, 4)
    packed = (code << np.array([0, 2, 4, 6], dtype=np.uint8)).sum(axis=2, dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "k.bed").write_bytes(bytes([0x6C, 0x1B, 1]) + packed.tobytes() * (n_sites // len(base)))
        (folder / "k.bim").write_text("".join(f"1\tv{i}\t0\t{i + 1}\tG\tA\n" for i in range(n_sites)))
        (folder / "k.fam").write_text("".join(f"0\ts{i}\t0\t0\t0\t-9\n" for i in range(n_people)))
        begin = time.perf_counter()
        command = "plink2 --bfile k --make-king-table --king-table-filter 0.0442 --threads 2 --out k"
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        print(f"plink2: {time.perf_counter() - begin:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--king", action="store_true")
    args = parser.parse_args()
    people = People(args.data)
    resources = ROOT / "resources"
    reference = read_components(resources / "ancestry_components.tsv", resources / "ancestry_populations.tsv")
    judge_ancestry(people, reference)
    judge_simulated(reference)
    judge_hgdp(args.data)
    judge_kinship(people)
    judge_contamination(people, read_panel(resources / "ancestry_1kgp.tsv"))
    if args.king:
        time_king()


if __name__ == "__main__":
    main()
