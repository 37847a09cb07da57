"""Ranks diseases and genes for a patient's HPO terms by the most similar published case; no ontology is used.

Terms are weighted by inverse document frequency over the cases, w(t) = ln((1 + n) / (1 + n(t))) + 1, and cases are
compared by the cosine of their weighted term sets (Salton and Buckley 1988, DOI 10.1016/0306-4573(88)90021-0). A
disease, or a gene, scores as its nearest case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from consilium.genomics.findings.phenopackets import Case


@dataclass(frozen=True)
class Candidate:
    """A disease with its nearest case. score: cosine, 0 to 1, higher is nearer. shared: terms of both.

    copies: 2 where most published cases have causal variants on both strands, 1 where most have one, 0 if not told.
    """

    rank: int
    disease: str
    disease_id: str
    genes: tuple[str, ...]
    score: float
    nearest: str
    shared: tuple[str, ...]
    copies: int = 0


class Index:
    """The cases' terms turned round: term -> cases, with weights. Built once, asked for each patient."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        where: dict[str, list[int]] = {}
        for i, case in enumerate(self.cases):
            for term in sorted(case.terms):
                where.setdefault(term, []).append(i)
        n = len(self.cases)
        self._where = {t: np.array(w, dtype=np.int64) for t, w in where.items()}
        self._weight = {t: log((1 + n) / (1 + len(w))) + 1 for t, w in where.items()}
        self._unseen = log(1 + n) + 1
        self._norm = np.array([self._length(c.terms) for c in self.cases])
        self._paper = np.array([c.paper for c in self.cases], dtype=str)
        genes: dict[str, set[str]] = {}
        copies: dict[str, list[int]] = {}
        for case in self.cases:
            genes.setdefault(case.disease_id, set()).update(case.genes)
            copies.setdefault(case.disease_id, []).append(case.copies)
        self._genes = {d: tuple(sorted(g)) for d, g in genes.items()}
        self._copies = {d: _usual([n for n in found if n]) for d, found in copies.items()}

    def _length(self, terms: Iterable[str]) -> float:
        return sqrt(sum(self._weight.get(t, self._unseen) ** 2 for t in sorted(terms)))

    def similarity(self, terms: Iterable[str]) -> npt.NDArray[np.float64]:
        """Cosine of `terms` with every case (case,); a term that no case has only lengthens the query."""
        out = np.zeros(len(self.cases))
        asked = sorted(set(terms))
        for term in asked:
            if term in self._where:
                out[self._where[term]] += self._weight[term] ** 2
        length = self._length(asked)
        return out / (self._norm * length) if length else out

    def rank(self, terms: Iterable[str], most: int = 20, without: Collection[str] = ()) -> list[Candidate]:
        """The best `most` diseases with a case that shares a term; cases of the papers `without` are left out.

        Equal scores: by disease identifier, so that the order is the same everywhere.
        """
        asked = set(terms)
        scores = self.similarity(asked)
        if without:
            scores[np.isin(self._paper, sorted(without))] = 0
        best: dict[str, int] = {}
        for i in np.argsort(-scores, kind="stable"):
            if scores[i] <= 0:
                break
            best.setdefault(self.cases[i].disease_id, int(i))
        order = sorted(best.items(), key=lambda item: (-round(scores[item[1]], 12), item[0]))[:most]
        return [self._candidate(r, i, float(scores[i]), asked) for r, (_, i) in enumerate(order, start=1)]

    def _candidate(self, rank: int, i: int, score: float, asked: set[str]) -> Candidate:
        case = self.cases[i]
        return Candidate(rank, case.disease, case.disease_id, self._genes[case.disease_id], score, case.id,
                         tuple(sorted(asked & case.terms)), self._copies[case.disease_id])  # fmt: skip


def _usual(copies: Sequence[int]) -> int:
    """What more than half of the cases have; two where it is even, as the more careful of both; 0 without any."""
    return 0 if not copies else 2 if 2 * copies.count(2) >= len(copies) else 1


def judged(cases: Sequence[Case], queries: Sequence[int] | None = None) -> dict[str, float]:
    """How often a case's disease comes first, or within the first five, without any case of the same paper.

    Cases of one paper are alike beyond their disease: the same hands described them. queries: which cases to ask for;
    all by default. top1, top5: among the n_answerable cases whose disease another paper has; top1_of_all counts the
    others as missed.
    """
    index = Index(cases)
    papers: dict[str, set[str]] = {}
    for case in cases:
        papers.setdefault(case.disease_id, set()).add(case.paper)
    asked = range(len(cases)) if queries is None else queries
    answerable = [i for i in asked if papers[cases[i].disease_id] - {cases[i].paper}]
    places = [_place(index, cases[i]) for i in answerable]
    n = max(len(places), 1)
    first, five = sum(p == 1 for p in places), sum(p > 0 for p in places)
    return {"n": len(asked), "n_answerable": len(places), "top1": first / n, "top5": five / n,
            "top1_of_all": first / max(len(asked), 1)}  # fmt: skip


def _place(index: Index, case: Case) -> int:
    ranked = index.rank(case.terms, 5, {case.paper})
    return next((c.rank for c in ranked if c.disease_id == case.disease_id), 0)
