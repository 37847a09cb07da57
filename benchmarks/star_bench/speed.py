"""The stage `pharmacogenes` on 3,202 people: star alleles of every gene, table and one JSON a patient, on disk."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from consilium.core.store import write_table
from consilium.genomics.stars.tables import read_genes
from star_bench.origins import ancestry_table
from star_bench.panel import ROOT, TABLES, read_gene, sexes


def write_cohort(data: Path, folder: Path) -> int:
    """One VCF-Zarr with every gene's sites (DPYD: from GRCh37, for those it has), the sheets; number of people."""
    parts = []
    samples: list[str] = []
    for gene in (g for g in read_genes(TABLES).values() if g.loci):
        part = read_gene(data, gene, "GRCh37" if gene.name == "DPYD" else "GRCh38")
        if part is None or not part.n_sites:
            continue
        samples = samples if len(samples) > len(part.samples) else part.samples
        rows = np.arange(part.n_sites)
        parts.append((gene.chrom, part.records(rows), part.calls(rows), part.samples))
    at = {sample: i for i, sample in enumerate(samples)}
    contigs = sorted({chrom for chrom, *_ in parts})
    records = [(contigs.index(chrom), r) for chrom, found, *_ in parts for r in found]
    calls = np.full((len(records), len(samples), 2), -1, dtype=np.int8)
    row = 0
    for _, found, part, people in parts:
        calls[row : row + len(found), [at[p] for p in people]] = part
        row += len(found)
    order = sorted(range(len(records)), key=lambda i: (records[i][0], records[i][1].pos))
    width = max(len(r.alleles) for _, r in records)
    group = zarr.open_group(str(folder / "genotypes.vcz"), mode="w", zarr_format=2)
    group["sample_id"], group["contig_id"] = np.array(samples, dtype="U64"), np.array(contigs, dtype="U16")
    group["variant_contig"] = np.array([records[i][0] for i in order], dtype=np.int16)
    group["variant_position"] = np.array([records[i][1].pos for i in order], dtype=np.int32)
    alleles = [[*records[i][1].alleles, *[""] * (width - len(records[i][1].alleles))] for i in order]
    group["variant_allele"] = np.array(alleles, dtype=f"U{max(len(a) for r in alleles for a in r)}")
    group["call_genotype"] = calls[order]
    group["call_genotype_phased"] = np.ones(calls.shape[:2], dtype=bool)
    sex = sexes(data)
    lines = [f"{s}\t{sex.get(s, 'unknown')}" for s in samples]
    (folder / "patients.tsv").write_text("patient\tsex\n" + "\n".join(lines) + "\n")
    write_table(folder / "ancestry.tsv", "ancestry", ancestry_table(data))
    (folder / "samples.tsv").write_text("patient\tmodality\tkind\tpath\n")
    return len(samples)


def measure(data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = write_cohort(data, folder)
        command = [sys.executable, str(ROOT / "scripts" / "genomics.py"), "pharmacogenes", "--genotypes",
                   str(folder / "genotypes.vcz"), "--sheet", str(folder / "patients.tsv"), "--samples",
                   str(folder / "samples.tsv"), "--tables", str(TABLES), "--ancestry",
                   str(folder / "ancestry.tsv"), "--folder", str(folder / "p"), "--out",
                   str(folder / "t.tsv"), "--quarantine", str(folder / "q.tsv")]  # fmt: skip
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(f.stat().st_size for f in (folder / "p").rglob("*.json"))
    peak = after.ru_maxrss / 1024
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    genes = len(read_genes(TABLES))
    return {
        "people": people,
        "genes": genes,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_mb": round(peak),
        "json_mb": size >> 20,
    }


def table(results: dict[str, Any]) -> str:
    r = results
    return (
        f"{r['people']} people x {r['genes']} genes, from the cohort's store to the table and one JSON a patient "
        f"({r['json_mb']} MB): {r['cpu_seconds']} CPU seconds in one process ({r['seconds']} s by the clock), "
        f"peak memory {r['peak_mb']} MB."
    )
