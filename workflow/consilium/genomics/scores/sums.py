"""Weighted sums of copies, for many scores in one pass over the genotypes.

A sum is exact: weights are rounded once to whole multiples of a score's own quantum (2^-52 of the largest possible
sum), so every partial sum is a whole number that float64 holds, and neither the order of addition, nor the number of
people, nor the machine changes a bit. Nothing is taken from the cohort: one patient alone scores the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.scores.frequencies import Frequencies
from consilium.genomics.scores.matching import Matches
from consilium.genomics.scores.scoring_file import ADDITIVE, DOMINANT, RECESSIVE, ScoringFile

_CELLS = 400_000  # genotypes in work at a time: they stay in the processor's cache
_SHARES = 4  # of the variants, that threads can take

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
# (rows, allele numbers) -> (row, sample) copies of that allele, 0 to 2; negative = no call
CopiesOf = Callable[[Ints, Ints], npt.NDArray[np.int8]]


@dataclass(frozen=True)
class Wanted:
    """One sum to make: the terms `chosen` of a score. variance (term,): of the coded dosage x weight in the reference,
    by which `Sums.lost` weighs what is not called; None: not asked for."""

    score: ScoringFile
    matches: Matches
    chosen: Bools
    variance: Floats | None = None


@dataclass(frozen=True)
class Sums:
    """Per sample: sum of weight x dosage; n_used terms in it; n_filled of these without a call, from a frequency;
    lost: share of the reference variance of terms without a call (0 where not asked for)."""

    sum: Floats
    n_used: Ints
    n_filled: Ints
    lost: Floats


@dataclass(frozen=True)
class _Features:
    """What is counted, each once over all sums, sorted by row: copies of an allele, additive, dominant or recessive.

    row (feature,), -1 = nowhere; allele (feature,), -1 = no copies wherever called; coding (feature,);
    frequency (feature, population) of the counted allele. weight, base (feature, sum): a term is base + weight x
    feature, in quanta; part (feature, sum): the sum has such a term; own (feature, sum): frequency of the counted
    allele in the scoring file; variance (feature, sum).
    """

    row: Ints
    allele: Ints
    coding: npt.NDArray[np.int8]
    frequency: Floats
    weight: Floats
    base: Floats
    part: Bools
    own: Floats
    variance: Floats


def quantum(weights: Floats) -> float:
    """The largest power of two of which 2^52 make at least twice the sum of absolute weights."""
    most = 2.0 * float(np.abs(weights).sum())
    return 2.0 ** (math.ceil(math.log2(most)) - 52) if most > 0 else 1.0


def add_up(
    wanted: Sequence[Wanted], copies: Callable[[], CopiesOf], frequencies: Frequencies, posterior: Floats,
    threads: int = 1,
) -> list[Sums]:  # fmt: skip
    """Sums of every sample; posterior (sample, population of `frequencies`), NaN = ancestry not known.

    A term without a call is its expectation at Hardy-Weinberg proportions under the reference's frequency, weighted
    by the sample's ancestry, or else under the scoring file's own; without either it is not used for that sample.
    copies: gives each thread a reader of its own.
    """
    quanta = np.array([quantum(w.score.terms.weight) for w in wanted])
    features = _features(wanted, quanta, frequencies)
    # As many shares whatever the threads: what is no whole number (`lost`) is then added in the same order.
    edges = np.linspace(0, len(features.row), _SHARES + 1).astype(int)
    shares = [_slice(features, slice(a, b)) for a, b in pairwise(edges.tolist())]
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda share: _of_share(share, copies(), posterior), shares))
    total, used, filled, lost = (np.sum(parts, axis=0) for parts in zip(*found, strict=True))
    whole = features.variance.sum(axis=0)
    return [
        Sums((total[i] + features.base[:, i].sum()) * quanta[i],
             (used[i] + features.part[:, i].sum()).astype(np.int64), filled[i].astype(np.int64),
             lost[i] / whole[i] if whole[i] > 0 else lost[i])
        for i in range(len(wanted))
    ]  # fmt: skip


def _of_share(features: _Features, copies: CopiesOf, posterior: Floats) -> Floats:
    """(quantity, sum, sample) what some features add to the sums in quanta, to the terms used, to those filled and to
    the variance lost."""
    n = len(posterior)
    out = np.zeros((4, features.weight.shape[1], n))
    step = max(16, _CELLS // max(n, 1))
    for start in range(0, len(features.row), step):
        batch = _slice(features, slice(start, start + step))
        counts, missing = _counted(batch, copies, n)
        for first in range(0, len(counts), step // 4):  # a quarter as float64 stays in the processor's cache
            part = slice(first, first + step // 4)
            out[0] += batch.weight[part].T @ counts[part].astype(np.float64)
        if missing.any():
            _fill(batch, missing, posterior, *out)
    return out


def _features(wanted: Sequence[Wanted], quanta: Floats, frequencies: Frequencies) -> _Features:
    which = [next(i for i, other in enumerate(wanted) if _counted_alike(w, other)) for w in wanted]
    counted = {i: _counted_terms(wanted[i]) for i in sorted(set(which))}
    ident = dict(zip(counted, _identities([*counted.values()]), strict=True))
    first = np.unique(np.concatenate([*ident.values()]), return_index=True)[1]
    joined = {k: np.concatenate([c[k] for c in counted.values()])[first] for k in _SHARED}
    shape = (len(first), len(wanted))
    out = {k: np.zeros(shape) for k in ("weight", "base", "variance")}
    own, part = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for i, (w, q, same) in enumerate(zip(wanted, quanta, which, strict=True)):
        column, at = _weighed(w, q, counted[same]["at"]), ident[same]
        for k, values in out.items():
            values[at, i] = column[k]
        own[at, i], part[at, i] = column["own"], True
    known = frequencies.of(joined["site"], joined["counted"], joined["other"])
    return _Features(joined["row"], joined["allele"], joined["coding"], known, part=part, own=own, **out)


_SHARED = ("row", "allele", "coding", "site", "counted", "other")


def _counted_alike(one: Wanted, two: Wanted) -> bool:
    """Both sums count the same alleles of the same rows, whatever their weights."""
    return one.matches is two.matches and all(
        np.array_equal(a, b) for a, b in ((one.chosen, two.chosen), (one.score.terms.effect, two.score.terms.effect))
    )


def _counted_terms(wanted: Wanted) -> dict[str, Any]:
    """A sum's terms as features: what is counted, and at which terms (`at`)."""
    terms, matches = wanted.score.terms, wanted.matches
    at = np.flatnonzero(matches.open & wanted.chosen)
    effect, turned = terms.effect[at], matches.turned[at]
    # With d copies of the effect allele and c = 2 - d of the other: 2 - c, 1 - [c = 2] (dominant), 1 - [c > 0].
    coding = np.where(turned, np.array([ADDITIVE, RECESSIVE, DOMINANT])[effect], effect)
    return {"row": matches.row[at], "allele": matches.allele[at], "coding": coding.astype(np.int8),
            "site": terms.key[at], "counted": matches.counted[at], "other": matches.other[at], "at": at}  # fmt: skip


def _weighed(wanted: Wanted, q: float, at: Ints) -> dict[str, Floats]:
    """What a sum makes of its terms `at`."""
    terms, turned = wanted.score.terms, wanted.matches.turned[at]
    weight, own = np.rint(terms.weight[at] / q), terms.frequency[at]
    return {
        "weight": np.where(turned, -weight, weight),
        "base": np.where(turned, np.where(terms.effect[at] == ADDITIVE, 2.0, 1.0) * weight, 0.0),
        "own": np.where(turned, 1.0 - own, own),
        "variance": np.zeros(len(at)) if wanted.variance is None else wanted.variance[at],
    }


def _identities(counted: list[dict[str, Any]]) -> list[Ints]:
    """Numbers of features, sorted by row; equal in all that decides a count and its frequency: the same number."""
    import pandas as pd

    sizes = np.cumsum([len(c["row"]) for c in counted])[:-1]
    row, allele, coding, site, effect, other = (np.concatenate([c[k] for c in counted]) for k in _SHARED)
    pair = pd.factorize(effect)[0].astype(np.int64) * (1 << 20) + pd.factorize(other)[0]
    columns = np.stack([row, site, pair, allele.astype(np.int64) * 4 + coding])
    order = np.lexsort(columns[::-1])
    new = (columns[:, order[1:]] != columns[:, order[:-1]]).any(axis=0)
    number = np.empty(len(row), dtype=np.int64)
    number[order] = np.concatenate([[0], np.cumsum(new)]) if len(row) else 0
    return np.split(number, sizes)


def _slice(features: _Features, part: slice) -> _Features:
    return _Features(*(getattr(features, name)[part] for name in features.__dataclass_fields__))


def _counted(batch: _Features, copies: CopiesOf, n: int) -> tuple[npt.NDArray[np.int8], Bools]:
    """(copies as coded, without a call), both (feature, sample); 0 where there is no call."""
    there = batch.row >= 0
    if there.all():
        counts = copies(batch.row, np.abs(batch.allele))
    else:
        counts = np.full((len(batch.row), n), -1, dtype=np.int8)
        if there.any():
            counts[there] = copies(batch.row[there], np.abs(batch.allele[there]))
    base_only = batch.allele < 0
    if base_only.any():  # called: no copies
        counts[base_only] = np.minimum(counts[base_only], 0)
    missing = counts < 0
    counts &= missing.view(np.int8) - np.int8(1)  # no call: 0; np.maximum takes ten times as long
    for coding, least in ((DOMINANT, 1), (RECESSIVE, 2)):
        coded_so = batch.coding == coding
        if coded_so.any():
            counts[coded_so] = counts[coded_so] >= least
    return counts, missing


def copies_in(blocks: Callable[[int], npt.NDArray[np.int8]], height: int) -> CopiesOf:
    """Copies from a function of block numbers that gives allele numbers (row, sample, strand), negative = no call.

    Rows are asked for in ascending order, so one block is held at a time; a pair of strands is looked up as one number.
    """
    held: dict[int, npt.NDArray[np.uint16]] = {}
    tables: dict[int, npt.NDArray[np.int8]] = {}

    def copies(rows: Ints, alleles: Ints) -> npt.NDArray[np.int8]:
        parts = []
        for number in np.unique(rows // height):
            if number not in held:
                held.clear()
                held[number] = np.ascontiguousarray(blocks(int(number))).view(np.uint16)[:, :, 0]
            here = np.flatnonzero(rows // height == number)
            pairs = held[number][rows[here] % height]
            part = np.empty(pairs.shape, dtype=np.int8)
            for allele in np.unique(alleles[here]):
                if allele not in tables:
                    tables[allele] = _copies_of_pairs(allele)
                chosen = alleles[here] == allele
                part[chosen] = tables[allele][pairs if chosen.all() else pairs[chosen]]
            parts.append(part)
        return np.concatenate(parts)

    return copies


def _copies_of_pairs(allele: int) -> npt.NDArray[np.int8]:
    """Of every pair of strands, as the number that its two bytes make: copies of `allele`, -1 without a whole call."""
    strands = np.arange(1 << 16, dtype=np.uint16).view(np.int8).reshape(-1, 2)
    return np.where((strands < 0).any(axis=1), -1, (strands == allele).sum(axis=1)).astype(np.int8)


def _fill(
    batch: _Features, missing: Bools, posterior: Floats, total: Floats, used: Floats, filled: Floats, lost: Floats
) -> None:
    """Adds what stands for absent calls to the sums, in whole quanta; or takes the term out of them."""
    if batch.variance.any():
        for feature, sample in _pieces(missing):
            _add_at(lost, sample, batch.variance[feature], batch.part[feature])
    unknown = np.asarray(np.isnan(batch.frequency).any(axis=1))[:, None] | np.isnan(posterior).any(axis=1)
    told = missing & ~unknown
    for feature, sample in _pieces(told) if posterior.shape[1] else ():
        share = np.einsum("ck,ck->c", batch.frequency[feature], posterior[sample])
        value = np.rint(batch.weight[feature] * expected(share, batch.coding[feature])[:, None])
        _add_at(total, sample, value, batch.part[feature])
        _add_at(filled, sample, np.ones_like(value), batch.part[feature])
    # The others by the file's own frequency, if it has one: alike for all samples.
    untold = missing & ~told if posterior.shape[1] else missing
    own = expected(batch.own, batch.coding[:, None])
    nothing = np.isnan(own)
    alone = np.where(nothing, -batch.base, np.rint(batch.weight * own))
    if alone.any():
        total += alone.T @ untold.astype(np.float64)
    each = untold.astype(np.float32)  # exact: far fewer than 2^24 rows are in work
    for sums, parts, sign in ((used, nothing & batch.part, -1), (filled, ~nothing & batch.part, 1)):
        if parts.any():
            sums += sign * (parts.T.astype(np.float32) @ each)


def _pieces(chosen: Bools) -> Iterator[tuple[Ints, Ints]]:
    """(features, samples) of the chosen cells (feature, sample), some at a time."""
    places = np.flatnonzero(chosen)
    step = max(1, _CELLS // max(chosen.shape[1], 1))
    for start in range(0, len(places), step):
        yield np.divmod(places[start : start + step], chosen.shape[1])


def _add_at(sums: Floats, sample: Ints, values: Floats, inside: Bools) -> None:
    """Adds values (entry, sum) to `sums` (sum, sample) where they are `inside`, at each entry's sample."""
    places = (np.arange(len(sums)) * sums.shape[1] + sample[:, None])[inside]
    sums += np.bincount(places, weights=values[inside], minlength=sums.size).reshape(sums.shape)


def coded(count: Floats, effect: npt.NDArray[np.int8]) -> Floats:
    """Dosage as a term counts it: additive d, dominant min(d, 1), recessive max(d - 1, 0)."""
    return np.where(effect == DOMINANT, np.minimum(count, 1.0),
                    np.where(effect == RECESSIVE, np.maximum(count - 1.0, 0.0), count))  # fmt: skip


def expected(frequency: Floats, effect: npt.NDArray[np.int8]) -> Floats:
    """Expected coded dosage at Hardy-Weinberg proportions: 2p, 1 - (1-p)^2, p^2."""
    return np.where(effect == DOMINANT, 1.0 - (1.0 - frequency) ** 2,
                    np.where(effect == RECESSIVE, frequency**2, 2.0 * frequency))  # fmt: skip


def variance(frequency: Floats, effect: npt.NDArray[np.int8]) -> Floats:
    """Variance of the coded dosage at Hardy-Weinberg proportions: 2p(1-p), q(1-q) of a coded 0 or 1."""
    mean = expected(frequency, effect)
    return np.where(effect == ADDITIVE, 2.0 * frequency * (1.0 - frequency), mean * (1.0 - mean))
