"""The tables of a cohort's polygenic scores: sums, fate of every term, place in the reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.genomics.scores import adjusted as against
from consilium.genomics.scores import frequencies, rows
from consilium.genomics.scores.matching import Rules
from consilium.genomics.scores.reference import Reference, read_reference
from consilium.genomics.scores.reference_making import files_digest
from consilium.genomics.scores.risk import Measured, measured
from consilium.genomics.scores.score_build import build_by_sites

if TYPE_CHECKING:
    import pyarrow as pa

    from consilium.genomics.scores.rows import Columns, ScoringFile


@dataclass(frozen=True)
class Asked:
    """What to score and by which rules. known: reference people's scores, if any; digest: of the files that place
    patients among them."""

    files: list[ScoringFile]
    rules: Rules
    risks: dict[str, Measured]
    known: Reference | None
    digest: str


def ask(
    scores: Sequence[Path], known_sites: Path, rules: Rules, reference: Path | None, places: Sequence[Path],
    risk: Sequence[str], chain: Path | None = None, threads: int = 1,
) -> tuple[Asked, list[Problem]]:  # fmt: skip
    """Reads the scoring files, and the reference where there is one; what cannot be used is a problem.

    places: tables of the ancestry reference's components; risk, chain: as in stages.polygenic.
    """
    files, problems = rows.read_scores(scores, build_by_sites(known_sites), chain, threads)
    known = None
    try:
        known = read_reference(reference) if reference else None
    except InputError as error:
        problems += error.problems
    return Asked(files, rules, measured([json.loads(r) for r in risk]), known, files_digest(places)), problems


@dataclass(frozen=True)
class Tables:
    """Columns of the tables polygenic, polygenic_adjusted and polygenic_matches (Arrow arrays, score by score)."""

    scores: Columns
    adjusted: Columns
    matches: list[dict[str, pa.Array]]


def tables(asked: Asked, genotypes: Path, sheet: Path, ancestry: Path, panel: Path, threads: int = 1) -> Tables | None:
    """The tables of the scores asked for, None without any. The rest as in stages.polygenic."""
    if not asked.files:
        return None
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.intake.panel import read_panel

    people, posteriors, known = read_patients(sheet), read_table(ancestry, "ancestry"), asked.known
    names, sexes = [p.patient for p in people], {p.patient: p.sex for p in people}
    shares = frequencies.of_panel(read_panel(panel))
    shares = known.frequencies.over(shares) if known and known.populations else shares
    with open_genotypes(genotypes) as store:
        weights = rows.posteriors(store.samples, shares.populations, posteriors)
        where = against.places(store.samples, posteriors, known, asked.digest) if known else None
        every = rows.score_all(asked.files, store, shares, weights, asked.rules, known, threads)
        with ThreadPoolExecutor(threads) as pool:
            matches = pool.map(rows.match_arrays, every)
            plain = [rows.score_columns(scored, store.samples, names) for scored in every]
            placed = [
                against.adjusted_columns(scored, sums, store.samples, known, where, asked.rules,
                                         asked.risks.get(scored.score.name), sexes)
                for scored, sums in zip(every, plain, strict=True)
            ]  # fmt: skip
    return Tables(_one_below_another(plain), against.with_spread(_one_below_another(placed)), list(matches))


def _one_below_another(found: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([columns[name] for columns in found]) for name in found[0]}
