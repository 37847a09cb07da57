"""How often copies of CYP2D6 and planted deletions and duplications are found in simulated reads.

    python benchmarks/copies.py [--people 40] [--out benchmarks/copies.tsv]

CYP2D6: a gene and its twin at 5 % divergence with twenty indels, a new pair for each of four seeds. Depth of the
control windows varies by 8 % and falls by 30 % from 40 to 60 % GC; the genes' depth is off by 3 %; 2 % of the differing
sites vary in each copy. Copy number: cohorts of 20, 12 genes of 12 windows caught unequally well (SD 40 %), noise 8 %,
runs of 3 to 11 windows. Columns: what was planted, depth, people, called, right (copies and kind of hybrid; first and
last window of a run), wrong.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from consilium.genomics.reads import copy_number, cyp2d6, paralogues
from consilium.genomics.reads.regions import Window
from consilium.simulate import paralogues as simulated
from consilium.simulate.paralogues import Copy, Twins

EXONS = np.array(
    [
        [0, 254],
        [352, 494],
        [948, 1136],
        [1343, 1485],
        [1675, 1852],
        [2285, 2446],
        [2534, 2687],
        [3239, 3411],
        [4113, 4312],
    ]
)
GC_BIAS = 0.3


def people(pair: Twins) -> dict[str, tuple[list[Copy], int, str]]:
    """Name -> copies of the genes, whole copies of CYP2D6, kind of hybrid."""
    own, twin = Copy(0), Copy(1)
    first, last = (int(np.flatnonzero(pair.columns[:, 0] == p)[0]) for p in (3700, 270))
    return {
        "0 copies": ([twin, twin], 0, ""),
        "1 copy": ([own, twin, twin], 1, ""),
        "2 copies": ([own, own, twin, twin], 2, ""),
        "3 copies": ([own] * 3 + [twin] * 2, 3, ""),
        "4 copies": ([own] * 4 + [twin] * 2, 4, ""),
        "2 copies, *13-like": ([own, own, twin, Copy(0, first, 1)], 2, "*13"),
        "2 copies, *68-like": ([own, own, Copy(1, first, 0), twin, twin], 2, "*68"),
        "2 copies, *36-like": ([own, own, Copy(1, last, 0), twin, twin], 2, "*36"),
    }


def call(
    pair: Twins, sites: paralogues.Sites, copies: list[Copy], depth: float, rng: np.random.Generator
) -> cyp2d6.Copies:
    controls, gc = simulated.window_depths(1500, depth, rng, bias=GC_BIAS)
    level = depth * (1 - GC_BIAS) * rng.lognormal(0, 0.03)
    own, other, total = simulated.site_counts(pair, (sites.own, sites.other), copies, level, 150, rng)
    genes = total / 2 * rng.normal(1, 0.05, 10)
    windows = cyp2d6.Depths(np.concatenate([controls, genes]), np.concatenate([gc, np.full(10, 0.6)]),
                            np.repeat([0.0, 0.2], [1500, 10]))  # fmt: skip
    return cyp2d6.call(windows, sites, own, other, 150, EXONS)


def cyp2d6_rows(n: int) -> list[list[str]]:
    pairs = [simulated.twins(4312, 0.05, np.random.default_rng(seed)) for seed in (1, 2, 3, 4)]
    sites = [paralogues.differing_sites(p.own, 0, p.other, 0) for p in pairs]
    rows = []
    for depth in (30, 40, 60):
        for name in people(pairs[0]):
            rng = np.random.default_rng(depth)
            found = []
            for i in range(n):
                copies, whole, hybrid = people(pairs[i % 4])[name]
                one = call(pairs[i % 4], sites[i % 4], copies, depth, rng)
                good = one.copies == whole and bool(one.hybrid) == bool(hybrid) and hybrid in one.hybrid
                found.append((one.copies >= 0, one.copies >= 0 and good, one.copies >= 0 and one.copies != whole))
            called, right, wrong = np.sum(found, axis=0).tolist()
            rows.append([name, str(depth), str(n), str(called), str(right), str(wrong)])
    return rows


def copy_number_rows(n: int) -> list[list[str]]:
    places = [(g, 10_000 + 1_000 * i) for g in range(12) for i in range(12)]
    parts = [Window(f"chr{1 + g}", start, start + 1_000, f"G{g}", True) for g, start in places]
    tally = {f: [0, 0, 0] for f in (0.0, 0.5, 1.5, 2.0)}
    false = 0
    for seed in range(n):
        rng = np.random.default_rng(seed)
        depth = rng.uniform(24, 39, 20)[:, None] * rng.lognormal(0, 0.4, 144) * rng.lognormal(0, 0.08, (20, 144))
        truth = {}
        for patient, factor in zip(rng.choice(20, 4, replace=False).tolist(), tally, strict=True):
            size = int(rng.integers(3, 12))
            low = int(rng.integers(12)) * 12 + int(rng.integers(0, 13 - size))
            depth[patient, low : low + size] *= factor
            truth[str(patient)] = (factor, parts[low], parts[low + size - 1])
        found = copy_number.findings([str(i) for i in range(20)], parts, depth)
        for patient, (factor, first, last) in truth.items():
            kind = "deletion" if factor < 1 else "duplication"
            own = [f for f in found if f.patient == patient and f.finding not in ("none", "not assessed")]
            hit = [f for f in own if f.finding == kind and f.chrom == first.chrom]
            exact = any(f.start == first.start and f.end == last.end for f in hit)
            tally[factor][0] += 1
            tally[factor][1] += bool(hit)
            tally[factor][2] += exact
        false += sum(f.finding not in ("none", "not assessed") and f.patient not in truth for f in found)
    rows = [[f"depth x {f}", "30", *map(str, counts), "0"] for f, counts in tally.items()]
    return [*rows, ["nothing planted", "30", str(16 * n), str(false), "0", str(false)]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    head = ["planted", "depth", "people", "called", "right", "wrong"]
    rows = [head, *cyp2d6_rows(options.people), *copy_number_rows(options.people)]
    text = "".join("\t".join(row) + "\n" for row in rows)
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
