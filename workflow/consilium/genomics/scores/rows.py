"""Rows of polygenic.tsv and of the table of matches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.intake.panel import Panel
from consilium.genomics.scores.polygenic import MIN_OVERLAP, Found, Scores, add_up, fill_of, match_score
from consilium.genomics.scores.scoring_file import ScoringFile, read_scoring_file

if TYPE_CHECKING:
    import pandas as pd

ASSESSED, NOT_ASSESSED = "assessed", "not assessed"
NO_GENOTYPES = "no genotypes of this patient"


def read_scores(paths: Sequence[Path]) -> tuple[list[ScoringFile], list[Problem]]:
    """Files that can be scored, and the problems of the others. Two files of one score: the second is a problem."""
    scores: list[ScoringFile] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            score = read_scoring_file(path)
        except InputError as error:
            problems += error.problems
            continue
        if score.name in {s.name for s in scores}:
            problems.append(Problem(str(path), f"score {score.name} again", "each score once", "remove one", 0, "*"))
            continue
        scores.append(score)
    return scores, problems


def score_rows(
    score: ScoringFile, genotypes: Genotypes, patients: Sequence[str], panel: Panel | None, ancestry: pd.DataFrame
) -> tuple[list[dict[str, Any]], list[Found]]:
    """(one row per patient of the sheet, how each variant fared). Patients without genotypes are not assessed."""
    found = match_score(score, genotypes)
    posterior = _posterior(genotypes.samples, panel, ancestry)
    sums = add_up(found, genotypes, fill_of(found, panel, posterior))
    at = {sample: i for i, sample in enumerate(genotypes.samples)}
    return [_row(patient, score, sums, at.get(patient), found) for patient in patients], found


def _posterior(samples: Sequence[str], panel: Panel | None, ancestry: pd.DataFrame) -> np.ndarray:
    """(sample, population of the panel) posteriors; NaN where the ancestry is not assessed."""
    names = panel.populations if panel else ()
    columns = [f"p_{n}" for n in names]
    if not names or not set(columns) <= set(ancestry.columns):
        return np.full((len(samples), len(names)), np.nan)
    by_patient = ancestry.drop_duplicates("patient").set_index("patient")[columns].reindex(list(samples))
    return by_patient.to_numpy(dtype=np.float64, na_value=np.nan)


def _row(patient: str, score: ScoringFile, sums: Scores, at: int | None, found: Sequence[Found]) -> dict[str, Any]:
    total = len(score.terms)
    used = int(sums.n_used[at]) if at is not None else 0
    overlap = used / total
    row: dict[str, Any] = {
        "patient": patient, "score": score.name, "trait": score.trait, "sum": math.nan, "average": math.nan,
        "n_used": used, "n_missing": int(sums.n_filled[at]) if at is not None else 0, "n_total": total,
        "overlap": overlap, "status": NOT_ASSESSED,
    }  # fmt: skip
    if at is None:
        return row | {"reason": NO_GENOTYPES}
    if overlap < MIN_OVERLAP:
        return row | {"reason": f"{used} of {total} variants used: below an overlap of {MIN_OVERLAP} ({_lost(found)})"}
    value = float(sums.sum[at])
    return row | {"sum": value, "average": value / (2 * used), "status": ASSESSED, "reason": _caution(row)}


def _lost(found: Sequence[Found]) -> str:
    counts = Counter(f.match for f in found if not f.used)
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))) or "no calls"


def _caution(row: dict[str, Any]) -> str:
    if row["n_missing"] > 0.1 * row["n_used"]:
        return f"{row['n_missing']} of {row['n_used']} used variants filled from allele frequencies"
    return ""


def match_rows(score: ScoringFile, found: Sequence[Found]) -> list[dict[str, Any]]:
    """One row per variant of the scoring file."""
    return [
        {
            "score": score.name,
            "line": f.term.line,
            "chrom": f.term.chrom,
            "pos": f.term.pos,
            "effect_allele": f.term.effect_allele,
            "other_allele": f.term.other_allele,
            "weight": f.term.weight,
            "effect": f.term.effect,
            "match": f.match,
            "used": f.used,
        }
        for f in found
    ]
