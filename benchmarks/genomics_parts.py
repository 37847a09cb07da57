"""Parts of the genomics room as processes of their own, for benchmarks/genomics.py; prints what it found as JSON.

python benchmarks/genomics_parts.py {king,pca,sums} STORE [FILE …] --out FILE.npy
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from consilium.genomics.cohort import matrix, planes
from consilium.genomics.structure.king import matrix as all_pairs
from consilium.genomics.structure.kinship import principal_components


def king(store: Path, files: list[Path]) -> np.ndarray:
    """KING-robust kinship of all pairs over all sites."""
    with planes.open_planes(store) as packed:
        counts = planes.dosages(packed, np.arange(packed.n_sites))
    return np.asarray(all_pairs(counts, 2)[0])


def pca(store: Path, files: list[Path]) -> np.ndarray:
    """20 components of the sites listed in files[0] (row numbers, one a line)."""
    rows = np.loadtxt(files[0], dtype=np.int64)
    with planes.open_planes(store) as packed:
        counts = planes.dosages(packed, rows)
    return np.asarray(principal_components(counts, 20))


def sums(store: Path, files: list[Path]) -> np.ndarray:
    """Sums of the additive scores in files[0] (TSV: id, allele, one column a score) by `planes.weighted_sums`."""
    with open(files[0], newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle, delimiter="\t"))[1:]
    m = matrix.load(store)
    place = {name: i for i, name in enumerate(m.rsid)}
    at = np.array([place[r[0]] for r in rows], dtype=np.int64)
    weights = np.array([r[2:] for r in rows], dtype=np.float64)
    order = np.argsort(at)
    return planes.weighted_sums(m.planes, at[order], weights[order], 2 * weights[order])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("king", "pca", "sums"))
    parser.add_argument("store", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    np.save(given.out, {"king": king, "pca": pca, "sums": sums}[given.part](given.store, given.files))


if __name__ == "__main__":
    main()
