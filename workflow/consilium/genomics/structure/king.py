"""KING-robust kinship of all pairs as few integer matrix products, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TILE = 640  # samples: upper-triangle tiles halve the work, larger ones multiply faster
SITES = 8192  # per product
_STRIP = 64  # sites
_BUDGET = 320_000_000  # bytes of the sums that are held at a time

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]
Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Blocks = Callable[[], Iterable[Int8]]


@dataclass(frozen=True)
class Rows:
    """Kinship of the samples from `start` on (row) with those from `start` on (column), each pair once.

    phi (row, column), NaN without heterozygous sites and where column <= row; n_sites (row, column) called in both.
    """

    start: int
    phi: Floats
    n_sites: Ints


def blocks_of(counts: Int8) -> Blocks:
    """Blocks of an array (site, sample) that is in memory."""
    return lambda: (counts[i : i + SITES] for i in range(0, len(counts), SITES))


def king(blocks: Blocks, n_samples: int, threads: int = 1) -> Iterator[Rows]:
    """KING-robust kinship (DOI 10.1093/bioinformatics/btq559, between-family estimator).

    `blocks` gives, each time it is called, the genotypes as int8 blocks (site, sample): ALT alleles 0 to 2, negative =
    no call. phi = 1/2 - sum (g_i - g_j)^2 / (4 min(N_het(i), N_het(j))), all over sites called in both. With x = g -
    1 where called and 0 elsewhere, h = x^2 and c = 1 where called, that needs the products xx', hc' and cc' only.
    Sums are integers: the result does not depend on tiles or threads. Rows come in as many parts as memory asks for.
    """
    import torch

    torch.set_num_threads(threads)
    step = max(TILE, _BUDGET // (16 * max(n_samples, 1)) // TILE * TILE)
    for start in range(0, n_samples, step):
        stop = min(start + step, n_samples)
        sums = np.zeros((4, stop - start, n_samples - start), dtype=np.int32)
        for block in blocks():
            for first in range(0, len(block), SITES):
                _add(sums, _transposed(block[first : first + SITES, start:]))
        yield _rows(start, sums)


def _transposed(block: Int8) -> Int8:
    """(sample, site), in strips that stay in the processor's cache: three times as fast as in one.

    No-calls fill up to whole strips: torch's product of int8 matrices is wrong over a single site.
    """
    out = np.full((block.shape[1], -(-len(block) // _STRIP) * _STRIP), -1, dtype=np.int8)
    for first in range(0, len(block), _STRIP):
        strip = block[first : first + _STRIP]
        out[:, first : first + len(strip)] = strip.T
    return out


def _add(sums: Int32, counts: Int8) -> None:
    """Add the sites of `counts` (sample from the first row on, site) to the sums xx', hc', ch', cc' (row, column)."""
    import torch

    called = (counts >= 0).view(np.int8)
    x = (counts - 1) * called
    hom = x * x
    n_hom = hom.sum(axis=1, dtype=np.int32)
    full = np.asarray(called.all(axis=1))
    factors = [torch.from_numpy(a) for a in (x, hom, called)]
    tiles = [slice(i, min(i + TILE, len(x))) for i in range(0, len(x), TILE)]
    for a, i in enumerate(tiles):
        rows = slice(i.start, min(i.stop, sums.shape[1]))
        for j in tiles[a:] if rows.stop > rows.start else []:

            def product(left: int, right: int, rows: slice = rows, j: slice = j) -> Int32:
                return np.asarray(torch._int_mm(factors[left][rows], factors[right][j].t()).numpy())

            sums[0, rows, j] += product(0, 0)
            if full[rows].all() and full[j].all():
                sums[1, rows, j] += n_hom[rows, None]
                sums[2, rows, j] += n_hom[None, j]
                sums[3, rows, j] += x.shape[1]
            else:
                for place, (left, right) in enumerate(((1, 2), (2, 1), (2, 2)), start=1):
                    sums[place, rows, j] += product(left, right)


def _rows(start: int, sums: Int32) -> Rows:
    same, hom_i, hom_j, n = sums
    above = np.arange(n.shape[1])[None] > np.arange(n.shape[0])[:, None]
    least = 4.0 * (n - np.maximum(hom_i, hom_j))  # heterozygous sites of the sample that has fewer
    apart = hom_i + hom_j - 2 * same  # sum of squared differences
    phi = np.full(n.shape, np.nan)
    np.divide(apart, least, out=phi, where=above & (least > 0))
    return Rows(start, 0.5 - phi, np.where(above, n, 0))


def matrix(counts: Int8, threads: int = 1) -> tuple[Floats, Ints]:
    """Kinship and sites called in both, (sample, sample), of `counts` (site, sample) in memory; diagonal NaN and 0."""
    n = counts.shape[1]
    phi, sites = np.full((n, n), np.nan), np.zeros((n, n), dtype=np.int64)
    for rows in king(blocks_of(counts), n, threads):
        part = slice(rows.start, rows.start + len(rows.phi))
        phi[part, rows.start :], sites[part, rows.start :] = rows.phi, rows.n_sites
    lower = np.tril_indices(n, k=-1)
    phi[lower], sites[lower] = phi.T[lower], sites.T[lower]
    return phi, sites
