"""Copies of CYP2D6 and its hybrids with CYP2D7, from depth and from the bases at which the two genes differ.

Facts of the locus and the idea of asking first for all copies of both genes: DOI 10.1038/s41397-020-00205-5. The model
is our own. Judged on simulated reads only: results are for research and say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lgamma
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
_OUTLIER = 0.05  # share of sites that vary in people, or are misread
_HYBRID = 0.3  # prior probability of a hybrid; the rest: none
_STEPS = {1: 1.0, 2: 0.2}  # weight of one hybrid gene, and of two of a kind
_ANYWHERE = 0.5  # of hybrids that may switch anywhere; the others do so at either end of the gene
_PART = 5  # sites that each part of a hybrid must have: fewer cannot be told from none
_UNFITTING = 0.2  # largest share of sites that contradict the course
# Stretch of intron 1 (chr22, 0-based) in which most genes with 2851C>T carry CYP2D7's bases (DOI 10.1002/cpt.1643).
CONVERTED = (42_130_546, 42_130_578)
NOTE = "research: judged on simulated reads only"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Depths:
    """Mean depth and GC content (window,) of windows of CYP2D6, of CYP2D7 and of control genes.

    weight: share of its gene that a window has; 0 for controls. gc: NaN where the reference has no bases.
    """

    depth: Floats
    gc: Floats
    weight: Floats


@dataclass(frozen=True)
class Copies:
    """copies: whole CYP2D6 genes; total: with CYP2D7; -1 = not called, and `reason` says why.

    hybrid: kind of hybrid, "" = none. estimate: copies of both genes by depth, before rounding. posterior: of `total`
    times that of the least certain site.
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
    found, by_depth = total_copies(windows)
    if found.reason:
        return found
    if len(sites) < MINIMUM_SITES:
        return replace(found, reason=f"{len(sites)} sites tell CYP2D6 from CYP2D7, fewer than {MINIMUM_SITES}")
    final = int((sites.own < exons[exons[:, 0].argmin(), 1]).sum())
    if final < _PART:
        return replace(found, reason=f"{final} sites in the last exon: a hybrid that ends as CYP2D7 would not show")
    order = np.argsort(sites.own)[::-1]  # from the start of the gene
    place, own, depth = sites.own[order], own_reads[order], (own_reads + other_reads)[order]
    # Sites that one read covers are no separate witnesses.
    together = max(len(place) * read_length / (float(np.ptp(place)) + 1), 1.0)
    ends = _end_sites(place, exons)
    courses = {
        n: _Courses(_site_log_likelihood(own, depth, n) / together, ends)
        for n in range(MOST_COPIES + 1)
        if by_depth[n] > 1e-6
    }
    posterior = _normalised(np.array([np.log(by_depth[n]) + c.evidence for n, c in courses.items()]))
    total, certain = list(courses)[int(posterior.argmax())], float(posterior.max())
    found = replace(found, posterior=certain)
    if certain < CONFIDENT:
        return replace(found, reason=f"depth speaks for {found.estimate:.2f} copies of both genes, no whole number")
    return _along_gene(replace(found, total=total), courses[total], place, exons)


def total_copies(windows: Depths) -> tuple[Copies, Floats]:
    """Copies of CYP2D6 and CYP2D7 together: depth over the expectation at the same GC content.

    Returns the estimate, or why there is none, and the probability of 0, 1, 2 … copies (number,).
    """
    nothing = np.zeros(MOST_COPIES + 1)
    control = (windows.weight == 0) & np.isfinite(windows.gc)
    gene = windows.weight > 0
    middle = float(np.median(windows.depth[control])) if control.any() else float("nan")
    if int(control.sum()) < MINIMUM_CONTROLS or not np.isfinite(windows.gc[gene]).all() or not gene.any():
        which = "CYP2D6 and CYP2D7" if int(control.sum()) >= MINIMUM_CONTROLS else "the control genes"
        return Copies(depth=middle, reason=f"the reference FASTA has no bases of {which}"), nothing
    if middle < MINIMUM_DEPTH:
        return Copies(
            depth=middle, reason=f"depth {middle:.1f} of the control genes, under {MINIMUM_DEPTH:.0f}"
        ), nothing
    centres, levels = _by_gc(windows.depth[control], windows.gc[control])
    if (windows.gc[gene] < centres[0] - _BIN).any() or (windows.gc[gene] > centres[-1] + _BIN).any():
        return Copies(depth=middle, reason="no control windows of the GC content of CYP2D6"), nothing
    expected = np.interp(windows.gc, centres, levels)
    relative = windows.depth / np.maximum(expected, 1e-9)
    spread = 1.4826 * float(np.median(np.abs(relative[control] - np.median(relative[control]))))
    if spread > UNEVEN:
        return Copies(
            depth=middle, reason=f"uneven depth: control windows spread by {spread:.2f}, over {UNEVEN}"
        ), nothing
    estimate = 2 * float((relative * windows.weight)[gene].sum())
    number = np.arange(MOST_COPIES + 1)
    sd = np.sqrt((number * spread) ** 2 / gene.sum() + (number * _BIAS) ** 2 + _FLOOR**2)
    posterior = _normalised(-0.5 * ((estimate - number) / sd) ** 2 - np.log(sd))
    found = Copies(estimate=estimate, depth=middle)
    if estimate > MOST_COPIES:
        found = replace(found, reason=f"depth speaks for {estimate:.1f} copies of both genes")
    return found, posterior


def _by_gc(depth: Floats, gc: Floats) -> tuple[Floats, Floats]:
    """Median depth per bin of GC content: (centre, level) of bins with enough windows."""
    number = np.floor(gc / _BIN).astype(int)
    kept = [b for b in np.unique(number) if (number == b).sum() >= _BIN_WINDOWS]
    return np.array([(b + 0.5) * _BIN for b in kept]), np.array([np.median(depth[number == b]) for b in kept])


def _normalised(log_weight: Floats) -> Floats:
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def _along_gene(found: Copies, courses: _Courses, place: Ints, exons: Ints) -> Copies:
    """Copies that carry CYP2D6's base from the start of the gene (5') to its end, with one switch at the most."""
    first, last, certain = courses.best()
    out = replace(found, posterior=found.posterior * certain)
    at = courses.switch(first, last)
    if certain < CONFIDENT or courses.unfitting(first, last, at) > _UNFITTING:
        return replace(
            out, reason="the bases at which the genes differ fit no whole number of copies all along the gene"
        )
    hybrid = "" if first == last else hybrid_kind(first, last, float(place[at - 1] + place[at]) / 2, exons)
    return replace(out, copies=min(first, last), hybrid=hybrid)


def _end_sites(place: Ints, exons: Ints) -> tuple[Ints, Ints]:
    """Switches (number of sites before them) inside the first exon and intron, and inside the last ones."""
    ordered = exons[np.argsort(exons[:, 0])[::-1]]
    number = np.arange(1, len(place))
    middle = (place[:-1] + place[1:]) / 2
    return number[middle > ordered[1, 1]], number[middle < ordered[-2, 0]]


def _site_log_likelihood(own: Ints, depth: Ints, total: int) -> Floats:
    """(site, copies) log of the binomial likelihood, with a share of sites that may show anything."""
    share = np.arange(total + 1) / max(total, 1)
    chance = (share * (1 - _ERROR) + (1 - share) * _ERROR)[None, :]
    ways = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k, n in zip(own, depth, strict=True)])
    log = ways[:, None] + own[:, None] * np.log(chance) + (depth - own)[:, None] * np.log1p(-chance)
    return np.asarray(np.logaddexp(np.log1p(-_OUTLIER) + log, np.log(_OUTLIER) - np.log(depth + 1.0)[:, None]))


class _Courses:
    """Courses of the copies along the gene: the same everywhere, or one or two more or fewer behind a switch.

    `emission` (site, copies): log likelihoods. `ends`: where switches are known to be frequent.
    """

    def __init__(self, emission: Floats, ends: tuple[Ints, Ints]) -> None:
        n, states = emission.shape
        self.emission = emission
        before = np.concatenate([np.zeros((1, states)), np.cumsum(emission, axis=0)])
        prior = np.full(n - 1, _ANYWHERE / (n - 1))
        for group in ends:
            prior[group - 1] += (1 - _ANYWHERE) / 2 / max(len(group), 1)
        prior[: _PART - 1] = prior[n - _PART :] = 1e-12
        weight = {(a, b): _STEPS.get(abs(a - b), 0.0) for a in range(states) for b in range(states)}
        pairs = {pair: w / sum(weight.values()) for pair, w in weight.items() if w}
        self.constant = before[-1] + np.log((1 - _HYBRID) / states)
        self.switched = {
            (a, b): before[1:-1, a] + before[-1, b] - before[1:-1, b] + np.log(prior * _HYBRID * share)
            for (a, b), share in pairs.items()
        }
        self.evidence = float(np.logaddexp.reduce([*self.constant, *map(np.logaddexp.reduce, self.switched.values())]))

    def best(self) -> tuple[int, int, float]:
        """Copies at the start and at the end, and the probability of that pair."""
        logs = {(k, k): float(v) for k, v in enumerate(self.constant)}
        logs |= {pair: float(np.logaddexp.reduce(v)) for pair, v in self.switched.items()}
        pair = max(logs, key=lambda p: logs[p])
        return *pair, float(np.exp(logs[pair] - self.evidence))

    def switch(self, first: int, last: int) -> int:
        """Most likely number of sites before the switch; all of them where there is none."""
        return len(self.emission) if first == last else int(self.switched[first, last].argmax()) + 1

    def unfitting(self, first: int, last: int, at: int) -> float:
        """Share of sites that another number of copies fits better by more than chance."""
        state = np.where(np.arange(len(self.emission)) < at, first, last)
        taken = np.take_along_axis(self.emission, state[:, None], axis=1)[:, 0]
        return float((self.emission.max(axis=1) - taken > 2.0).mean())


def hybrid_kind(first: int, last: int, switch: float, exons: Ints) -> str:
    """Name of a hybrid by the copies before and behind the switch, and the exon (from the start) where it lies."""
    ordered = exons[np.argsort(exons[:, 0])[::-1]]
    begun = int((ordered[:, 1] >= switch).sum())  # exons whose start lies before the switch
    if first < last:
        return "CYP2D7-CYP2D6 (*13-like)"
    if begun >= len(ordered) - 1:
        return "CYP2D6-CYP2D7, exon 9 (*36-like)"
    return "CYP2D6-CYP2D7 (*68-like)" if begun <= 1 else "CYP2D6-CYP2D7"
