"""What is sequenced: small target regions, and people's haplotypes over them with their reference positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consilium.simulate.genomes import ABSENT, Genomes
from consilium.simulate.sequence import window_of

FLANK = 50  # bases of a target region on both sides of a site
PAD = 500  # haplotype built beyond a target region: room for fragments that hang over
X_SITES = 60  # sites of X that are targets: enough to tell the sex


@dataclass(frozen=True)
class Target:
    """A target region (1-based first and last base), the stretch built around it, and the sites that lie there."""

    chrom: str
    first: int
    last: int
    low: int
    letters: np.ndarray  # reference bases from `low` on
    variants: list[tuple[int, int, int, list[np.ndarray]]]  # site number, position, length of REF, alleles


@dataclass(frozen=True)
class Strand:
    """One haplotype over all targets: letters, and for each the 1-based reference position (0 = inserted).

    begins, origins: per target the place of its first letter (-1: no such strand, X of males) and its position.
    """

    letters: np.ndarray
    places: np.ndarray
    begins: np.ndarray
    origins: np.ndarray
    ends: np.ndarray


def regions(genomes: Genomes) -> list[tuple[str, int, int]]:
    """Target regions (chrom, 1-based first and last base): star-allele, panel and score sites and some of X, merged."""
    sites = genomes.sites
    x = sites.index[(sites["chrom"] == "chrX") & (sites["kind"] == "common")]
    x = x[np.linspace(0, len(x) - 1, min(X_SITES, len(x))).astype(int)] if len(x) else x
    wanted = sites[(sites["gene"] != "") | sites["panel"] | sites["score"] | sites.index.isin(x)]
    out: list[tuple[str, int, int]] = []
    for chrom, pos, ref in wanted[["chrom", "pos", "ref"]].itertuples(index=False):
        first, last = pos - FLANK, pos + len(ref) - 1 + FLANK
        if out and out[-1][0] == chrom and out[-1][2] >= first - 1:
            out[-1] = (chrom, out[-1][1], max(last, out[-1][2]))
        else:
            out.append((chrom, first, last))
    return out


def targets(genomes: Genomes) -> list[Target]:
    """The regions with what is needed to build haplotypes around them."""
    sites = genomes.sites
    chroms, places = sites["chrom"].to_numpy(), sites["pos"].to_numpy()
    coded = [[np.frombuffer(x.encode(), dtype=np.uint8) for x in (r, *a.split(","))]
             for r, a in zip(sites["ref"], sites["alts"], strict=True)]  # fmt: skip
    out = []
    for chrom, first, last in regions(genomes):
        window = window_of(list(genomes.sequences), chrom, (first + last) // 2)
        low, high = max(first - PAD, window.start + 1), min(last + PAD, window.end)
        letters = genomes.sequences[window][low - window.start - 1 : high - window.start]
        here = np.flatnonzero((chroms == chrom) & (places >= low) & (places <= high - 20))
        variants = [(int(i), int(places[i]), len(coded[i][0]), coded[i]) for i in here]
        out.append(Target(chrom, first, last, low, letters, variants))
    return out


def strand(genomes: Genomes, row: int, which: int, where: list[Target]) -> Strand:
    """Haplotype `which` of a person over all targets."""
    calls = genomes.haplotypes[row, which]
    pieces: list[tuple[np.ndarray, np.ndarray]] = []
    begins, length = [], 0
    for target in where:
        absent = any(calls[i] == ABSENT for i, *_ in target.variants)
        begins.append(-1 if absent else length)
        if not absent:
            new = _haplotype(target, calls)
            pieces += new
            length += sum(len(letters) for letters, _ in new)
    ends = np.array([*begins[1:], length])
    for i in range(len(ends) - 2, -1, -1):  # an absent stretch ends where the next one begins
        ends[i] = ends[i + 1] if ends[i] == -1 else ends[i]
    nothing = (np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.int64))
    letters, places = (np.concatenate([p[k] for p in (nothing, *pieces)]) for k in (0, 1))
    return Strand(letters, places, np.array(begins), np.array([t.low for t in where]), ends)


def _haplotype(target: Target, calls: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Letters and reference positions of one strand over one target, in pieces. Overlapping variants: the first."""
    places = np.arange(target.low, target.low + len(target.letters))
    pieces: list[tuple[np.ndarray, np.ndarray]] = []
    done = 0
    for i, pos, ref_length, alleles in target.variants:
        at = pos - target.low
        if calls[i] == 0 or at < done:
            continue
        alt = alleles[calls[i]]
        shared = min(ref_length, len(alt))
        own = np.zeros(len(alt), dtype=places.dtype)
        own[:shared] = np.arange(pos, pos + shared)
        pieces += [(target.letters[done:at], places[done:at]), (alt, own)]
        done = at + ref_length
    return [*pieces, (target.letters[done:], places[done:])]
