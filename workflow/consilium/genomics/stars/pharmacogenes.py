"""Star-allele calls of a cohort: one finding per patient and gene, each with what was not tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consilium.genomics.stars.alleles import Codes, Match, Pair, diplotype, match, match_one, natural
from consilium.genomics.stars.certainty import could_be, settle
from consilium.genomics.stars.copies import FEMALE, MALE, UNKNOWN, Copies, copies_of, one_strand
from consilium.genomics.stars.lowest import lowest_one, match_lowest
from consilium.genomics.stars.observed import UNDOCUMENTED, UNPHASED, UNTESTED, Observed
from consilium.genomics.stars.phenotypes import meaning, phenotype
from consilium.genomics.stars.tables import Gene

# Probability that untested positions or unknown phase hide another phenotype: up to the first the gene is called,
# up to the second it is called with a qualification, beyond that it is not called.
CALLED_UP_TO = 0.005
QUALIFIED_UP_TO = 0.10
NEGLIGIBLE = 0.02  # of equally scored pairs, those whose phenotype is less probable are not reported (but counted)
CALLED, QUALIFIED, NOT_CALLED = "called", "qualified", "not_called"

# SLCO1B1: one variant decides the guideline when the bases fit no pair of alleles.
FALL_BACK = {"SLCO1B1": ("rs4149056", ("*1", "*5"))}


@dataclass(frozen=True)
class Finding:
    """What is said of one gene of one person. activity_score and excluded_probability: NaN = none / unknown.

    extra: genotypes of positions that define no allele, but that a guideline asks for. origin: genotypes, or outside
    call.
    """

    gene: str
    diplotypes: tuple[str, ...]
    phenotypes: tuple[str, ...]
    activity_score: float
    call: str
    excluded_probability: float
    untested: tuple[dict[str, Any], ...]
    phased: bool | None
    reason: str
    source: str
    extra: tuple[dict[str, str], ...] = ()
    origin: str = "genotypes"

    def to_dict(self) -> dict[str, Any]:
        """As in pharmacogenes.json."""
        return {
            "gene": self.gene,
            "diplotypes": list(self.diplotypes),
            "phenotypes": list(self.phenotypes),
            "activity_score": self.activity_score,
            "call": self.call,
            "excluded_probability": self.excluded_probability,
            "untested": list(self.untested),
            "phased": self.phased,
            "source": self.source,
            "reason": self.reason,
            "extra": list(self.extra),
            "origin": self.origin,
        }


def source_of(gene: Gene) -> str:
    functions = "" if gene.assigned in ("none", gene.version) else f", functions {gene.assigned}"
    return f"ClinPGx/CPIC allele definitions {gene.version}{functions} (GRCh38)"


def not_called(gene: Gene, reason: str) -> Finding:
    """For a patient of whom nothing is known: every position is untested."""
    nothing = np.full((len(gene.loci), 2), UNTESTED, dtype=np.int8)
    untested = tuple(_untested(gene, Match((), (), None), nothing)) if gene.loci else ()
    return Finding(gene.name, (), (), math.nan, NOT_CALLED, math.nan, untested, None, reason, source_of(gene))


def call_cohort(gene: Gene, observed: Observed, sexes: Sequence[str] | None = None) -> list[Finding]:
    """One finding per sample, in order; sexes: female, male or unknown (of all, by default). Persons with the same
    bases and phase are worked out once."""
    codes, block = observed.codes, observed.block
    people = np.array(sexes if sexes is not None and gene.copies != "2" else [UNKNOWN] * len(codes))
    het = (codes[:, :, 0] != codes[:, :, 1]) & (codes >= 0).all(axis=2)
    block = np.where(het & (het.sum(axis=1) > 1)[:, None], block, 0)
    kind = np.stack([observed.haploid, people == MALE, people == FEMALE], axis=1)
    known: dict[bytes, Finding] = {}
    findings = []
    for i in range(len(codes)):
        key = codes[i].tobytes() + block[i].tobytes() + kind[i].tobytes()
        if key not in known:
            copies = copies_of(gene, codes[i], bool(observed.haploid[i]), str(people[i]))
            known[key] = call(gene, codes[i], block[i], copies)
        findings.append(known[key])
    return findings


def call(gene: Gene, codes: Codes, block: np.ndarray, copies: Copies = Copies(2)) -> Finding:  # noqa: B008
    """The finding of one person: codes (locus, strand), block (locus,) as in `Observed`."""
    found = _match(gene, codes, block, copies)
    if not found.pairs and gene.name in FALL_BACK and found.strands:
        found = _fall_back(gene, codes, found)
    if not found.pairs:
        return _silent(gene, found, codes, math.nan, found.failure)
    found, p = settle(gene, found, NEGLIGIBLE)
    untested = tuple(_untested(gene, found, codes))
    values = [phenotype(gene, *(gene.alleles[a] for a in pair)) for pair in found.pairs]
    verdict, reason = _verdict(gene, found, values, p, untested)
    if verdict == NOT_CALLED:
        return _silent(gene, found, codes, p, reason)
    scores = {score for _, score in values}
    return Finding(
        gene.name,
        _unique(sorted((diplotype(gene, pair) for pair in found.pairs), key=natural)),
        _unique(sorted(name for name, _ in values)),
        scores.pop() if len(scores) == 1 else math.nan,
        verdict, p, untested, found.phased, reason, source_of(gene),
    )  # fmt: skip


def _match(gene: Gene, codes: Codes, block: np.ndarray, copies: Copies) -> Match:
    if copies.failure:
        return Match((), (), None, copies.failure)
    if copies.number == 1:
        found = (lowest_one if gene.strategy == "lowest_function" else match_one)(gene, one_strand(codes))
    else:
        found = (match_lowest if gene.strategy == "lowest_function" else match)(gene, codes, block)
        if not found.pairs and found.phased and found.strands and (block == 0).any():
            found = _without_phase(gene, codes, block, found)
    return replace(found, notes=(*found.notes, copies.note), qualified=True) if copies.note else found


def _without_phase(gene: Gene, codes: Codes, block: np.ndarray, found: Match) -> Match:
    """A match that fits if the phase of the file is disregarded, qualified; `found` where there is none.

    A phase without a phase set comes from statistics, which err for rare variants; one read from reads has a set.
    """
    loose = match(gene, codes, np.where(block == 0, UNPHASED, block))
    note = "no pair of alleles fits the phase given; it is disregarded"
    return replace(loose, notes=(*loose.notes, note), qualified=True) if loose.pairs else found


def _silent(gene: Gene, found: Match, codes: Codes, p: float, reason: str) -> Finding:
    untested = tuple(_untested(gene, found, codes))
    return Finding(gene.name, (), (), math.nan, NOT_CALLED, p, untested, found.phased, reason, source_of(gene))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _verdict(
    gene: Gene, found: Match, values: Sequence[tuple[str, float]], p: float, untested: Sequence[dict[str, Any]]
) -> tuple[str, str]:
    """Call and reason. An unknown probability with open positions counts as too large: never assume the best."""
    reasons = list(found.notes)
    if len({v[0] for v in values}) > 1:
        reasons.append("the data allow several phenotypes")
    elif not gene.phenotype_of and len({meaning(gene, *pair) for pair in found.pairs}) > 1:
        reasons.append("the data allow several diplotypes")
    open_alleles = _by_weight(gene, found, {name for u in untested for name in u["could_be"]})
    if math.isnan(p) and open_alleles and found.strands:
        return NOT_CALLED, f"cannot exclude {open_alleles}: population frequency unknown"
    if p > CALLED_UP_TO:
        cause = f"cannot exclude {open_alleles}" if open_alleles else "another phase cannot be excluded"
        reasons.append(f"{cause} (p = {p:.2g})")
    if p > QUALIFIED_UP_TO:
        return NOT_CALLED, "; ".join(reasons)
    return (QUALIFIED, "; ".join(reasons)) if reasons else (CALLED, "")


def _by_weight(gene: Gene, found: Match, names: set[str], most: int = 4) -> str:
    """Open alleles of another function than the reported ones, the most frequent first; where no phenotype is
    assigned, open alleles of another name."""
    told_by = gene.functions if gene.phenotype_of else gene.core
    reported = {told_by[a] for pair in found.pairs for a in pair}
    weight: dict[str, float] = {}
    for i, name in enumerate(gene.core):
        if name in names and told_by[i] not in reported:
            weight[name] = max(weight.get(name, 0.0), float(np.nan_to_num(gene.frequencies[:, i].max())))
    ranked = sorted(weight, key=lambda n: (-weight[n], natural(n)))
    return ", ".join(ranked[:most]) + (f" and {len(ranked) - most} more" if len(ranked) > most else "")


def _untested(gene: Gene, found: Match, codes: Codes) -> list[dict[str, Any]]:
    clean = np.where(codes == UNDOCUMENTED, 0, codes)
    return [
        {"position": gene.loci[i].name, "rsid": gene.loci[i].rsid, "could_be": names}
        for i, names in could_be(gene, found, clean)
    ]


def _fall_back(gene: Gene, codes: Codes, found: Match) -> Match:
    """The pair that one deciding variant alone implies, for genes that have such a rule."""
    rsid, names = FALL_BACK[gene.name]
    at = gene.locus(rsid)
    if at is None or (codes[at] < 0).any():
        return found
    a, b = sorted(gene.alleles.index(names[int(code > 0)]) for code in codes[at])
    pair: Pair = (a, b)
    note = f"no pair of alleles fits; looked up by {rsid} alone"
    return Match((pair,), (), found.phased, "", (*found.notes, note), True)
