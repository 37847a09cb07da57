"""Writes calls as VCF, and reads back the VCFs that consilium itself wrote."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consilium.genomics.intake.build import BUILD, CONTIGS, LENGTHS
from consilium.genomics.intake.calls import ABSENT, NO_ALT, Calls, CallsBuilder

_CLASHES = (
    '##INFO=<ID=CLASHES,Number=1,Type=Integer,Description="Patients given two different genotypes: set to missing">'
)
_CHUNK = 10_000  # variants


def header(samples: list[str], *extra: str) -> str:
    lines = [
        "##fileformat=VCFv4.3",
        *(f"##contig=<ID={c},length={LENGTHS[BUILD][c]},assembly={BUILD}>" for c in CONTIGS),
        *extra,
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]),
    ]
    return "\n".join(lines) + "\n"


def _cells(calls: Calls) -> npt.NDArray[np.str_]:
    """GT text (row, sample)."""
    strands = np.array([".", "0", "1"])
    first = strands[calls.gt[:, :, 0] + 1]
    second = strands[np.maximum(calls.gt[:, :, 1], -1) + 1]
    joined = np.char.add(np.char.add(first, np.where(calls.phased, "|", "/")), second)
    return np.where(calls.gt[:, :, 1] == ABSENT, first, joined)


def line(chrom: str, pos: int, rsid: str, ref: str, alt: str, clash: int, cells: str) -> str:
    info = f"CLASHES={clash}" if clash else "."
    return f"{chrom}\t{pos}\t{rsid}\t{ref}\t{alt}\t.\t.\t{info}\tGT\t{cells}\n"


def write_lines(path: Path, samples: list[str], blocks: Iterable[str]) -> None:
    """Write a bgzipped VCF of blocks of `line`s, and its .csi index."""
    import pysam

    with pysam.BGZFile(str(path), "w", index=None) as out:
        out.write(header(samples, _CLASHES).encode())
        for block in blocks:
            out.write(block.encode())
    pysam.tabix_index(str(path), preset="vcf", csi=True, force=True)


def write_vcf(path: Path, samples: list[str], contigs: Iterable[tuple[str, Calls, npt.NDArray[np.int32]]]) -> int:
    """Write a bgzipped VCF and its .csi index; returns the number of records."""
    n = 0

    def blocks() -> Iterator[str]:
        nonlocal n
        for chrom, calls, clashes in contigs:
            n += len(calls)
            for start in range(0, len(calls), _CHUNK):
                part = slice(start, start + _CHUNK)
                cells = _cells(Calls(calls.keys[part], calls.rsid[part], calls.gt[part], calls.phased[part]))
                rows = zip(calls.keys[part], calls.rsid[part], clashes[part], cells, strict=True)
                yield "".join([line(chrom, pos, rsid, ref, alt, clash, "\t".join(row))
                               for (pos, ref, alt), rsid, clash, row in rows])  # fmt: skip

    write_lines(path, samples, blocks())
    return n


def read_own(path: Path, chrom: str) -> Calls | None:
    """Calls of one contig of a single-sample VCF that `write_vcf` wrote; None without any."""
    import pysam

    builder = CallsBuilder(1)
    codes: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    with pysam.TabixFile(str(path), index=f"{path}.csi") as table:
        if chrom not in table.contigs:
            return None
        for line in table.fetch(chrom):
            cells = line.split("\t")
            if cells[9] not in codes:
                codes[cells[9]] = _parse(cells[9])
            builder.add(chrom, int(cells[1]), cells[3], cells[4], cells[2], *codes[cells[9]])
    layers = builder.by_contig().get(chrom)
    return layers[0] if layers else None


def _parse(cell: str) -> tuple[np.ndarray, np.ndarray]:
    numbers = [-1 if a == "." else int(a) for a in cell.replace("|", "/").split("/")]
    strands = numbers if len(numbers) == 2 else [numbers[0], ABSENT]
    return np.array([strands], dtype=np.int8), np.array(["|" in cell])


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A temporary folder on the disk of the results (the system's may be small)."""
    beside.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=beside, prefix=".scratch."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["NO_ALT", "header", "line", "read_own", "scratch", "write_lines", "write_vcf"]
