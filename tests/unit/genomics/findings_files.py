"""A made-up genome of two genes on chr1, and ClinVar files in the layouts of its releases; nothing of it is real."""

from __future__ import annotations

import gzip
from pathlib import Path

START = {"GENA": 301, "GENR": 1001}  # first coding base of the two genes, both forward, 100 codons, one exon
CODONS = 100
# GCT is alanine; the ninth codon is TGG, so that TGA and TAG are one base away.
CODING = "ATG" + "GCT" * 7 + "TGG" + "GCT" * (CODONS - 10) + "TAA"
CURRENT = (
    '##fileformat=VCFv4.1\n##fileDate={date}\n##source=ClinVar\n##reference={build}\n##ID=<Description="ClinVar '
    'Variation ID">\n##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Aggregate germline classification">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)
FIRST = (
    "##fileformat=VCFv4.0\n##fileDate=20150305\n##source=ClinVar and dbSNP\n##reference=GRCh38.p2\n"
    '##INFO=<ID=CLNALLE,Number=.,Type=Integer,Description="Variant alleles">\n'
    '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="0 - Uncertain significance …">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)


def genome() -> str:
    bases = list("ACGTTGCA" * 250)
    for start in START.values():
        bases[start - 1 : start - 1 + len(CODING)] = CODING
    return "".join(bases)


def fasta(folder: Path) -> Path:
    import pysam

    path = folder / "genome.fa"
    path.write_text(f">chr1\n{genome()}\n")
    pysam.faidx(str(path))
    return path


def gff(folder: Path, build: str = "GRCh38.p14") -> Path:
    """Ensembl's way of writing, contigs without chr."""
    lines = ["##gff-version 3", f"#!genome-build  {build}", "#!genebuild-last-updated 2023-07"]
    for n, (gene, start) in enumerate(START.items()):
        end, name = start + 3 * CODONS - 1, f"{n:011d}"
        where = f"\t{start}\t{end}\t.\t+\t"
        lines += [
            f"1\thavana\tgene{where}.\tID=gene:ENSG{name};Name={gene};biotype=protein_coding;gene_id=ENSG{name}",
            f"1\thavana\tmRNA{where}.\tID=transcript:ENST{name};Parent=gene:ENSG{name};biotype=protein_coding",
            f"1\thavana\texon{where}.\tParent=transcript:ENST{name};Name=ENSE{name}",
            f"1\thavana\tCDS{where}0\tID=CDS:ENSP{name};Parent=transcript:ENST{name}",
        ]
    path = folder / "genes.gff3.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    return path


def base(position: int) -> str:
    return genome()[position - 1]


def clinvar(path: Path, rows: list[str], date: str = "2025-03-01", build: str = "GRCh38", head: str = CURRENT) -> Path:
    """A file of these rows: "chrom pos id ref alt INFO", cells joined by blanks."""
    text = head.format(date=date, build=build) if head == CURRENT else head
    for row in rows:
        chrom, pos, name, ref, alt, info = row.split(" ")
        text += "\t".join([chrom, pos, name, ref, alt, ".", ".", info]) + "\n"
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())
    return path


def info(gene: str, meaning: str = "Pathogenic", stars: str = "reviewed_by_expert_panel", **more: str) -> str:
    extra = "".join(f";{k}={v}" for k, v in more.items())
    return f"ALLELEID=1;CLNDN=Some_disease|not_provided;CLNREVSTAT={stars};CLNSIG={meaning};GENEINFO={gene}:1{extra}"
