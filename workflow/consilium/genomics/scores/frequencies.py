"""Allele frequencies of reference populations at the sites of scores: never the cohort's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.panel import Panel
from consilium.genomics.scores.scoring_file import site_keys

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[Any]


def pairs_at(sorted_keys: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """Every (index into `wanted`, index into `sorted_keys`) with equal keys; negative keys meet nothing."""
    low = np.searchsorted(sorted_keys, wanted, side="left")
    met = np.flatnonzero((wanted >= 0) & (np.append(sorted_keys, -1)[low] == wanted))
    low = low[met]
    counts = np.searchsorted(sorted_keys, wanted[met], side="right") - low
    left = np.repeat(np.arange(len(met)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return met[left], low[left] + within


@dataclass(frozen=True)
class Frequencies:
    """Frequencies of `alt` by reference population at sites sorted by key.

    key, ref, alt (site,); populations: names; values (site, population), NaN = not known.
    """

    key: Ints
    ref: Texts
    alt: Texts
    populations: tuple[str, ...]
    values: Floats

    def of(self, key: Ints, counted: Texts, other: Texts) -> Floats:
        """(term, population) frequency of the counted allele; NaN where no site has both alleles ("" = any)."""
        out = np.full((len(key), len(self.populations)), np.nan)
        term, site = pairs_at(self.key, key)
        ref, alt, c, o = self.ref[site], self.alt[site], counted[term], other[term]
        direct = (c == alt) & ((o == ref) | (o == ""))
        turned = (c == ref) & ((o == alt) | (o == ""))
        out[term[direct]] = self.values[site[direct]]
        out[term[turned]] = 1.0 - self.values[site[turned]]
        return out

    def know(self, key: Ints, counted: Texts, other: Texts) -> npt.NDArray[np.bool_]:
        """(term,) a site with both alleles, its frequency known in every population."""
        if not self.populations:
            return np.zeros(len(key), dtype=bool)
        return np.asarray(~np.isnan(self.of(key, counted, other)).any(axis=1))

    def over(self, second: Frequencies) -> Frequencies:
        """These, and `second` at sites that these do not have; populations by name, unknown ones NaN."""
        values = np.full((len(second.key), len(self.populations)), np.nan)
        for k, name in enumerate(self.populations):
            if name in second.populations:
                values[:, k] = second.values[:, second.populations.index(name)]
        kept = ~np.isin(second.key, self.key)
        key = np.concatenate([self.key, second.key[kept]])
        order = np.argsort(key, kind="stable")
        ref, alt = np.concatenate([self.ref, second.ref[kept]]), np.concatenate([self.alt, second.alt[kept]])
        return Frequencies(key[order], ref[order], alt[order], self.populations,
                           np.concatenate([self.values, values[kept]])[order])  # fmt: skip


def no_frequencies(populations: Sequence[str] = ()) -> Frequencies:
    nothing = np.empty(0, dtype=object)
    return Frequencies(np.empty(0, dtype=np.int64), nothing, nothing, tuple(populations),
                       np.empty((0, len(populations))))  # fmt: skip


def of_panel(panel: Panel) -> Frequencies:
    """The allele-frequency reference, whose sites are sorted already."""
    chrom = np.array([CONTIGS.index(str(c)) for c in panel.chrom], dtype=np.int64)
    return Frequencies(site_keys(chrom, panel.pos), panel.ref.astype(object), panel.alt.astype(object),
                       panel.populations, panel.frequency)  # fmt: skip
