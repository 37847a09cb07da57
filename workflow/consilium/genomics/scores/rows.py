"""Scores of a cohort: what is read, matched and summed; columns of polygenic.tsv and of the table of matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.intake.build import CONTIGS, canonical
from consilium.genomics.intake.lifting import places_of_chain
from consilium.genomics.scores import matching
from consilium.genomics.scores.frequencies import Frequencies
from consilium.genomics.scores.matching import Matches, Rules, Sites, match, sites_of
from consilium.genomics.scores.reference import Reference
from consilium.genomics.scores.score_lift import lifted
from consilium.genomics.scores.scoring_file import EFFECTS, KEY_SHIFT, ScoringFile, Terms, read_scoring_file, site_keys
from consilium.genomics.scores.stored_copies import stored_copies
from consilium.genomics.scores.sums import Sums, Wanted, add_up

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ASSESSED, NOT_ASSESSED = "assessed", "not assessed"
NO_GENOTYPES = "no genotypes of this patient"
MIN_OVERLAP = 0.75  # of a score's variants that are in the sum
MAX_FILLED = 0.25  # of the variants in the sum without a call in the patient
SAY_FILLED = 0.1  # from here on the row says so

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]  # of a table, by name


def read_scores(
    paths: Sequence[Path], build_of: Callable[[Terms], str] | None = None, chain: Path | None = None, threads: int = 1
) -> tuple[list[ScoringFile], list[Problem]]:
    """Files that can be scored, and the problems of the others. Two files of one score: the second is a problem.

    chain: UCSC chain file by which files on GRCh37 are lifted over; without it they are a problem.
    """
    scores: list[ScoringFile] = []
    problems: list[Problem] = []

    def lift(terms: Terms) -> Terms:
        return lifted(terms, places_of_chain(chain)) if chain else terms

    with ThreadPoolExecutor(threads) as pool:
        read = list(pool.map(lambda path: _read_or_problems(path, build_of, lift if chain else None), paths))
    for path, score in zip(paths, read, strict=True):
        if not isinstance(score, ScoringFile):
            problems += score
            continue
        if score.name in {s.name for s in scores}:
            problems.append(Problem(str(path), f"score {score.name} again", "each score once", "remove one", 0, "*"))
            continue
        scores.append(score)
    return scores, problems


def _read_or_problems(
    path: Path, build_of: Callable[[Terms], str] | None, lift: Callable[[Terms], Terms] | None
) -> ScoringFile | Sequence[Problem]:
    try:
        return read_scoring_file(path, build_of, lift)
    except InputError as error:
        return error.problems


@dataclass(frozen=True)
class Scored:
    """One score of everybody with genotypes: over all its variants, and over those of its reference (None: none)."""

    score: ScoringFile
    matches: Matches
    sums: Sums
    in_reference: Sums | None


def score_all(
    scores: Sequence[ScoringFile], genotypes: Genotypes, frequencies: Frequencies, posterior: Floats, rules: Rules,
    reference: Reference | None, threads: int = 1,
) -> list[Scored]:  # fmt: skip
    """Every score in one pass; posterior (sample, population of `frequencies`), NaN = ancestry not known."""
    sites = sites_in(genotypes, scores)
    matched = _matched(scores, sites, rules, frequencies)
    wanted = [Wanted(s, m, np.ones(len(s.terms), dtype=bool)) for s, m in zip(scores, matched, strict=True)]
    further: dict[int, int] = {}
    for i, (score, m) in enumerate(zip(scores, matched, strict=True)):
        known = reference.scores.get(score.name) if reference else None
        if known and known.digest == score.terms.digest():
            further[i] = len(wanted)
            wanted.append(Wanted(score, m, known.used, known.variance))
    sums = add_up(wanted, stored_copies(genotypes), frequencies, posterior, threads)
    return [
        Scored(score, m, sums[i], sums[further[i]] if i in further else None)
        for i, (score, m) in enumerate(zip(scores, matched, strict=True))
    ]


def _matched(
    scores: Sequence[ScoringFile], sites: Sites, rules: Rules, frequencies: Frequencies
) -> list[Matches]:  # fmt: skip
    """Matches of every score; those that name the same variants, as scores of one panel of variants do, share them."""
    out: list[Matches] = []
    for i, score in enumerate(scores):
        same = next((m for s, m in zip(scores[:i], out, strict=True) if score.terms.same_variants(s.terms)), None)
        out.append(match(score, sites, rules, frequencies) if same is None else same)
    return out


def sites_in(genotypes: Genotypes, scores: Sequence[ScoringFile]) -> Sites:
    """The store's alternatives at the positions of any score."""
    keys = np.sort(np.concatenate([s.terms.key for s in scores]))
    keys = keys[np.diff(keys, prepend=-1) > 0]
    rows = genotypes.rows_at(CONTIGS, keys >> KEY_SHIFT, keys & ((1 << KEY_SHIFT) - 1))
    names, where, positions, alleles = genotypes.alleles(rows)
    numbers = {i: CONTIGS.index(str(canonical(names[i]))) for i in np.unique(where).tolist()}
    contig = np.array([numbers.get(i, -1) for i in range(len(names))], dtype=np.int64)[where]
    return sites_of(rows, site_keys(contig, positions), alleles)


def posteriors(samples: Sequence[str], populations: Sequence[str], ancestry: pd.DataFrame) -> Floats:
    """(sample, population) posteriors of table ancestry; NaN where not assessed, or not of these populations."""
    columns = [f"p_{n}" for n in populations]
    if not columns or not set(columns) <= set(ancestry.columns):
        return np.full((len(samples), len(columns)), np.nan)
    by_patient = ancestry.drop_duplicates("patient").set_index("patient")[columns].reindex(list(samples))
    return by_patient.to_numpy(dtype=np.float64, na_value=np.nan)


def score_columns(scored: Scored, samples: Sequence[str], patients: Sequence[str]) -> Columns:
    """Columns of table polygenic, a row per patient of the sheet. Patients without genotypes are not assessed."""
    index = {sample: i for i, sample in enumerate(samples)}
    at = np.array([index.get(patient, -1) for patient in patients], dtype=np.int64)
    score, sums, n = scored.score, scored.sums, len(patients)
    # What -1 finds: nothing of a patient without genotypes.
    used, filled, total = (
        np.append(values, none)[at] for values, none in ((sums.n_used, 0), (sums.n_filled, 0), (sums.sum, np.nan))
    )
    overlap = used / len(score.terms)
    reason, assessed = _reasons(scored, at >= 0, used, filled)
    mean = np.divide(total, 2 * used, out=np.full(n, np.nan), where=assessed)
    return {
        "patient": np.array(patients, dtype=object), "score": np.full(n, score.name, dtype=object),
        "trait": np.full(n, score.trait, dtype=object), "sum": np.where(assessed, total, np.nan), "average": mean,
        "n_used": used, "n_missing": filled, "n_total": np.full(n, len(score.terms)), "overlap": overlap,
        "status": np.where(assessed, ASSESSED, NOT_ASSESSED).astype(object), "reason": reason,
    }  # fmt: skip


def _reasons(scored: Scored, present: Bools, used: Ints, filled: Ints) -> tuple[npt.NDArray[Any], Bools]:
    """(what is said of each patient's sum, it stands)."""
    out, total, lost = np.full(len(used), scored.score.note, dtype=object), len(scored.score.terms), scored.matches.lost
    few, empty = used / total < MIN_OVERLAP, filled > MAX_FILLED * used
    for i in np.flatnonzero(filled > SAY_FILLED * used):
        said = f"{filled[i]} of {used[i]} used variants filled from allele frequencies"
        out[i] = f"{out[i]}; {said}" if out[i] else said
    for i in np.flatnonzero(empty):
        out[i] = f"{filled[i]} of {used[i]} variants have no call in this patient: above {MAX_FILLED:.0%}"
    for i in np.flatnonzero(few):
        out[i] = f"{used[i]} of {total} variants used: below an overlap of {MIN_OVERLAP} ({lost})"
    out[~present] = NO_GENOTYPES
    return out, present & ~few & ~empty


def match_arrays(scored: Scored) -> dict[str, pa.Array]:
    """Columns of table polygenic_matches: one row per variant of the scoring file."""
    import pyarrow as pa

    def coded(texts: Sequence[str], codes: npt.NDArray[Any]) -> pa.Array:
        return pa.array(texts, pa.string()).take(pa.array(codes))

    terms, matches = scored.score.terms, scored.matches
    contigs = [*(c.removeprefix("chr").replace("M", "MT") for c in CONTIGS), ""]
    return {
        "score": coded([scored.score.name], np.zeros(len(terms), dtype=np.int8)), "line": pa.array(terms.line),
        "chrom": coded(contigs, terms.chrom % len(contigs)), "pos": pa.array(terms.pos),
        "effect_allele": pa.array(terms.effect_allele, pa.string()),
        "other_allele": pa.array(terms.other_allele, pa.string()), "weight": pa.array(terms.weight),
        "effect": coded(EFFECTS, terms.effect), "match": coded(matching.NAMES, matches.match),
        "used": pa.array(matches.used),
    }  # fmt: skip
