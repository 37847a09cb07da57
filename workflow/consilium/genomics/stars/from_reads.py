"""Star alleles of CYP2D6 from reads, where the number of whole genes is known: research, judged on simulated reads.

Two copies: the pairs of alleles that fit the bases, as in the other genes; of these the probable ones by frequency.
One copy: its allele beside the deleted gene (*5). More: the pair of alleles that fits the bases that are there, and how
many copies of each from the shares of fragments; several numbers count as one answer if they amount to the same
activity. A hybrid gene, or an unknown number of copies: not called.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.store import read_facts
from consilium.genomics.reads.fragments import FILE, SEEN
from consilium.genomics.stars.alleles import Codes, fits, match, natural
from consilium.genomics.stars.certainty import Weights
from consilium.genomics.stars.copies import TWO, Copies
from consilium.genomics.stars.dosage import Seen, observed, shares
from consilium.genomics.stars.meant import meant
from consilium.genomics.stars.observed import UNPHASED
from consilium.genomics.stars.origins import Shares, weights_of
from consilium.genomics.stars.pharmacogenes import NOT_CALLED, QUALIFIED, Finding, call, not_called, weighed_by
from consilium.genomics.stars.tables import Gene

NOTE = "research: from reads, judged on simulated reads only"
ORIGIN = "reads"
DELETED = "*5"
DUPLICATE_SURE = 0.99  # posterior from which it is told which allele is duplicated
_SMALL = 0.01  # posterior below which a number of copies is not named beside the best


@dataclass(frozen=True)
class Evidence:
    """What the reads of one person show. copies: facts of `reads.cyp2d6.Copies`; seen: rows of
    `reads.fragments.SEEN`; twin (locus,): code of the twin's base."""

    copies: Mapping[str, Any]
    seen: Seen
    twin: npt.NDArray[np.int8]


def read_evidence(folder: Path) -> Evidence:
    """What the stage `depth` left in a patient's folder."""
    facts = read_facts(folder / "depth.json")
    twin = np.array(facts.get("cyp2d6_twin") or [], dtype=np.int8)
    seen = np.load(folder / FILE) if len(twin) else np.empty(0, dtype=SEEN)
    return Evidence(facts["cyp2d6"], seen, twin)


def with_reads(
    findings: Mapping[str, Sequence[Finding]],
    genes: Mapping[str, Gene],
    meanings: Mapping[str, Gene],
    measured: Mapping[str, Evidence],
    ancestry: Mapping[str, Shares],
) -> dict[str, list[Finding]]:
    """Findings of every patient, those of patients with reads (`measured`) with what the reads say of `genes`."""
    out = {patient: list(own) for patient, own in findings.items()}
    for patient, evidence in measured.items():
        for i, finding in enumerate(out.get(patient, [])):
            if gene := genes.get(finding.gene):
                weights = weights_of(gene.populations, ancestry.get(patient))
                made = call_reads(gene, meanings[finding.gene], evidence, weights)
                by = () if weights is None else weighed_by(gene, weights)
                out[patient][i] = replace(made, weighed_by=by)
    return out


def call_reads(gene: Gene, meanings: Gene, found: Evidence, weights: Weights | None = None) -> Finding:
    """The finding of one person. gene: its definitions (star_alleles_reads); meanings: activities of diplotypes, as
    outside calls are understood; weights: ancestry over the gene's populations."""
    n, hybrid = int(found.copies["copies"]), found.copies["hybrid"]
    if n < 0:
        return _silent(gene, f"the number of copies is not known: {found.copies['reason']}")
    if hybrid:
        return _silent(gene, f"a hybrid gene ({hybrid}) beside {n} whole copies")
    if n == 0:
        return _told(meanings, replace(not_called(gene, ""), call=QUALIFIED, untested=()), [f"{DELETED}/{DELETED}"])
    if not len(found.seen):
        return _silent(gene, "no fragment could be told to be the gene's")
    codes = observed(gene, found.seen, found.twin, n)
    block = np.full(len(codes), UNPHASED, dtype=np.int64)
    made = call(gene, codes, block, Copies(1) if n == 1 else TWO, weights, by_frequency=True)
    if made.call == NOT_CALLED:
        return replace(made, origin=ORIGIN, reason=_noted(made.reason))
    if n == 1:
        return _told(meanings, made, ["/".join(sorted((name, DELETED), key=natural)) for name in made.diplotypes])
    if n == 2:
        return _told(meanings, made, list(made.diplotypes))
    names = _duplicated(gene, meanings, found, codes, made, n)
    reason = f"{n} copies of {' or '.join(made.diplotypes)}: which allele is duplicated cannot be told"
    return _told(meanings, made, names) if names else replace(_silent(gene, reason), untested=made.untested)


def _duplicated(gene: Gene, meanings: Gene, found: Evidence, codes: Codes, made: Finding, n: int) -> list[str]:
    """Names of the diplotypes with their numbers of copies; [] where they are not clear."""
    log: dict[str, float] = {}
    for first, second, one, two in _sequences(gene, codes, made.diplotypes):
        if first == second:
            log[f"{first}/{_times(first, n - 1)}"] = 0.0
            continue
        for k, value in enumerate(shares(gene, found.seen, found.twin, one, two, n), start=1):
            name = "/".join(sorted((_times(first, k), _times(second, n - k)), key=natural))
            log[name] = max(log.get(name, -math.inf), float(value))
    top = max(log.values(), default=0.0)
    weight = {name: math.exp(value - top) for name, value in log.items()}
    total = sum(weight.values())
    by_meaning: dict[float, float] = {}
    score = {name: _activity(meanings, name) for name in weight}
    for name, w in weight.items():
        by_meaning[score[name]] = by_meaning.get(score[name], 0.0) + w / total
    best = max(by_meaning, key=lambda s: by_meaning[s], default=math.nan)
    if by_meaning.get(best, 0.0) < DUPLICATE_SURE:
        return []
    return sorted((name for name, w in weight.items() if score[name] == best and w / total > _SMALL), key=natural)


def _sequences(
    gene: Gene, codes: Codes, diplotypes: tuple[str, ...]
) -> Iterator[tuple[str, str, npt.NDArray[np.int8], npt.NDArray[np.int8]]]:
    """Every way to divide the bases between the two alleles of a reported pair: (name, name, codes, codes)."""
    block = np.full(len(codes), UNPHASED, dtype=np.int64)
    for pairing in match(gene, codes, block).strands:
        fitting = [{gene.core[a] for a in np.flatnonzero(fits(gene, pairing[:, s]))} for s in (0, 1)]
        for first, second in (pair.split("/") for pair in diplotypes):
            for one, two in ((0, 1), (1, 0)):
                if first in fitting[one] and second in fitting[two]:
                    yield first, second, pairing[:, one], pairing[:, two]


def _times(name: str, copies: int) -> str:
    return name if copies == 1 else f"{name}x{copies}"


def _activity(meanings: Gene, name: str) -> float:
    """Activity score of a diplotype; -1 where it has none."""
    score = meant(meanings, name, "", math.nan).score
    return -1.0 if math.isnan(score) else score


def _told(meanings: Gene, made: Finding, names: list[str]) -> Finding:
    """The finding with these diplotypes and what they amount to; never more than qualified."""
    results = [meant(meanings, name, "", math.nan) for name in names]
    scores = {r.score for r in results}
    notes = [note for r in results for note in r.notes]
    return replace(
        made, diplotypes=tuple(dict.fromkeys(r.diplotype for r in results)),
        phenotypes=tuple(sorted({r.phenotype for r in results})),
        activity_score=scores.pop() if len(scores) == 1 else math.nan,
        call=QUALIFIED, origin=ORIGIN, reason=_noted("; ".join(dict.fromkeys([made.reason, *notes]))),
    )  # fmt: skip


def _noted(reason: str) -> str:
    return f"{NOTE}; {reason}".rstrip("; ")


def _silent(gene: Gene, reason: str) -> Finding:
    return replace(not_called(gene, _noted(reason)), origin=ORIGIN)
