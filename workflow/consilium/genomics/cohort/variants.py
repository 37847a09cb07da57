"""Writes calls as VCF and VCF-Zarr, and reads back the VCFs that consilium itself wrote."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consilium.core.store import atomic_folder
from consilium.genomics.intake.build import BUILD, CONTIGS, LENGTHS
from consilium.genomics.intake.calls import ABSENT, NO_ALT, Calls, CallsBuilder

_CLASHES = (
    '##INFO=<ID=CLASHES,Number=1,Type=Integer,Description="Patients given two different genotypes: set to missing">'
)
_CHUNK = (10_000, 1_000)  # variants, samples


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


def write_vcf(path: Path, samples: list[str], contigs: Iterable[tuple[str, Calls, npt.NDArray[np.int32]]]) -> int:
    """Write a bgzipped VCF and its .csi index; returns the number of records."""
    import pysam

    n = 0
    with pysam.BGZFile(str(path), "w", index=None) as out:
        out.write(header(samples, _CLASHES).encode())
        for chrom, calls, clashes in contigs:
            for start in range(0, len(calls), _CHUNK[0]):
                part = slice(start, start + _CHUNK[0])
                cells = _cells(Calls(calls.keys[part], calls.rsid[part], calls.gt[part], calls.phased[part]))
                rows = zip(calls.keys[part], calls.rsid[part], clashes[part], cells, strict=True)
                for (pos, ref, alt), rsid, clash, row in rows:
                    info = f"CLASHES={clash}" if clash else "."
                    fixed = f"{chrom}\t{pos}\t{rsid}\t{ref}\t{alt}\t.\t.\t{info}\tGT\t"
                    out.write((fixed + "\t".join(row) + "\n").encode())
                    n += 1
    pysam.tabix_index(str(path), preset="vcf", csi=True, force=True)
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


def write_vcz(path: Path, vcf: Path, samples: list[str], n_records: int) -> None:
    """Write VCF-Zarr (a folder; format 2, consolidated) from a bgzipped VCF, whole or not at all."""
    import bio2zarr.vcf
    import zarr

    with atomic_folder(path) as folder:
        folder.rmdir()  # bio2zarr wants to make it
        if n_records and samples:
            bio2zarr.vcf.convert(
                [vcf], folder, variants_chunk_size=_CHUNK[0], samples_chunk_size=_CHUNK[1],
                icf_path=folder.with_name(f"{folder.name}.icf"), show_progress=False,
            )  # fmt: skip
        else:
            _write_empty(folder, samples)
        shutil.rmtree(folder.with_name(f"{folder.name}.icf"), ignore_errors=True)
        zarr.consolidate_metadata(str(folder), zarr_format=2)


def _write_empty(folder: Path, samples: list[str]) -> None:
    """A store without variants: the arrays that readers ask for, of length 0."""
    import zarr

    group = zarr.open_group(str(folder), mode="w", zarr_format=2, attributes={"vcf_zarr_version": "0.4"})
    n = len(samples)
    arrays = {
        "sample_id": (np.array(samples, dtype="U64"), ["samples"]),
        "contig_id": (np.array(CONTIGS, dtype="U64"), ["contigs"]),
        "contig_length": (np.array([LENGTHS[BUILD][c] for c in CONTIGS]), ["contigs"]),
        "variant_contig": (np.empty(0, dtype=np.int8), ["variants"]),
        "variant_position": (np.empty(0, dtype=np.int32), ["variants"]),
        "variant_id": (np.empty(0, dtype="U1"), ["variants"]),
        "variant_allele": (np.empty((0, 2), dtype="U1"), ["variants", "alleles"]),
        "call_genotype": (np.empty((0, n, 2), dtype=np.int8), ["variants", "samples", "ploidy"]),
        "call_genotype_phased": (np.empty((0, n), dtype=bool), ["variants", "samples"]),
        "call_genotype_mask": (np.empty((0, n, 2), dtype=bool), ["variants", "samples", "ploidy"]),
    }
    for name, (values, dims) in arrays.items():
        array = group.create_array(
            name, shape=values.shape, dtype=values.dtype, chunks=tuple(max(s, 1) for s in values.shape)
        )
        array.attrs["_ARRAY_DIMENSIONS"] = dims
        if values.size:
            array[...] = values


__all__ = ["NO_ALT", "header", "read_own", "scratch", "write_vcf", "write_vcz"]
