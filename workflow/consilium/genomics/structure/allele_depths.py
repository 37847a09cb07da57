"""Allele depths (AD) that VCFs give at the reference's sites, and the share of foreign reads that they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import canonical
from consilium.genomics.intake.panel import Panel
from consilium.genomics.reads.alignments import Counts
from consilium.genomics.structure.contamination import (
    ERROR_RATE,
    LEAST_ERROR_RATE,
    MINIMUM_SITES,
    Contamination,
    n_deep,
)
from consilium.genomics.structure.variant_only import hardly_any

if TYPE_CHECKING:
    import pysam

Ints = npt.NDArray[np.int64]
MINIMUM_SAMPLES = 5  # of variants alone, from which a cohort's own error rate is taken
_FETCH = 5000  # panel sites up to which an index is used rather than the whole file read


@dataclass(frozen=True)
class Depths:
    """AD of one file at the panel's sites: n_ref, n_alt, n_other (site, sample), and the genotypes called there
    (site, sample; ALT alleles, -1 = none), for `samples` of the file."""

    samples: list[str]
    n_ref: Ints
    n_alt: Ints
    n_other: Ints
    genotype: npt.NDArray[np.int8]

    def counts(self, sample: int) -> Counts:
        return Counts(self.n_ref[:, sample], self.n_alt[:, sample], self.n_other[:, sample])


def read_depths(path: Path, panel: Panel, wanted: Sequence[str] | None = None) -> Depths | None:
    """AD at the panel's sites; None where the file defines no AD. `wanted`: sample names (default all).

    Records with the panel's REF and ALT count, in either of the two orders. Raises OSError or ValueError where the
    file is no VCF.
    """
    import pysam

    with pysam.VariantFile(str(path)) as file:
        if "AD" not in file.header.formats:
            return None
        names = [n for n in file.header.samples if wanted is None or n in wanted]
        if not names:
            return None
        file.subset_samples(names)
        shape = (len(panel), len(names))
        none = np.zeros(shape, dtype=np.int64)
        found = Depths(names, none, none.copy(), none.copy(), np.full(shape, -1, dtype=np.int8))
        place = {(str(c), int(p)): i for i, (c, p) in enumerate(zip(panel.chrom, panel.pos, strict=True))}
        for record in _records(file, panel):
            site = place.get((canonical(record.chrom) or "", record.pos))
            if site is not None and record.alts:
                _take(found, site, record, str(panel.ref[site]), str(panel.alt[site]))
    return found


def _records(file: pysam.VariantFile, panel: Panel) -> Iterator[pysam.VariantRecord]:
    """Records at the panel's sites by the index where there is one, else all records."""
    if file.index is None or len(panel) > _FETCH:
        yield from file
        return
    names = {canonical(str(c)): str(c) for c in file.index}
    for chrom, position in zip(panel.chrom, panel.pos, strict=True):
        if str(chrom) in names:
            yield from file.fetch(names[str(chrom)], int(position) - 1, int(position))


def _take(found: Depths, site: int, record: pysam.VariantRecord, ref: str, alt: str) -> None:
    alleles = [a.upper() for a in record.alleles or ()]
    if ref not in alleles or alt not in alleles:
        return
    first, second = alleles.index(ref), alleles.index(alt)
    for k, call in enumerate(record.samples.values()):
        depths = call.get("AD")
        if not depths or len(depths) != len(alleles) or any(d is None for d in depths):
            continue
        found.n_ref[site, k], found.n_alt[site, k] = depths[first], depths[second]
        found.n_other[site, k] = sum(depths) - depths[first] - depths[second]
        called = call.get("GT") or (None,)
        if set(called) <= {first, second} and len(called) == 2:
            found.genotype[site, k] = called.count(second)


def telling(depths: Depths, sample: int) -> tuple[Counts, bool]:
    """(reads of one sample that tell of foreign ones, whether the sample is homozygous for ALT wherever there are any).

    A file that lists variants alone shows the reads of chosen sites: there only those called homozygous for ALT
    count, where REF reads are foreign or wrong.
    """
    counts, genotype = depths.counts(sample), depths.genotype[:, sample]
    if not hardly_any(depths.genotype[:, [sample]])[0]:
        return counts, False
    chosen = genotype == 2
    return Counts(*(np.where(chosen, n, 0) for n in (counts.n_ref, counts.n_alt, counts.n_other))), True


def common_error(carried: Sequence[Counts]) -> float:
    """Rate of wrong bases for reads at homozygous sites, where errors and foreign reads look alike: the median share of
    REF reads among a cohort's samples, of which most are clean. At most ERROR_RATE, which holds for few samples."""
    shares = [c.n_ref.sum() / (c.n_ref + c.n_alt).sum() for c in carried if n_deep(c) >= MINIMUM_SITES]
    if len(shares) < MINIMUM_SAMPLES:
        return ERROR_RATE
    return float(np.clip(np.median(shares), LEAST_ERROR_RATE, ERROR_RATE))


def best(shares: Iterable[Contamination]) -> Contamination:
    """Of one patient's files: the one with the strongest evidence of foreign reads, else that with most sites."""
    return max(shares, key=lambda c: (np.nan_to_num(c.statistic, nan=-1.0), c.n_sites))
