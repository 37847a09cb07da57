"""Scores, frequencies and sums from a few rows, for the tests of polygenic scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.scores.frequencies import Frequencies, no_frequencies
from consilium.genomics.scores.matching import NAMES, Rules
from consilium.genomics.scores.rows import Columns, Scored, posteriors, score_all, score_columns
from consilium.genomics.scores.scoring_file import EFFECTS, ScoringFile, Terms, site_keys
from star_fixtures import Row, store

NAN = math.nan
NO_ANCESTRY = pd.DataFrame({"patient": []})
Term = tuple[Any, ...]  # chromosome, position, effect allele, other allele, weight[, effect[, frequency]]


def score(*rows: Term, name: str = "s") -> ScoringFile:
    full = [(*r, *("additive", NAN)[len(r) - 5 :]) if len(r) < 7 else r for r in rows]
    chrom = np.array([CONTIGS.index(f"chr{r[0]}") if r[0] else -1 for r in full], dtype=np.int64)
    return ScoringFile(
        name, "trait",
        Terms(chrom, np.array([r[1] for r in full], dtype=np.int64), np.array([r[2] for r in full], dtype=object),
              np.array([r[3] for r in full], dtype=object), np.array([float(r[4]) for r in full]),
              np.array([EFFECTS.index(r[5]) for r in full], dtype=np.int8), np.array([float(r[6]) for r in full]),
              np.arange(2, len(full) + 2)),
    )  # fmt: skip


def known(populations: Sequence[str], *rows: tuple[int, int, str, str, list[float]]) -> Frequencies:
    """Rows: chromosome number, position, reference, alternative, frequencies of the alternative; in order."""
    if not rows:
        return no_frequencies(populations)
    key = site_keys(np.array([r[0] - 1 for r in rows]), np.array([r[1] for r in rows]))
    ref, alt = (np.array([r[i] for r in rows], dtype=object) for i in (2, 3))
    return Frequencies(key, ref, alt, tuple(populations), np.array([r[4] for r in rows], dtype=np.float64))


def scored(
    one: ScoringFile, rows: list[Row], frequencies: Frequencies | None = None, ancestry: pd.DataFrame = NO_ANCESTRY,
    rules: Rules = Rules(),  # noqa: B008
) -> tuple[Scored, list[str]]:  # fmt: skip
    """(the score of everybody in `rows`, names of the people)."""
    samples = [f"p{i}" for i in range(len(rows[0][4]))]
    frequencies = frequencies or no_frequencies()
    weights = posteriors(samples, frequencies.populations, ancestry)
    return score_all([one], store(rows, samples), frequencies, weights, rules, None)[0], samples


def rows_of(*args: Any, patients: list[str] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
    one, samples = scored(*args, **kwargs)
    return as_rows(score_columns(one, samples, patients or samples))


def as_rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def matches_of(*args: Any, **kwargs: Any) -> list[str]:
    return [NAMES[m] for m in scored(*args, **kwargs)[0].matches.match]
