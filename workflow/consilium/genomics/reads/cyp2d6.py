"""Copies of CYP2D6 and its hybrids with CYP2D7, from depth and from the bases at which the two genes differ.

Facts of the locus and the idea of asking first for all copies of both genes: DOI 10.1038/s41397-020-00205-5. The model
is our own. Judged on simulated reads only: results are for research and say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from consilium.genomics.reads.paralogues import Sites

CONFIDENT = 0.99  # posterior from which a number of copies is called
MINIMUM_DEPTH = 20.0
MINIMUM_CONTROLS = 200  # windows
UNEVEN = 0.25  # largest spread of control windows around their expectation, relative
MINIMUM_SITES = 20
MOST_COPIES = 10
_BIN = 0.05  # of GC content
_BIN_WINDOWS = 10
_BIAS = 0.04  # relative error of a gene's depth beyond chance
_FLOOR = 0.1  # copies
_ERROR = 0.01  # a base read as the other gene's
_OUTLIER = 0.02  # share of sites that vary in people, or are misread
_SWITCH = 1e-4
_SEGMENT = 4  # sites that a hybrid's part must have
NOTE = "research: judged on simulated reads only"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Depths:
    """Mean depth and GC content (window,) of windows; `gene` = True in CYP2D6 or CYP2D7, False in control genes.

    weight: share of its gene that a window has; 0 for controls. gc: NaN where the reference has no bases.
    """

    depth: Floats
    gc: Floats
    weight: Floats


@dataclass(frozen=True)
class Copies:
    """copies: whole CYP2D6 genes; total: with CYP2D7; -1 = not called, and `reason` says why.

    hybrid: kind of hybrid, "" = none. estimate: copies of both genes by depth, before rounding. posterior: of `total`
    times the least certain stretch of the gene.
    """

    copies: int = -1
    total: int = -1
    hybrid: str = ""
    estimate: float = float("nan")
    posterior: float = float("nan")
    depth: float = float("nan")
    reason: str = ""


def call(windows: Depths, sites: Sites, own_reads: Ints, other_reads: Ints, read_length: float, exons: Ints) -> Copies:
    """Copies from windows, and from reads with the CYP2D6 and the CYP2D7 base at each site (site,), either place.

    `exons` (exon, 2): 0-based starts and ends in CYP2D6; the gene runs towards lower places.
    """
    found = total_copies(windows)
    if found.reason:
        return found
    if len(sites) < MINIMUM_SITES:
        return replace(
            found, total=-1, reason=f"{len(sites)} sites tell CYP2D6 from CYP2D7, fewer than {MINIMUM_SITES}"
        )
    if found.total == 0:
        return replace(found, copies=0)
    return _along_gene(found, sites, own_reads, other_reads, read_length, exons)


def total_copies(windows: Depths) -> Copies:
    """Copies of CYP2D6 and CYP2D7 together: depth over the expectation at the same GC content."""
    control = (windows.weight == 0) & np.isfinite(windows.gc)
    gene = windows.weight > 0
    middle = float(np.median(windows.depth[control])) if control.any() else float("nan")
    if int(control.sum()) < MINIMUM_CONTROLS or not np.isfinite(windows.gc[gene]).all() or not gene.any():
        which = "CYP2D6 and CYP2D7" if int(control.sum()) >= MINIMUM_CONTROLS else "the control genes"
        return Copies(depth=middle, reason=f"the reference FASTA has no bases of {which}")
    if middle < MINIMUM_DEPTH:
        return Copies(depth=middle, reason=f"depth {middle:.1f} of the control genes, under {MINIMUM_DEPTH:.0f}")
    centres, levels = _by_gc(windows.depth[control], windows.gc[control])
    if (windows.gc[gene] < centres[0] - _BIN).any() or (windows.gc[gene] > centres[-1] + _BIN).any():
        return Copies(depth=middle, reason="no control windows of the GC content of CYP2D6")
    expected = np.interp(windows.gc, centres, levels)
    relative = windows.depth / np.maximum(expected, 1e-9)
    spread = 1.4826 * float(np.median(np.abs(relative[control] - np.median(relative[control]))))
    if spread > UNEVEN:
        return Copies(depth=middle, reason=f"uneven depth: control windows spread by {spread:.2f}, over {UNEVEN}")
    estimate = 2 * float((relative * windows.weight)[gene].sum())
    number = np.arange(MOST_COPIES + 1)
    sd = np.sqrt((number * spread) ** 2 / gene.sum() + (number * _BIAS) ** 2 + _FLOOR**2)
    posterior = _normalised(-0.5 * ((estimate - number) / sd) ** 2 - np.log(sd))
    total = int(posterior.argmax())
    out = Copies(total=total, estimate=estimate, posterior=float(posterior[total]), depth=middle)
    if posterior[total] < CONFIDENT or estimate > MOST_COPIES:
        return replace(out, total=-1, reason=f"depth speaks for {estimate:.2f} copies of both genes, no whole number")
    return out


def _by_gc(depth: Floats, gc: Floats) -> tuple[Floats, Floats]:
    """Median depth per bin of GC content: (centre, level) of bins with enough windows."""
    number = np.floor(gc / _BIN).astype(int)
    kept = [b for b in np.unique(number) if (number == b).sum() >= _BIN_WINDOWS]
    return np.array([(b + 0.5) * _BIN for b in kept]), np.array([np.median(depth[number == b]) for b in kept])


def _normalised(log_weight: Floats) -> Floats:
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def _along_gene(
    found: Copies, sites: Sites, own_reads: Ints, other_reads: Ints, read_length: float, exons: Ints
) -> Copies:
    """Copies that carry CYP2D6's base, site by site from the start of the gene (5') to its end."""
    order = np.argsort(sites.own)[::-1]
    own, depth = own_reads[order], (own_reads + other_reads)[order]
    length = float(np.ptp(sites.own)) + 1
    together = max(len(sites) * read_length / length, 1.0)  # sites that one read covers: they are no separate witnesses
    emission = _site_log_likelihood(own, depth, found.total) / together
    path, posterior = _path(emission)
    edges = np.flatnonzero(np.diff(path)) + 1
    parts = np.split(np.arange(len(path)), edges)
    certain = min(float(posterior[p, path[p[0]]].max()) for p in parts)
    out = replace(found, posterior=found.posterior * certain)
    if certain < CONFIDENT or min(len(p) for p in parts) < _SEGMENT or len(parts) > 2:
        why = "the bases at which the genes differ fit no whole number of copies"
        return replace(out, copies=-1, reason=why)
    copies = [int(path[p[0]]) for p in parts]
    if len(parts) == 1:
        return replace(out, copies=copies[0])
    switch = float(sites.own[order][edges[0] - 1 : edges[0] + 1].mean())
    return replace(out, copies=min(copies), hybrid=hybrid_kind(copies[0], copies[1], switch, exons))


def _site_log_likelihood(own: Ints, depth: Ints, total: int) -> Floats:
    """(site, copies) log of the binomial likelihood, with a share of sites that may show anything."""
    share = np.arange(total + 1) / total
    chance = (share * (1 - _ERROR) + (1 - share) * _ERROR)[None, :]
    from math import lgamma

    ways = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k, n in zip(own, depth, strict=True)])
    log = ways[:, None] + own[:, None] * np.log(chance) + (depth - own)[:, None] * np.log1p(-chance)
    return np.asarray(np.logaddexp(np.log1p(-_OUTLIER) + log, np.log(_OUTLIER) - np.log(depth + 1.0)[:, None]))


def _path(emission: Floats) -> tuple[Ints, Floats]:
    """Most likely copies along the sites (Viterbi), and the posterior (site, copies) by forward and backward sums."""
    n, states = emission.shape
    step = np.full((states, states), np.log(_SWITCH / max(states - 1, 1)))
    np.fill_diagonal(step, np.log1p(-_SWITCH))
    best, came = emission[0].copy(), np.zeros((n, states), dtype=np.int64)
    forward, backward = np.empty_like(emission), np.zeros_like(emission)
    forward[0] = emission[0]
    for i in range(1, n):
        reach = best[:, None] + step
        came[i] = reach.argmax(axis=0)
        best = reach.max(axis=0) + emission[i]
        forward[i] = np.logaddexp.reduce(forward[i - 1][:, None] + step, axis=0) + emission[i]
    for i in range(n - 2, -1, -1):
        backward[i] = np.logaddexp.reduce(step + (emission[i + 1] + backward[i + 1])[None, :], axis=1)
    path = np.empty(n, dtype=np.int64)
    path[-1] = best.argmax()
    for i in range(n - 1, 0, -1):
        path[i - 1] = came[i, path[i]]
    joint = forward + backward
    return path, np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None])


def hybrid_kind(first: int, last: int, switch: float, exons: Ints) -> str:
    """Name of a hybrid by the copies before and behind the switch, and the exon (from the start) where it lies."""
    ordered = exons[np.argsort(exons[:, 0])[::-1]]
    begun = int((ordered[:, 1] >= switch).sum())  # exons whose start lies before the switch
    if first < last:
        return "CYP2D7-CYP2D6 (*13-like)"
    if begun >= len(ordered) - 1:
        return "CYP2D6-CYP2D7, exon 9 (*36-like)"
    return "CYP2D6-CYP2D7 (*68-like)" if begun <= 1 else "CYP2D6-CYP2D7"
