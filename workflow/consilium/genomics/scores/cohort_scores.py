"""The tables of a cohort's polygenic scores: sums, fate of every term, place in the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    from consilium.genomics.scores.rows import ScoringFile


Columns = dict[str, list[Any]]


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
    risk: Sequence[str], threads: int = 1,
) -> tuple[Asked, list[Problem]]:  # fmt: skip
    """Reads the scoring files, and the reference where there is one; what cannot be used is a problem.

    places: tables of the ancestry reference's components; risk: as in stages.polygenic.
    """
    files, problems = rows.read_scores(scores, build_by_sites(known_sites), threads)
    known = None
    try:
        known = read_reference(reference) if reference else None
    except InputError as error:
        problems += error.problems
    return Asked(files, rules, measured([json.loads(r) for r in risk]), known, files_digest(places)), problems


@dataclass(frozen=True)
class Tables:
    """Columns by name of the tables polygenic, polygenic_adjusted and polygenic_matches (Arrow arrays)."""

    scores: Columns
    adjusted: dict[str, Sequence[Any]]
    matches: dict[str, pa.Array]


def tables(asked: Asked, genotypes: Path, sheet: Path, ancestry: Path, panel: Path, threads: int = 1) -> Tables | None:
    """The tables of the scores asked for, None without any. The rest as in stages.polygenic."""
    if not asked.files:
        return None
    import pyarrow as pa

    plain, adjusted, matches = _of_files(asked, genotypes, sheet, ancestry, panel, threads)
    arrays = {name: pa.concat_arrays([found[name] for found in matches]) for name in matches[0]}
    return Tables(plain, against.with_spread(adjusted), arrays)


def _of_files(
    asked: Asked, genotypes: Path, sheet: Path, ancestry: Path, panel: Path, threads: int
) -> tuple[Columns, Columns, list[dict[str, pa.Array]]]:
    """The scores, their places in the reference, fate of each score's variants."""
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.intake.panel import read_panel

    people, posteriors, known = read_patients(sheet), read_table(ancestry, "ancestry"), asked.known
    names, sexes = [p.patient for p in people], {p.patient: p.sex for p in people}
    shares = frequencies.of_panel(read_panel(panel))
    shares = known.frequencies.over(shares) if known and known.populations else shares
    all_plain: Columns = {}
    all_placed: Columns = {}
    matches = []
    with open_genotypes(genotypes) as store:
        weights = rows.posteriors(store.samples, shares.populations, posteriors)
        where = against.places(store.samples, posteriors, known, asked.digest) if known else None
        for scored in rows.score_all(asked.files, store, shares, weights, asked.rules, known, threads):
            plain = rows.score_rows(scored, store.samples, names)
            placed = against.adjusted_rows(
                scored, plain, store.samples, known, where, asked.rules, asked.risks.get(scored.score.name), sexes
            )
            _append(all_plain, plain)
            _append(all_placed, placed)
            matches.append(rows.match_arrays(scored))
    return all_plain, all_placed, matches


def _append(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows that have the same keys; of each score's by itself: small and just made, they are read fastest."""
    for name in rows[0] if rows else ():
        columns.setdefault(name, []).extend([row[name] for row in rows])
