"""Matches the variants of a score to the cohort's sites: by position and both alleles, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.scores.allele_codes import AlleleCodes, Codes
from consilium.genomics.scores.frequencies import Frequencies, pairs_at
from consilium.genomics.scores.scoring_file import ScoringFile, Terms

AUTOSOMES = 22  # contigs below this number
NEAR_HALF = 0.08  # a frequency closer to .5 tells no strand (tolerance of TwoSampleMR, doi 10.7554/eLife.34408)

# Codes of Matches.match, best first; up to REFERENCE_ONLY the variant counts where a patient is called.
ALTERNATIVE, REFERENCE, EFFECT_ONLY, FLIPPED_ALTERNATIVE, FLIPPED_REFERENCE, REFERENCE_ONLY = range(6)
FLIPPED, OTHER, NOT_FOUND, AMBIGUOUS, DUPLICATE, NOT_AUTOSOMAL, NO_POSITION, NOT_LIFTED = range(6, 14)
NAMES = (
    "effect allele is alternative", "effect allele is reference", "effect allele only",
    "other strand: effect allele is alternative", "other strand: effect allele is reference", "reference base only",
    "other strand", "other alleles", "not found", "ambiguous", "duplicate", "not autosomal", "no position",
    "no place in GRCh38",
)  # fmt: skip

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[Any]


@dataclass(frozen=True)
class Rules:
    """What the user chose. ambiguous: drop A/T and C/G variants, or decide their strand by frequency. flips: use
    variants whose alleles fit only on the other strand."""

    ambiguous: str = "drop"
    flips: bool = False


@dataclass(frozen=True)
class Sites:
    """The alternatives of some rows of the store: one entry a row and alternative, sorted by site, row, alternative.

    key (entry,) as `site_keys`; row (entry,); allele (entry,) number of the alternative, -1 where the row has none
    (alt "": only the reference base was seen); ref, alt (entry,) upper-case text (numbers while `match` works).
    """

    key: Ints
    row: Ints
    allele: Ints
    ref: Texts
    alt: Texts


def sites_of(rows: Ints, key: Ints, alleles: Texts) -> Sites:
    """Entries of rows with alleles (row, number): REF first, "" where a row has fewer."""
    named = alleles.astype(object)
    named[named == "."] = ""
    if named.shape[1] == 1:  # nobody at all has an alternative
        named = np.concatenate([named, np.full_like(named, "")], axis=1)
    present = named[:, 1:] != ""
    present[:, :1] |= ~present.any(axis=1, keepdims=True)  # a row without an alternative keeps one entry
    at, number = np.nonzero(present)
    order = np.lexsort((number, rows[at], key[at]))
    at, number = at[order], number[order]
    ref, alt = _upper(named[at, 0]), _upper(named[at, number + 1])
    return Sites(key[at], rows[at], np.where(alt == "", -1, number + 1).astype(np.int64), ref, alt)


def _upper(texts: Texts) -> Texts:
    import pandas as pd

    codes, values = pd.factorize(texts)
    return np.array([value.upper() for value in values], dtype=object)[codes]


@dataclass(frozen=True)
class Matches:
    """How each term fared. row, allele (term,): the row and the alternative whose copies are counted; row -1 = none,
    allele -1 = the row shows the reference base alone. turned (term,): the effect allele is the reference, so its
    copies are 2 minus those counted. counted, other (term,): the counted allele and the one beside it, on the strand
    of the store (of the file where there is no row). used: counts in patients with a call. open: counts in all for
    whom a call or a frequency is known.
    """

    match: npt.NDArray[np.int8]
    row: Ints
    allele: Ints
    turned: Bools
    counted: Texts
    other: Texts

    @property
    def used(self) -> Bools:
        return self.match <= REFERENCE_ONLY

    @property
    def open(self) -> Bools:
        return self.match <= NOT_FOUND

    @cached_property
    def lost(self) -> str:
        """Counts of what is not used, in words, most frequent first. Every patient's row quotes it."""
        counts = {NAMES[m]: int(n) for m, n in enumerate(np.bincount(self.match[~self.used])) if n}
        return ", ".join(f"{n} {w}" for w, n in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))) or "no calls"


def match(score: ScoringFile, sites: Sites, rules: Rules, frequencies: Frequencies) -> Matches:
    """One entry per term. Nothing but the term, the sites at its position and `frequencies` decides."""
    terms = score.terms
    words = AlleleCodes(terms.effect_allele, terms.other_allele, sites.ref, sites.alt)
    named, beside, ref, alt = words.arrays
    sites = replace(sites, ref=ref, alt=alt)
    effect, other, undecided = _on_strand(terms, named, beside, words, rules, frequencies)
    term, entry = pairs_at(sites.key, terms.key)
    real = frequencies.know(terms.key, words.texts[effect], words.texts[other]) & (other != words.none)
    grade = _grades(effect[term], other[term], real[term], sites, entry, words, rules)
    best = np.lexsort((entry, grade, term))
    first = best[np.unique(term[best], return_index=True)[1]]
    kind = np.full(len(terms), NOT_FOUND, dtype=np.int8)
    place = np.full(len(terms), -1, dtype=np.int64)
    kind[term[first]], place[term[first]] = grade[first], entry[first]
    alone = (kind == EFFECT_ONLY) & words.ambiguous(ref[place], alt[place]) if len(sites.key) else np.False_
    kind = np.where(undecided | alone, AMBIGUOUS, kind)
    kind = np.where(_named_twice(terms.key, named, beside), DUPLICATE, kind)
    kind = np.where(terms.chrom >= AUTOSOMES, NOT_AUTOSOMAL, np.where(terms.key < 0, NO_POSITION, kind))
    kind = np.where(terms.without_place, NOT_LIFTED, kind)
    return _with_duplicates(_assembled(kind.astype(np.int8), place, effect, other, sites, words))


def _on_strand(
    terms: Terms, effect: Codes, other: Codes, words: AlleleCodes, rules: Rules, frequencies: Frequencies
) -> tuple[Codes, Codes, Bools]:
    """(effect allele, other allele, undecided) with ambiguous pairs turned to the reference's strand, where it is told.

    The file's frequency of the effect allele and the reference's of the same base must lie on one side of .5, or on
    opposite sides (the other strand), in every reference population, and none near .5.
    """
    pair = words.ambiguous(effect, other)
    if rules.ambiguous == "drop" or not pair.any() or not frequencies.populations:
        return effect, other, pair
    known = frequencies.of(terms.key, terms.effect_allele, terms.other_allele)
    file = terms.frequency
    with np.errstate(invalid="ignore"):
        low, high = known.min(axis=1), known.max(axis=1)
        below, above = high < 0.5 - NEAR_HALF, low > 0.5 + NEAR_HALF
        rare, common = file < 0.5 - NEAR_HALF, file > 0.5 + NEAR_HALF
    same, opposite = (below & rare) | (above & common), (below & common) | (above & rare)
    turn = pair & opposite
    return np.where(turn, other, effect), np.where(turn, effect, other), pair & ~same & ~opposite


def _grades(
    effect: Codes, other: Codes, real: Bools, sites: Sites, entry: Ints, words: AlleleCodes, rules: Rules
) -> npt.NDArray[np.int8]:
    """Code of each (term, entry) pair, lower is better; alleles as numbers of `words`, those of `sites` too.

    real: the frequency reference knows both alleles of the term here; then a call at a row with another alternative
    also tells that the term's own is not carried. Without that, only a row without any alternative does.
    """
    ref, alt, allele, none = sites.ref[entry], sites.alt[entry], sites.allele[entry], words.none
    entries_of_row = np.unique(sites.row, return_inverse=True, return_counts=True)
    single = (entries_of_row[2][entries_of_row[1]] == 1)[entry] if len(entry) else np.empty(0, dtype=bool)
    flipped_effect, flipped_other = words.complements[effect], words.complements[other]
    turned = rules.flips & (other != none)
    out = np.full(len(entry), OTHER, dtype=np.int8)
    short = np.all([words.lengths[codes] < 2 for codes in (ref, alt, effect, other)], axis=0)
    bases = short & (real | (alt == none))
    for code, holds in (
        (FLIPPED, (other != none) & _either(ref, alt, flipped_effect, flipped_other)),
        (REFERENCE_ONLY, turned & bases & _one_of(ref, flipped_effect, flipped_other)),
        (REFERENCE_ONLY, bases & (((other != none) & (ref == other)) | (ref == effect))),
        (FLIPPED_REFERENCE, turned & (ref == flipped_effect) & (alt == flipped_other)),
        (FLIPPED_ALTERNATIVE, turned & (ref == flipped_other) & (alt == flipped_effect)),
        (EFFECT_ONLY, (other == none) & single & (allele == 1) & ((effect == ref) | (effect == alt))),
        (REFERENCE, (ref == effect) & (alt == other) & (alt != none)),
        (ALTERNATIVE, (ref == other) & (alt == effect)),
    ):
        out[holds] = code
    # Without the other allele a second base is not known: a row of several, or of the reference alone, settles nothing.
    out[(other == none) & (out == REFERENCE_ONLY) & ~((ref == effect) & (allele == -1))] = OTHER
    return out


def _either(ref: Codes, alt: Codes, first: Codes, second: Codes) -> Bools:
    return ((ref == first) & (alt == second)) | ((ref == second) & (alt == first))


def _one_of(ref: Codes, first: Codes, second: Codes) -> Bools:
    return (ref == first) | (ref == second)


def _named_twice(key: Ints, effect: Codes, other: Codes) -> Bools:
    """(term,) another term names the same position and the same pair of alleles: neither is certain to be meant."""
    import pandas as pd

    named = pd.DataFrame({"key": key, "first": np.minimum(effect, other), "second": np.maximum(effect, other)})
    return np.asarray(named.duplicated(keep=False) & (key >= 0), dtype=bool)


def _assembled(
    kind: npt.NDArray[np.int8], place: Ints, effect: Codes, other: Codes, sites: Sites, words: AlleleCodes
) -> Matches:
    """The matches, alleles as text again."""
    used = kind <= REFERENCE_ONLY
    row, allele = np.full(len(kind), -1, dtype=np.int64), np.full(len(kind), -1, dtype=np.int64)
    row[used] = sites.row[place[used]]
    ref = np.full(len(kind), words.none)
    ref[used] = sites.ref[place[used]]
    whole = used & (kind != REFERENCE_ONLY)
    allele[whole] = sites.allele[place[whole]]
    flipped = np.isin(kind, (FLIPPED_ALTERNATIVE, FLIPPED_REFERENCE)) | (
        (kind == REFERENCE_ONLY) & (ref != effect) & (ref != other)
    )
    effect, other = (np.where(flipped, words.complements[codes], codes) for codes in (effect, other))
    only = kind == EFFECT_ONLY
    alt = effect.copy()
    alt[only] = sites.alt[place[only]]
    turned = used & (ref == effect) & ~(only & (alt == effect))
    counted = np.where(only, alt, np.where(turned, other, effect))
    beside = np.where(only, ref, np.where(turned, effect, other))
    return Matches(kind, row, allele, turned, words.texts[counted], words.texts[beside])


def _with_duplicates(matches: Matches) -> Matches:
    """Terms that count the same alternative of the same row (one named without its other allele) are duplicates."""
    import pandas as pd

    twice = pd.DataFrame({"row": matches.row, "allele": matches.allele}).duplicated(keep=False).to_numpy()
    twice &= matches.allele > 0
    kind = np.where(twice, DUPLICATE, matches.match).astype(np.int8)
    return replace(matches, match=kind, row=np.where(twice, -1, matches.row))
