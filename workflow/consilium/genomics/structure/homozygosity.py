"""Runs of homozygosity and inbreeding.

A hidden Markov model with two states, as bcftools roh has it (DOI 10.1093/bioinformatics/btw044): in a run a site is
heterozygous by error only, elsewhere in Hardy-Weinberg proportions; the state changes with a probability that grows
with the distance. All patients go through the sites together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.matrix import Matrix, alt_counts
from consilium.genomics.structure.kinship import spaced

if TYPE_CHECKING:
    import pandas as pd

INTO_RUN, OUT_OF_RUN = 6.7e-8, 5e-9  # per base; the program's own rates
ERROR = 0.001  # genotypes that are wrong: GQ 30
MINIMUM_LENGTH = 1_500_000  # bases: shorter runs are old and common to everybody
LONG = 5_000_000  # bases: longer runs mostly come from parents who are related (DOI 10.1016/j.ajhg.2008.08.007)
MINIMUM_RUN_SITES = 50
MINIMUM_FREQUENCY = 0.05
DEFAULT_FREQUENCY = 0.4  # of ALT where the cohort is too small to say; the program's default too
_ENOUGH_PATIENTS = 20
_PATIENTS = 1_000  # at a time
MAXIMUM_GAP = 1_000_000  # bases between sites beyond which nothing is known
MINIMUM_DENSITY = 1 / 20_000  # called sites a base, over the spans that are looked at

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """One run of homozygosity: sample, contig number, first and last position, called sites, of them heterozygous."""

    sample: int
    chrom: int
    start: int
    end: int
    n_sites: int
    n_het: int


def in_run(counts: Counts, position: Ints, frequency: Floats) -> npt.NDArray[np.bool_]:
    """Most likely states (site, sample) on one stretch: True = in a run of homozygosity (Viterbi).

    counts (site, sample): ALT alleles, negative = no call, says nothing. frequency (site,) of ALT.
    """
    het = np.clip(2 * frequency * (1 - frequency), 1e-6, None)
    emission = np.log(np.array([[ERROR, 1 - ERROR]])), np.log(np.stack([het, 1 - het], axis=1))
    size = counts.shape[1]
    score = np.log(np.full((2, size), 0.5))  # states: run, elsewhere
    came = np.zeros((len(counts), 2, size), dtype=bool)  # True: from the other state
    last = position[0]
    for i, here in enumerate(position):
        into, out = (np.clip(rate * (here - last), 1e-12, 0.5) for rate in (INTO_RUN, OUT_OF_RUN))
        if i:
            stay_run, leave = score[0] + np.log1p(-out), score[0] + np.log(out)
            stay_out, enter = score[1] + np.log1p(-into), score[1] + np.log(into)
            came[i, 0], came[i, 1] = enter > stay_run, leave > stay_out
            score = np.stack([np.maximum(stay_run, enter), np.maximum(stay_out, leave)])
        last = here
        kind = np.where(counts[i] == 1, 0, 1)
        score += np.where(counts[i] >= 0, np.stack([emission[0][0, kind], emission[1][i, kind]]), 0.0)
    state = score.argmax(axis=0)
    out_states = np.empty((len(counts), size), dtype=bool)
    for i in range(len(counts) - 1, -1, -1):
        out_states[i] = state == 0
        state = np.where(came[i, state, np.arange(size)], 1 - state, state)
    return out_states


def stretches(chrom: Ints, position: Ints) -> Iterator[slice]:
    """Slices of sites in genome order without a change of contig or a gap of more than MAXIMUM_GAP."""
    breaks = np.flatnonzero((np.diff(chrom) != 0) | (np.diff(position) > MAXIMUM_GAP)) + 1
    edges = [0, *breaks.tolist(), len(chrom)]
    yield from (slice(a, b) for a, b in pairwise(edges) if b - a > 1)


def runs_of(counts: Counts, chrom: int, position: Ints, frequency: Floats) -> Iterator[Run]:
    """Runs of at least MINIMUM_LENGTH and MINIMUM_RUN_SITES called sites on one stretch."""
    states = in_run(counts, position, frequency)
    padded = np.pad(states, ((1, 1), (0, 0)))
    for sample in range(counts.shape[1]):
        edges = np.flatnonzero(padded[1:, sample] != padded[:-1, sample])
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            called = counts[first:stop, sample] >= 0
            n = int(called.sum())
            length = position[stop - 1] - position[first] + 1
            if n >= MINIMUM_RUN_SITES and length >= MINIMUM_LENGTH:
                yield Run(sample, chrom, int(position[first]), int(position[stop - 1]), n,
                          int((counts[first:stop, sample] == 1).sum()))  # fmt: skip


def runs_of_cohort(matrix: Matrix, lacking: npt.NDArray[np.bool_]) -> tuple[list[Run], Ints, Ints]:
    """Runs of every patient who has reference calls; bases spanned and called sites per patient.

    Sites: autosomal, single-base, spaced, and common where the cohort is large enough to say so; its frequencies are
    then those of the model, else DEFAULT_FREQUENCY.
    """
    size = len(matrix.samples)
    spanned, n_sites = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    runs: list[Run] = []
    autosomal = np.flatnonzero(matrix.autosomal & matrix.is_snv)
    for c in range(22):
        rows = spaced(matrix, autosomal[matrix.chrom[autosomal] == c])
        for first in range(0, size, _PATIENTS) if len(rows) else ():
            people = np.arange(first, min(first + _PATIENTS, size))
            people = people[~lacking[people]]
            counts = alt_counts(matrix.rows(rows)[:, people])
            frequency = counts_frequency(counts)
            usable = np.minimum(frequency, 1 - frequency) >= MINIMUM_FREQUENCY
            counts, position, frequency = counts[usable], matrix.pos[rows][usable], frequency[usable]
            for part in stretches(np.full(len(position), c), position):
                for run in runs_of(counts[part], c, position[part], frequency[part]):
                    runs.append(replace(run, sample=int(people[run.sample])))
                spanned[people] += position[part][-1] - position[part][0] + 1
                n_sites[people] += (counts[part] >= 0).sum(axis=0)
    return runs, spanned, n_sites


def counts_frequency(counts: Counts) -> Floats:
    """ALT frequency (site,) from patients with a call where there are enough of them, else DEFAULT_FREQUENCY."""
    called = (counts >= 0).sum(axis=1)
    observed = np.where(counts > 0, counts, 0).sum(axis=1) / np.maximum(2 * called, 1)
    return np.where(called >= _ENOUGH_PATIENTS, observed, DEFAULT_FREQUENCY)


def inbreeding(counts: Counts, frequency: Floats) -> tuple[Floats, Ints]:
    """F = 1 - heterozygous sites / expected ones, and sites used, per sample; NaN without an expectation.

    frequency (site,) or (site, sample): of ALT in the population of the patient. 0 = as expected, above = fewer.
    """
    each = frequency if frequency.ndim == 2 else frequency[:, None]
    called = counts >= 0
    expected = np.where(called, 2 * each * (1 - each), 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (counts == 1).sum(axis=0) / expected, np.nan), called.sum(axis=0)


def table(
    samples: Sequence[str], runs: Sequence[Run], spanned: Ints, n_sites: Ints, coefficient: Floats,
    coefficient_sites: Ints, lacking: npt.NDArray[np.bool_], minimum_sites: int,
) -> pd.DataFrame:  # fmt: skip
    """Table homozygosity. `spanned` (sample,): bases between called sites that are looked at; `n_sites` of them."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for i, name in enumerate(samples):
        own = [r for r in runs if r.sample == i]
        enough = spanned[i] > 0 and n_sites[i] >= MINIMUM_DENSITY * spanned[i]
        lengths = [r.end - r.start + 1 for r in own]
        total, long = sum(lengths), [n for n in lengths if n >= LONG]
        if lacking[i]:
            reason = "files with hardly any reference call"
        elif not enough:
            reason = f"{n_sites[i]} called sites over {spanned[i] / 1e6:.0f} Mb: too thin for runs"
        else:
            reason = ""
        told, known = not reason, not lacking[i] and coefficient_sites[i] >= minimum_sites
        rows.append(
            {"patient": name, "n_sites": int(n_sites[i]), "spanned_mb": spanned[i] / 1e6,
             "n_runs": len(own) if told else np.nan, "total_mb": total / 1e6 if told else np.nan,
             "longest_mb": max(lengths, default=0) / 1e6 if told else np.nan,
             "n_long": len(long) if told else np.nan, "long_mb": sum(long) / 1e6 if told else np.nan,
             "f_roh": total / spanned[i] if told else np.nan,
             "f": coefficient[i] if known else np.nan,
             "f_sites": int(coefficient_sites[i]), "reason": reason}
        )  # fmt: skip
    return pd.DataFrame(rows)
