"""Writes the cohort's store: VCF-Zarr (format 2, specification 0.5), and beside it the bit planes.

Arrays hold what bio2zarr would write for the same rows. Chunks lie along variants alone, about 10 million genotypes
each, so that memory does not grow with the number of people. A chunk whose values are all the fill value is no file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.core.store import atomic_folder
from consilium.genomics.cohort import chunkfiles, planes
from consilium.genomics.decoding import codes
from consilium.genomics.decoding.merging import Plan, stretch
from consilium.genomics.intake.build import BUILD, CONTIGS, LENGTHS
from consilium.genomics.intake.calls import NO_ALT

_CALLS = 10_000_000  # genotypes a chunk, about
_TALLEST = 10_000  # rows a chunk
_BLOCK = 1 << 17  # bytes that are packed together
_TEXT = "|O"
_META = [
    ["fileformat", "VCFv4.3"],
    ["INFO", '<ID=CLASHES,Number=1,Type=Integer,Description="Patients given two different genotypes: set to missing">'],
    ["FORMAT", '<ID=GT,Number=1,Type=String,Description="Genotype">'],
]


@dataclass(frozen=True)
class Array:
    """Shape beyond the rows, names of all dimensions, type, fill value, meaning."""

    tail: tuple[int, ...]
    dims: tuple[str, ...]
    dtype: str
    fill: Any
    meaning: str = ""


def height(n_patients: int) -> int:
    """Rows a chunk."""
    return max(1, min(_TALLEST, _CALLS // max(n_patients, 1)))


def _arrays(n: int) -> dict[str, Array]:
    v = ("variants",)
    return {
        "variant_contig": Array((), v, "|i1", 0, "Index into contig_id"),
        "variant_position": Array((), v, "<i4", 0, "The reference position"),
        "variant_length": Array((), v, "<i4", 0, "The length of the variant measured in bases"),
        "variant_id": Array((), v, _TEXT, "", "List of unique identifiers where applicable"),
        "variant_id_mask": Array((), v, "|b1", False),
        "variant_allele": Array((2,), (*v, "alleles"), _TEXT, "", "List of the reference and alternate alleles"),
        "variant_quality": Array((), v, "<f4", "NaN", "Phred-scaled quality score"),
        "variant_filter": Array((1,), (*v, "filters"), "|b1", False, "Filter status of the variant"),
        "variant_CLASHES": Array((), v, "<i4", -1, "Patients given two different genotypes: set to missing"),
        "call_genotype": Array((n, 2), (*v, "samples", "ploidy"), "|i1", -1),
        "call_genotype_mask": Array((n, 2), (*v, "samples", "ploidy"), "|b1", False),
        "call_genotype_phased": Array((n,), (*v, "samples"), "|b1", False),
        f"{planes.GROUP}/{planes.ARRAY}": Array((2, 8 * planes.words_of(n)), (*v, "planes", "bytes"), "|u1", 0,
                                               "low = het or no call, high = homozygous ALT or no call; bit s % 8 of "
                                               "byte s // 8 is sample s"),
        f"{planes.GROUP}/{planes.ODD}": Array((), v, "|b1", False, "The row has half or haploid calls"),
    }  # fmt: skip


def write(path: Path, plan: Plan, patients: Sequence[str], pool: Executor | None = None, n_shares: int = 1) -> None:
    """Write the rows of `plan`, in `n_shares` runs of whole chunks that `pool` works on; whole or not at all."""
    rows = height(len(patients))
    with atomic_folder(path) as folder:
        _skeleton(folder, len(plan), list(patients), rows)
        cuts = np.linspace(0, -(-len(plan) // rows), n_shares + 1).astype(int)
        shares = [range(a, b) for a, b in pairwise(cuts) if b > a]
        work = partial(_write_chunks, folder, plan, rows)
        index = [line for lines in (pool.map(work, shares) if pool else map(work, shares)) for line in lines]
        _small(folder, "region_index", np.array(index, dtype=np.int32).reshape(-1, 6),
               ("region_index_values", "region_index_fields"))  # fmt: skip
        _consolidate(folder)


def _write_chunks(folder: Path, plan: Plan, rows: int, share: range) -> list[list[int]]:
    return [line for number in share for line in _write_chunk(folder, plan, rows, number)]


def _write_chunk(folder: Path, plan: Plan, rows: int, number: int) -> list[list[int]]:
    """One chunk of every array; returns its lines of the region index."""
    start, stop = number * rows, min((number + 1) * rows, len(plan))
    calls, clashes = stretch(plan, start, stop)
    here = slice(start, stop)
    contig, pos, allele = plan.places(here)
    pairs = np.array(plan.alleles, dtype=object).reshape(-1, 2)
    pairs[:, 1][pairs[:, 1] == NO_ALT] = ""
    size = np.array([len(ref) for ref, _ in plan.alleles], dtype=np.int32)[allele]
    rsid = np.array([r.decode("utf-8", "replace") for r in plan.rsid[here]], dtype=object)
    gt = codes.genotypes(calls)
    low, high, odd = codes.plane_bits(calls)
    values = {
        "variant_contig": contig.astype(np.int8), "variant_position": pos.astype(np.int32), "variant_length": size,
        "variant_id": rsid, "variant_id_mask": rsid == ".", "variant_allele": pairs[allele],
        "variant_CLASHES": np.where(clashes > 0, clashes, -1).astype(np.int32),
        "call_genotype": gt, "call_genotype_mask": gt < 0, "call_genotype_phased": _phased(calls),
        f"{planes.GROUP}/{planes.ARRAY}": planes.pack(low, high, calls.shape[1]), f"{planes.GROUP}/{planes.ODD}": odd,
    }  # fmt: skip
    for name, array in values.items():
        chunkfiles.write(folder / name, number, array)
    out = []
    for c in sorted(set(contig.tolist())):
        p, end = pos[contig == c], (pos + size - 1)[contig == c]
        out.append([number, c, int(p[0]), int(p[-1]), int(end.max()), len(p)])
    return out


def _phased(calls: codes.Codes) -> npt.NDArray[np.bool_]:
    """Ordered strands; haploid calls count as ordered beside diploid ones, as htslib decodes them."""
    phased = codes.phased(calls)
    if codes.has(calls, codes.HAPLOID):
        single = (calls & codes.HAPLOID) != 0
        phased |= single & ~single.all(axis=1, keepdims=True)
    return phased


def _skeleton(folder: Path, n_rows: int, patients: list[str], rows: int) -> None:
    """All metadata, and the arrays that do not depend on the rows."""
    attributes = {"vcf_zarr_version": "0.5", "source": "consilium", "vcf_meta_information": _META}
    for group, attrs in ((folder, attributes), (folder / planes.GROUP, {})):
        group.mkdir(exist_ok=True)
        _json(group / ".zgroup", {"zarr_format": 2})
        _json(group / ".zattrs", attrs)
    for name, a in _arrays(len(patients)).items():
        tail = tuple(max(1, t) for t in a.tail)
        _meta(folder / name, a, (n_rows, *a.tail), (rows, *tail))
    texts = {"sample_id": (patients, "samples"), "contig_id": (list(CONTIGS), "contigs"),
             "filter_id": (["PASS"], "filters"), "filter_description": (["All filters passed"], "filters")}  # fmt: skip
    for name, (values, dim) in texts.items():
        _small(folder, name, np.array(values, dtype=object), (dim,))
    _small(folder, "contig_length", np.array([LENGTHS[BUILD][c] for c in CONTIGS], dtype=np.int64), ("contigs",))


def _small(folder: Path, name: str, values: npt.NDArray[Any], dims: tuple[str, ...]) -> None:
    """An array in one chunk."""
    dtype = _TEXT if values.dtype == object else values.dtype.str
    array = Array(values.shape[1:], dims, dtype, "" if dtype == _TEXT else 0)
    _meta(folder / name, array, values.shape, tuple(max(1, s) for s in values.shape))
    if len(values):
        chunkfiles.write(folder / name, 0, values)


def _meta(folder: Path, array: Array, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """zarr's own file of an array's properties. Calls are packed for speed, in blocks that stay in the processor's
    cache; the rest for size."""
    folder.mkdir(parents=True)
    shuffle = {"|i1": 2, "|b1": 0, "|u1": 0}.get(array.dtype, 1)
    fast = array.dtype in ("|i1", "|b1")
    codec = {"id": "blosc", "cname": "lz4", "clevel": 1 if fast else 5, "blocksize": _BLOCK if fast else 0,
             "shuffle": shuffle}  # fmt: skip
    _json(folder / ".zarray", {
        "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": array.dtype, "order": "C",
        "fill_value": array.fill, "compressor": codec, "dimension_separator": ".",
        "filters": [{"id": "vlen-utf8"}] if array.dtype == _TEXT else None,
    })  # fmt: skip
    attributes = {"_ARRAY_DIMENSIONS": array.dims}
    _json(folder / ".zattrs", {**attributes, "description": array.meaning} if array.meaning else attributes)


def _consolidate(folder: Path) -> None:
    """.zmetadata: all metadata in one file, as readers over a network want it."""
    found = sorted(p for name in (".zgroup", ".zattrs", ".zarray") for p in folder.rglob(name))
    content = {p.relative_to(folder).as_posix(): json.loads(p.read_text()) for p in found}
    _json(folder / ".zmetadata", {"metadata": dict(sorted(content.items())), "zarr_consolidated_format": 1})


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")
