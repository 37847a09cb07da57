"""Bases that a patient's gVCF speaks for: blocks of reference calls and variant records with a full genotype."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from consilium.genomics.findings.regions import Interval, merged
from consilium.genomics.intake import records
from consilium.genomics.intake.build import canonical
from consilium.genomics.intake.normalise import MINIMUM_DEPTH, MINIMUM_GQ

_SMALL = 64 << 20  # bytes up to which a file without an index is read whole
_MARKS = ("##GVCFBlock", "##ALT=<ID=NON_REF", "##ALT=<ID=*")


class NotIndexedError(Exception):
    """A gVCF too large to be read whole, without an index that can be used."""


def called_by_blocks(path: Path, regions: Sequence[Interval]) -> list[Interval] | None:
    """Bases of `regions` (merged) that the file calls; None when it is no gVCF of one person.

    Blocks count with a depth and a genotype quality that the intake accepts, other records with FILTER PASS or none.
    Raises NotIndexedError. The file was found whole by the intake.
    """
    if not _is_gvcf(path):
        return None
    if any(Path(f"{path}{s}").exists() for s in (".tbi", ".csi")):
        lines = _fetched(path, regions)
    elif path.stat().st_size > _SMALL:
        raise NotIndexedError
    else:
        lines = _read(path)
    return merged(i for line in lines if (i := _interval(line)) is not None)


def _read(path: Path) -> Iterator[str]:
    with open(path, "rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") if packed else open(path, errors="replace") as text:
        yield from text


def _is_gvcf(path: Path) -> bool:
    header: list[str] = []
    for line in _read(path):
        if not line.startswith("#"):
            break
        header.append(line)
    one_person = bool(header) and len(header[-1].split("\t")) == 10
    return one_person and any(line.startswith(_MARKS) for line in header)


def _fetched(path: Path, regions: Iterable[Interval]) -> Iterator[str]:
    import pysam

    try:
        with pysam.TabixFile(str(path)) as table:
            names = {canonical(c): c for c in table.contigs}
            for chrom, start, end in regions:
                if chrom in names:
                    yield from table.fetch(names[chrom], start, end)
    except (OSError, ValueError):
        raise NotIndexedError from None


def _interval(line: str) -> Interval | None:
    cells = line.rstrip("\r\n").split("\t")
    chrom = canonical(cells[0]) if len(cells) == 10 else None
    if line.startswith("#") or chrom is None or not cells[1].isdigit():
        return None
    keys, cell = cells[8].split(":"), cells[9]
    called = records.alleles(cell.partition(":")[0]) if keys[0] == "GT" else None
    if called is None or min(called) < 0 or cells[6] not in ("PASS", "."):
        return None
    start, end = int(cells[1]), records.end_of(cells[7])
    if not any(called):
        quality, depth = records.quality(keys, cell)
        if (quality is not None and quality < MINIMUM_GQ) or (depth is not None and depth < MINIMUM_DEPTH):
            return None
    return chrom, start - 1, end or start + len(cells[3]) - 1
