"""Star-allele calls of a cohort: one finding per patient and gene, each with what was not tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consilium.genomics.stars.alleles import (
    Codes,
    Match,
    Pair,
    diplotype,
    match,
    match_one,
    natural,
    strands_differ,
)
from consilium.genomics.stars.alternatives import also_fits
from consilium.genomics.stars.certainty import Hidden, Weights, could_be, frequent, hidden_besides, settle
from consilium.genomics.stars.combinations import combined
from consilium.genomics.stars.copies import FEMALE, MALE, TWO, UNKNOWN, Copies, copies_of, one_strand
from consilium.genomics.stars.lowest import lowest_one, match_lowest
from consilium.genomics.stars.observed import UNDOCUMENTED, UNPHASED, UNTESTED, Observed
from consilium.genomics.stars.phenotypes import INDETERMINATE, NOT_ASSIGNED, meaning, phenotype
from consilium.genomics.stars.tables import Gene

# Probability that untested positions or unknown phase hide another phenotype: up to the first the gene is called,
# up to the second it is called with a qualification, beyond that it is not called. The first: over the twenty genes of
# a report, at most one patient in twenty has something hidden behind a call.
CALLED_UP_TO = 0.05 / 20
QUALIFIED_UP_TO = 0.10
NEGLIGIBLE = 0.02  # of equally scored pairs, those whose phenotype is less probable are not reported (but counted)
CALLED, QUALIFIED, NOT_CALLED = "called", "qualified", "not_called"

COMBINED = "research: no pair of defined alleles fits; a combination, of which nobody has assigned the function"
# SLCO1B1: one variant decides the guideline when the bases fit no pair of alleles.
FALL_BACK = {"SLCO1B1": ("rs4149056", ("*1", "*5"))}
# UGT1A1: rs887829 (*80) nearly always comes with the TA repeat of *28 or *37; alone it makes one doubt the repeat.
DOUBTED = {"UGT1A1": ("*80", "rs887829 without the TA repeat that comes with it (*28, *37): the repeat may be misread")}


@dataclass(frozen=True)
class Finding:
    """What is said of one gene of one person. activity_score and excluded_probability: NaN = none / unknown.

    extra: genotypes of positions that define no allele, but that a guideline asks for. origin: genotypes, or outside
    call. also_fits: pairs of other phenotypes that the data do not exclude, however improbable. weighed_by: weights of
    the populations whose frequencies are behind excluded_probability; () = the largest over all of them.
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
    also_fits: tuple[str, ...] = ()
    weighed_by: tuple[tuple[str, float], ...] = ()

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
            "also_fits": list(self.also_fits),
            "weighed_by": dict(self.weighed_by),
        }


def source_of(gene: Gene) -> str:
    functions = "" if gene.assigned in ("none", gene.version) else f", functions {gene.assigned}"
    return f"ClinPGx/CPIC allele definitions {gene.version}{functions} (GRCh38)"


def not_called(gene: Gene, reason: str) -> Finding:
    """For a patient of whom nothing is known: every position is untested."""
    nothing = np.full((len(gene.loci), 2), UNTESTED, dtype=np.int8)
    untested = tuple(_untested(gene, Match((), (), None), nothing)) if gene.loci else ()
    return Finding(gene.name, (), (), math.nan, NOT_CALLED, math.nan, untested, None, reason, source_of(gene))


def call_cohort(
    gene: Gene,
    observed: Observed,
    sexes: Sequence[str] | None = None,
    weights: Sequence[Weights | None] | None = None,
    combinations: bool = False,
) -> list[Finding]:
    """One finding per sample, in order. Persons with the same bases, phase and weights are worked out once.

    sexes: female, male or unknown (of all, by default). weights: ancestry of each over the gene's populations, None =
    not known. combinations: name them where no pair of alleles fits.
    """
    codes, block = observed.codes, observed.block
    people = np.array(sexes if sexes is not None and gene.copies != "2" else [UNKNOWN] * len(codes))
    differ = strands_differ(codes)
    block = np.where(differ & (differ.sum(axis=1) > 1)[:, None], block, 0)
    kind = np.stack([observed.haploid, people == MALE, people == FEMALE], axis=1)
    known: dict[bytes, Finding] = {}
    findings = []
    for i in range(len(codes)):
        weight = weights[i] if weights is not None and _weighed(gene) else None
        key = codes[i].tobytes() + block[i].tobytes() + kind[i].tobytes()
        key += b"" if weight is None else weight.tobytes()
        if key not in known:
            copies = copies_of(gene, codes[i], bool(observed.haploid[i]), str(people[i]))
            made = call(gene, codes[i], block[i], copies, weight, combinations)
            known[key] = made if weight is None else replace(made, weighed_by=weighed_by(gene, weight))
        findings.append(known[key])
    return findings


def _weighed(gene: Gene) -> bool:
    return not bool(np.isnan(gene.frequencies).any())


def weighed_by(gene: Gene, weights: Weights) -> tuple[tuple[str, float], ...]:
    """As in `Finding`."""
    return tuple((name, round(float(w), 2)) for name, w in zip(gene.populations, weights, strict=True))


def call(
    gene: Gene,
    codes: Codes,
    block: np.ndarray,
    copies: Copies = TWO,
    weights: Weights | None = None,
    combinations: bool = False,
    by_frequency: bool = False,
) -> Finding:
    """The finding of one person: codes (locus, strand), block (locus,) as in `Observed`; the rest as `call_cohort`.

    by_frequency: of the pairs that fit, the probable ones are reported, not those of the best score.
    """
    found = _match(gene, codes, block, copies, combinations)
    if by_frequency:
        found = frequent(gene, found, NEGLIGIBLE, weights)
    if not found.pairs and gene.name in FALL_BACK and found.strands:
        found = _fall_back(gene, codes, found)
    if not found.pairs and combinations and found.strands:
        return _combination(gene, found, codes, copies, weights)
    if not found.pairs:
        return _silent(gene, found, codes, math.nan, found.failure)
    found, hidden = settle(gene, found, NEGLIGIBLE, weights)
    untested = tuple(_untested(gene, found, codes))
    values = [phenotype(gene, *(gene.alleles[a] for a in pair)) for pair in found.pairs]
    verdict, reason = _verdict(gene, found, values, hidden, untested)
    if verdict == NOT_CALLED:
        return _silent(gene, found, codes, hidden.p, reason)
    scores = {score for _, score in values}
    return Finding(
        gene.name,
        _unique(sorted((diplotype(gene, pair) for pair in found.pairs), key=natural)),
        _unique(sorted(name for name, _ in values)),
        scores.pop() if len(scores) == 1 else math.nan,
        verdict, hidden.p, untested, found.phased, reason, source_of(gene), also_fits=also_fits(gene, found),
    )  # fmt: skip


def _combination(gene: Gene, found: Match, codes: Codes, copies: Copies, weights: Weights | None) -> Finding:
    """No pair fits: the combination of alleles that does, qualified, of unknown function; or why there is none."""
    named = combined(gene, found.strands, copies.number)
    if named.failure:
        return _silent(gene, found, codes, math.nan, f"{found.failure}; {named.failure}")
    p = hidden_besides(gene, named.strands, named.alleles, weights)
    untested = tuple(_untested(gene, found, codes))
    reasons = [*found.notes, COMBINED]
    if math.isnan(p) and untested:
        return _silent(gene, found, codes, p, "; ".join([*reasons, "untested positions of unknown frequency"]))
    if p > CALLED_UP_TO:
        reasons.append(f"further alleles cannot be excluded (p = {p:.2g})")
    if p > QUALIFIED_UP_TO:
        return _silent(gene, found, codes, p, "; ".join(reasons))
    meant = INDETERMINATE if gene.phenotype_of else NOT_ASSIGNED
    return Finding(gene.name, named.names, (meant,), math.nan, QUALIFIED, p, untested, found.phased,
                   "; ".join(reasons), source_of(gene))  # fmt: skip


def _match(gene: Gene, codes: Codes, block: np.ndarray, copies: Copies, combinations: bool) -> Match:
    if copies.failure:
        return Match((), (), None, copies.failure)
    if copies.number == 1:
        found = (lowest_one if gene.strategy == "lowest_function" else match_one)(gene, one_strand(codes))
    else:
        found = (match_lowest if gene.strategy == "lowest_function" else match)(gene, codes, block)
        if not found.pairs and found.phased and found.strands and (block == 0).any():
            found = _without_phase(gene, codes, block, found, combinations)
    return replace(found, notes=(*found.notes, copies.note), qualified=True) if copies.note else found


def _without_phase(gene: Gene, codes: Codes, block: np.ndarray, found: Match, combinations: bool) -> Match:
    """A match that fits if the phase of the file is disregarded, qualified; `found` where there is none.

    A phase without a phase set comes from statistics, which err for rare variants; one read from reads has a set.
    """
    loose = match(gene, codes, np.where(block == 0, UNPHASED, block))
    note = "no pair of alleles fits the phase given; it is disregarded"
    as_given = combined(gene, found.strands).names if combinations else ()
    note += f" (with it: {' or '.join(as_given)})" if as_given else ""
    return replace(loose, notes=(*loose.notes, note), qualified=True) if loose.pairs else found


def _silent(gene: Gene, found: Match, codes: Codes, p: float, reason: str) -> Finding:
    untested = tuple(_untested(gene, found, codes))
    return Finding(gene.name, (), (), math.nan, NOT_CALLED, p, untested, found.phased, reason, source_of(gene))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _verdict(
    gene: Gene, found: Match, values: Sequence[tuple[str, float]], hidden: Hidden, untested: Sequence[dict[str, Any]]
) -> tuple[str, str]:
    """Call and reason. An unknown probability with open positions counts as too large: never assume the best. What is
    certain by the patient's inferred ancestry alone is qualified."""
    reasons = list(found.notes)
    allele, doubt = DOUBTED.get(gene.name, ("", ""))
    if doubt and all(allele in (gene.core[a] for a in pair) for pair in found.pairs):
        reasons.append(doubt)
    if len({v[0] for v in values}) > 1:
        reasons.append("the data allow several phenotypes")
    elif not gene.phenotype_of and len({meaning(gene, *pair) for pair in found.pairs}) > 1:
        reasons.append("the data allow several diplotypes")
    open_alleles = _by_weight(gene, found, {name for u in untested for name in u["could_be"]})
    p = hidden.p
    if math.isnan(p) and open_alleles and found.strands:
        return NOT_CALLED, f"cannot exclude {open_alleles}: population frequency unknown"
    if p > CALLED_UP_TO:
        cause = f"cannot exclude {open_alleles}" if open_alleles else "another phase cannot be excluded"
        reasons.append(f"{cause} (p = {p:.2g})")
    elif hidden.anyone > CALLED_UP_TO:
        cause = f"{open_alleles} excluded" if open_alleles else "another phase excluded"
        reasons.append(f"{cause} by the inferred ancestry only (p = {hidden.anyone:.2g} in another population)")
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
