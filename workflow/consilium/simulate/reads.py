"""Short reads (BAM) from people's own haplotypes over small regions, with planted depth, contamination and a swap."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from consilium.core.provenance import seed_from
from consilium.core.store import atomic
from consilium.simulate.genomes import Genomes
from consilium.simulate.regions import GRCH38
from consilium.simulate.strands import Strand, Target, strand, targets

LENGTH = 100  # bases of a read
FRAGMENT, FRAGMENT_SD = 280, 30
DUPLICATES = 0.03
CONTAMINATION = 0.10
LOW_DEPTH = 5.0
FORWARD_FIRST, REVERSE_FIRST = (99, 147), (83, 163)  # flags of the leftmost and of the rightmost mate
DUPLICATE_FLAG = 1024
OFFSET = 10**9  # longer than any contig: contig number x OFFSET + position orders places of the whole genome


@dataclass(frozen=True)
class Plan:
    """What one BAM holds: `patient` as the sheet says, `person` whose reads they are, `foreign` mixed in at `share`."""

    patient: str
    person: str
    depth: float
    foreign: str = ""
    share: float = 0.0


def plans(people: pd.DataFrame, seed: int) -> list[Plan]:
    """One BAM per patient with has_reads; two of those with a VCF are swapped, one contaminated, one shallow."""
    rng = np.random.default_rng(seed_from(seed, "reads"))
    having = people[people["has_reads"]]
    both = [str(p) for p in rng.permutation(having.loc[having["has_genomics"], "patient"])]
    role = dict(zip(("swap_1", "swap_2", "contaminated", "shallow"), both, strict=False))
    person = {p: p for p in having["patient"]}
    if len(both) > 1:
        person |= {role["swap_1"]: role["swap_2"], role["swap_2"]: role["swap_1"]}
    population = dict(zip(people["patient"], people["population"], strict=True))
    out = []
    for patient in having["patient"]:
        depth = LOW_DEPTH if patient == role.get("shallow") else round(float(rng.uniform(15, 22)), 1)
        foreign, share = "", 0.0
        if patient == role.get("contaminated"):
            strangers = [p for p in people["patient"] if population[p] != population[patient]]
            foreign, share = str(rng.choice(strangers)), CONTAMINATION
        out.append(Plan(patient, person[patient], depth, foreign, share))
    return out


def write(people: pd.DataFrame, genomes: Genomes, root: Path, seed: int) -> tuple[list[dict[str, str]], pd.DataFrame]:
    """Write raw/genomics/<patient>.bam with index; returns the sample rows and the truth, one row a BAM."""
    folder = Path(root) / "raw" / "genomics"
    folder.mkdir(parents=True, exist_ok=True)
    dates = dict(zip(people["patient"], people["index_date"], strict=True))
    where = targets(genomes)
    rows, truth = [], []
    for plan in plans(people, seed):
        path = folder / f"{plan.patient}.bam"
        reached = write_bam(path, genomes, plan, where, seed)
        rows.append({"patient": plan.patient, "modality": "genomics", "kind": "bam", "path": str(path),
                     "taken_on": dates[plan.patient]})  # fmt: skip
        truth.append({"patient": plan.patient, "reads_of": plan.person, "swapped": plan.patient != plan.person,
                      "contamination": plan.share, "foreign": plan.foreign, "planned_depth": plan.depth,
                      "mean_depth": round(reached, 3), "low_depth": plan.depth == LOW_DEPTH})  # fmt: skip
    return rows, pd.DataFrame(truth)


def write_bam(path: Path, genomes: Genomes, plan: Plan, where: list[Target], seed: int) -> float:
    """Write one sorted, indexed BAM; returns the mean depth over the target regions, duplicates left out."""
    rng = np.random.default_rng(seed_from(seed, "bam", plan.patient))
    qualities = _qualities(rng)
    reach = FRAGMENT + 3 * FRAGMENT_SD
    widths = np.array([t.last - t.first + 1 for t in where])
    of_target = np.repeat(np.arange(len(where)), rng.poisson(plan.depth * (widths + reach) / (2 * LENGTH)))
    foreign = rng.random(len(of_target)) < plan.share
    which = rng.integers(0, 2, len(of_target))
    lines: list[tuple[int, int, str]] = []
    covered = 0
    for part, (person, mine) in enumerate(((plan.person, ~foreign), (plan.foreign, foreign))):
        for h in (0, 1) if mine.any() else ():
            source = strand(genomes, genomes.row(person), h, where)
            more, bases = _pairs(source, where, of_target[mine & (which == h)], qualities, rng,
                                 f"{plan.patient}:{2 * part + h}", plan.patient)  # fmt: skip
            lines += more
            covered += bases
    lines.sort(key=lambda entry: entry[:2])
    _save(path, plan.patient, [line for _, _, line in lines])
    return covered / int(widths.sum())


def _save(path: Path, patient: str, lines: list[str]) -> None:
    head = ["@HD\tVN:1.6\tSO:coordinate", *(f"@SQ\tSN:{c}\tLN:{n}" for c, n in GRCH38.items()),
            f"@RG\tID:{patient}\tSM:{patient}\tLB:demo\tPL:ILLUMINA"]  # fmt: skip
    with atomic(path) as temporary, tempfile.TemporaryDirectory() as scratch:
        sam = Path(scratch) / "reads.sam"
        sam.write_text("\n".join([*head, *lines]) + "\n")
        pysam.view("-b", "--no-PG", "-o", str(temporary), str(sam), catch_stdout=False)
    pysam.index(str(path))


def _qualities(rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Twelve courses of binned base qualities: error probabilities (12, LENGTH), and the same as SAM text."""
    values = np.full((12, LENGTH), 37)
    for row in values:
        tail = int(rng.integers(0, 15))
        row[LENGTH - tail :] = 25
        row[rng.choice(LENGTH, rng.integers(0, 4), replace=False)] = 11
    return 10 ** (-values / 10), [bytes(row + 33).decode() for row in values.astype(np.uint8)]


def _pairs(
    source: Strand, where: list[Target], of_target: np.ndarray, qualities: tuple[np.ndarray, list[str]],
    rng: np.random.Generator, name: str, group: str,
) -> tuple[list[tuple[int, int, str]], int]:  # fmt: skip
    """SAM lines (with contig number and place) of one fragment per entry of `of_target`, and the bases on target."""
    first, last = (np.array([getattr(t, k) for t in where])[of_target] for k in ("first", "last"))
    reach = FRAGMENT + 3 * FRAGMENT_SD
    sizes = np.clip(rng.normal(FRAGMENT, FRAGMENT_SD, len(of_target)), LENGTH + 60, reach).astype(int)
    left = rng.integers(first - reach, last + 1) - source.origins[of_target] + source.begins[of_target]
    inside = (source.begins[of_target] >= 0) & (left >= source.begins[of_target])
    inside &= left + sizes <= source.ends[of_target]
    # Some fragments come twice, flagged as duplicates.
    chosen = np.flatnonzero(inside)
    twice = chosen[rng.random(len(chosen)) < DUPLICATES]
    duplicate = np.arange(len(chosen) + len(twice)) >= len(chosen)
    chosen = np.concatenate([chosen, twice])
    starts = np.stack([left, left + sizes - LENGTH], axis=1)[chosen]
    rows = starts[:, :, None] + np.arange(LENGTH)
    letters, places = source.letters[rows], source.places[rows]
    course = rng.integers(0, len(qualities[1]), len(chosen))
    _add_errors(letters, np.stack([qualities[0][course], qualities[0][course][:, ::-1]], axis=1), rng)
    first_is_left = rng.random(len(chosen)) < 0.5
    simple = (places[:, :, -1] - places[:, :, 0] == LENGTH - 1) & (places > 0).all(axis=2)
    text, size, furthest = letters.tobytes().decode(), LENGTH, places.max(axis=(1, 2))
    rank = {c: i for i, c in enumerate(GRCH38)}
    lines = []
    for i, number in enumerate(of_target[chosen].tolist()):
        chrom = where[number].chrom
        at = [(int(places[i, m, 0]), f"{LENGTH}M") if simple[i, m] else alignment(places[i, m]) for m in (0, 1)]
        flags = FORWARD_FIRST if first_is_left[i] else REVERSE_FIRST[::-1]
        span = furthest[i] - at[0][0] + 1
        quality = qualities[1][course[i]]
        for m in (0, 1):
            flag = flags[m] + DUPLICATE_FLAG * int(duplicate[i])
            bases = text[(2 * i + m) * size : (2 * i + m + 1) * size]
            lines.append((rank[chrom], at[m][0], f"{name}:{i}\t{flag}\t{chrom}\t{at[m][0]}\t60\t{at[m][1]}\t=\t"
                          f"{at[1 - m][0]}\t{-span if m else span}\t{bases}\t{quality[::-1] if m else quality}\t"
                          f"RG:Z:{group}"))  # fmt: skip
    spans = np.stack([np.array([rank[where[t].chrom] for t in of_target[chosen]]) * OFFSET] * 2, axis=1)
    return lines, _on_target(where, spans + _firsts(places), spans + places.max(axis=2), ~duplicate)


def _firsts(places: np.ndarray) -> np.ndarray:
    """First reference position of each read (inserted bases at its start have none)."""
    return np.where(places > 0, places, np.iinfo(places.dtype).max).min(axis=2)


def _on_target(where: list[Target], firsts: np.ndarray, lasts: np.ndarray, counted: np.ndarray) -> int:
    """Bases of reads (first and last place, contig number x OFFSET added) that lie in any target."""
    rank = {c: i for i, c in enumerate(GRCH38)}
    begins = np.array([rank[t.chrom] * OFFSET + t.first for t in where])
    widths = np.array([t.last - t.first + 1 for t in where])
    before = np.concatenate([[0], np.cumsum(widths)])

    def up_to(place: np.ndarray) -> np.ndarray:
        """Target bases at or before a place."""
        i = np.searchsorted(begins, place, side="right") - 1
        here = np.clip(place - begins[i] + 1, 0, widths[i])
        return np.where(i < 0, 0, before[i] + here)

    return int((up_to(lasts) - up_to(firsts - 1))[counted].sum())


def _add_errors(letters: np.ndarray, chance: np.ndarray, rng: np.random.Generator) -> None:
    """Replaces bases (in place) by another one, each with its own probability."""
    wrong = rng.random(letters.shape) < chance
    bases = np.frombuffer(b"ACGT", dtype=np.uint8)
    step = rng.integers(1, 4, int(wrong.sum()))
    letters[wrong] = bases[(np.searchsorted(bases, letters[wrong]) + step) % 4]


def alignment(places: np.ndarray) -> tuple[int, str]:
    """(1-based position, CIGAR) of a read from the reference position of each base (0 = inserted).

    Inserted bases at an end are clipped, as an aligner has nothing to hold them by.
    """
    known = np.flatnonzero(places)
    head, tail = int(known[0]), len(places) - 1 - int(known[-1])
    runs: list[list[int | str]] = [[head, "S"]] if head else []
    before = int(places[head]) - 1
    for place in places[head : len(places) - tail].tolist():
        if place and place > before + 1:
            runs.append([place - before - 1, "D"])
        letter = "M" if place else "I"
        if runs and runs[-1][1] == letter:
            runs[-1][0] = int(runs[-1][0]) + 1
        else:
            runs.append([1, letter])
        before = place or before
    if tail:
        runs.append([tail, "S"])
    return int(places[head]), "".join(f"{n}{letter}" for n, letter in runs)
