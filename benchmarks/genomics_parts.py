"""Parts of the genomics room as processes of their own, for benchmarks/genomics.py; prints what it found as JSON.

python benchmarks/genomics_parts.py {king,pca} STORE [FILE …] --out FILE.npy
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from consilium.genomics.cohort import planes
from consilium.genomics.structure.king import SITES
from consilium.genomics.structure.king import king as all_pairs
from consilium.genomics.structure.kinship import principal_components


def king(store: Path, files: list[Path]) -> np.ndarray:
    """KING-robust kinship of all pairs over all sites, a block of sites at a time; upper triangle, else NaN."""
    with planes.open_planes(store) as packed:
        rows = [np.arange(i, min(i + SITES, packed.n_sites)) for i in range(0, packed.n_sites, SITES)]
        out = np.full((packed.n_samples, packed.n_samples), np.nan)
        for part in all_pairs(lambda: (planes.dosages(packed, some) for some in rows), packed.n_samples, 2):
            out[part.start : part.start + len(part.phi), part.start :] = part.phi
    return out


def pca(store: Path, files: list[Path]) -> np.ndarray:
    """20 components of the sites listed in files[0] (row numbers, one a line)."""
    rows = np.loadtxt(files[0], dtype=np.int64)
    with planes.open_planes(store) as packed:
        counts = planes.dosages(packed, rows)
    return np.asarray(principal_components(counts, 20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("king", "pca"))
    parser.add_argument("store", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    np.save(given.out, {"king": king, "pca": pca}[given.part](given.store, given.files))


if __name__ == "__main__":
    main()
