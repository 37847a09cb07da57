"""Polygenic scores: matching a score's variants to the cohort's sites, and summing weighted dosages per patient.

A variant matches on chromosome, position and both alleles, in either order; strands are never flipped (positions are
GRCh38 and calls are on its forward strand, so a flip would hide an error), and A/T and C/G substitutions are left out,
as strand errors in the scoring file cannot be seen there. Only autosomes count: dosage on X depends on sex and on how
the file codes it. Nothing is taken from the cohort itself: one patient alone scores the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.genotypes import Genotypes, Record, bare
from consilium.genomics.intake.panel import Panel
from consilium.genomics.scores.scoring_file import DOMINANT, RECESSIVE, ScoringFile, Term

MIN_OVERLAP = 0.75
AUTOSOMES = frozenset(str(i) for i in range(1, 23))
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_BATCH = 2000  # variants read at a time

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """How one term fared. row and allele: variant row and allele number whose copies are counted; -1 = not used.

    match: effect allele is alternative / reference, effect allele only, ambiguous, other alleles, not found,
    no position, not autosomal, duplicate.
    """

    term: Term
    match: str
    row: int = -1
    allele: int = -1

    @property
    def used(self) -> bool:
        return self.row >= 0


USED = ("effect allele is alternative", "effect allele is reference", "effect allele only")


def match_score(score: ScoringFile, genotypes: Genotypes) -> list[Found]:
    """One entry per term, in file order."""
    wanted = [t for t in score.terms if t.chrom in AUTOSOMES]
    rows = genotypes.rows_at(np.array([t.chrom for t in wanted]), np.array([t.pos for t in wanted], dtype=np.int64))
    at: dict[tuple[str, int], list[Record]] = {}
    for record in genotypes.records(rows):
        at.setdefault((record.chrom, record.pos), []).append(record)
    found = [_match(term, at.get((term.chrom, term.pos), [])) for term in score.terms]
    hits = Counter((f.row, f.allele) for f in found if f.used)
    per_row = Counter(f.row for f in found if f.used)
    # Two terms on one variant (same allele, or its two alleles): neither is certain to be meant.
    return [
        Found(f.term, "duplicate") if f.used and (hits[(f.row, f.allele)] > 1 or _both_sides(f, found, per_row)) else f
        for f in found
    ]


def _both_sides(one: Found, found: Sequence[Found], per_row: Counter[int]) -> bool:
    """Another term counts the other allele of the same pair in the same record."""
    if per_row[one.row] < 2:
        return False
    pair = {one.term.effect_allele, one.term.other_allele}
    same = [f for f in found if f.row == one.row and {f.term.effect_allele, f.term.other_allele} == pair]
    return len(same) > 1


def _match(term: Term, records: Sequence[Record]) -> Found:
    if not term.chrom:
        return Found(term, "no position")
    if term.chrom not in AUTOSOMES:
        return Found(term, "not autosomal")
    if not records:
        return Found(term, "not found")
    if ambiguous(term.effect_allele, term.other_allele):
        return Found(term, "ambiguous")
    for record in records:  # every alternative of every record: a multi-allelic site has several
        names = [a.upper() for a in record.alleles]
        for i, alternative in enumerate(names[1:], start=1):
            if (names[0], alternative) == (term.other_allele, term.effect_allele):
                return Found(term, USED[0], record.row, i)
            if (names[0], alternative) == (term.effect_allele, term.other_allele):
                return Found(term, USED[1], record.row, 0)
    if not term.other_allele:
        return _match_effect_only(term, records)
    return Found(term, "other alleles")


def _match_effect_only(term: Term, records: Sequence[Record]) -> Found:
    """Without an other allele: the effect allele must be one of the two at a biallelic site."""
    for record in records:
        names = [a.upper() for a in record.alleles]
        if len(names) == 2 and term.effect_allele in names:
            if ambiguous(*names):
                return Found(term, "ambiguous")
            return Found(term, USED[2], record.row, names.index(term.effect_allele))
    return Found(term, "other alleles")


def ambiguous(first: str, second: str) -> bool:
    """A/T or C/G: the same pair on both strands."""
    return len(first) == 1 and len(second) == 1 and first.translate(_COMPLEMENT) == second


@dataclass(frozen=True)
class Fill:
    """Effect-allele frequencies for missing calls.

    own (term,): from the scoring file. panel (term, population): from the allele-frequency reference. posterior
    (sample, population): the sample's ancestry. NaN: not known.
    """

    own: Floats
    panel: Floats
    posterior: Floats

    def share(self, term: int) -> Floats:
        """(sample,): the reference's frequency weighted by the sample's ancestry; else the file's; else NaN."""
        weighted = self.posterior @ self.panel[term] if self.panel.shape[1] else np.full(len(self.posterior), np.nan)
        return np.where(np.isnan(weighted), self.own[term], weighted)


def fill_of(found: Sequence[Found], panel: Panel | None, posterior: Floats) -> Fill:
    """Frequencies of the effect alleles of `found`; posterior (sample, population of the panel)."""
    own = np.array([f.term.frequency for f in found], dtype=np.float64)
    if panel is None:
        return Fill(own, np.empty((len(found), 0)), np.empty((len(posterior), 0)))
    at = {(bare(str(c)), int(p)): i for i, (c, p) in enumerate(zip(panel.chrom, panel.pos, strict=True))}
    out = np.full((len(found), len(panel.populations)), np.nan)
    for i, f in enumerate(found):
        site = at.get((f.term.chrom, f.term.pos))
        if site is None or not f.used:
            continue
        pair, other = (str(panel.ref[site]), str(panel.alt[site])), f.term.other_allele
        if f.term.effect_allele == pair[1] and other in ("", pair[0]):
            out[i] = panel.frequency[site]
        elif f.term.effect_allele == pair[0] and other in ("", pair[1]):
            out[i] = 1.0 - panel.frequency[site]
    return Fill(own, out, posterior)


@dataclass(frozen=True)
class Scores:
    """Per sample: sum of weight x dosage, terms used, of these filled from a frequency."""

    sum: Floats
    n_used: npt.NDArray[np.int64]
    n_filled: npt.NDArray[np.int64]


def add_up(found: Sequence[Found], genotypes: Genotypes, fill: Fill) -> Scores:
    """Scores of every sample; a missing call is filled by `fill`, or the term is not used for that sample.

    Summed in the order of rows, batch by batch: the same bytes whatever the machine.
    """
    n = len(genotypes.samples)
    total, used, filled = np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    order = sorted((i for i, f in enumerate(found) if f.used), key=lambda i: (found[i].row, i))
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        for i, count in zip(batch, dosages([found[i] for i in batch], genotypes), strict=True):
            term, missing = found[i].term, np.isnan(count)
            value = coded(count, term.effect)
            if missing.any():
                value = np.where(missing, expected(fill.share(i), term.effect), value)
            known = ~np.isnan(value)
            total += np.where(known, term.weight * value, 0.0)
            used += known
            filled += known & missing
    return Scores(total, used, filled)


def dosages(found: Sequence[Found], genotypes: Genotypes) -> Floats:
    """(term, sample): copies of the counted allele, 0 to 2; NaN where a strand has no call or is absent."""
    rows = np.array([f.row for f in found])
    distinct, inverse = np.unique(rows, return_inverse=True)
    calls = genotypes.calls(distinct)[inverse]
    wanted = np.array([f.allele for f in found])[:, None, None]
    copies = (calls == wanted).sum(axis=2).astype(np.float64)
    return np.where((calls < 0).any(axis=2), np.nan, copies)


def coded(count: Floats, effect: str) -> Floats:
    """Dosage as the term counts it: additive d, dominant min(d, 1), recessive max(d - 1, 0)."""
    if effect == DOMINANT:
        return np.minimum(count, 1.0)
    return np.maximum(count - 1.0, 0.0) if effect == RECESSIVE else count


def expected(frequency: Floats, effect: str) -> Floats:
    """Expected coded dosage at Hardy-Weinberg proportions: 2p, 1 - (1-p)^2, p^2."""
    if effect == DOMINANT:
        return 1.0 - (1.0 - frequency) ** 2
    return frequency**2 if effect == RECESSIVE else 2.0 * frequency
