"""Write resources/gene_regions.tsv: bodies and exons of pharmacogenes and of control genes, GRCh38.

python scripts/update_gene_regions.py --table gene-table.csv.gz --out resources/gene_regions.tsv

The table is PyPGx's list of genes. Its exons begin at 0 and end behind the last base, as in BED. A gene serves as a
control of depth where it lies on an autosome and the table knows no copy-number alleles of it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

GENES = (
    "ABCG2", "CACNA1S", "CFTR", "CYP2B6", "CYP2C8", "CYP2C9", "CYP2C19", "CYP2D6", "CYP2D7", "CYP3A4", "CYP3A5",
    "CYP4F2", "DPYD", "EGFR", "G6PD", "IFNL3", "MT-RNR1", "NAT2", "NUDT15", "RYR1", "SLCO1B1", "TPMT", "UGT1A1", "VDR",
    "VKORC1",
)  # fmt: skip
CONTROLS_ONLY = {"CYP2D7": "paralogue", "EGFR": "control", "VDR": "control"}
AUTOSOMES = {str(i) for i in range(1, 23)}


def numbers(cell: str) -> list[int]:
    return [int(n) for n in cell.split(",") if n]


def row(entry: dict[str, str]) -> list[str]:
    exons = list(zip(numbers(entry["GRCh38ExonStarts"]), numbers(entry["GRCh38ExonEnds"]), strict=True))
    chrom = entry["GRCh38Region"].split(":")[0]
    gene = entry["Gene"]
    steady = chrom in AUTOSOMES and entry["SV"] == "FALSE" and entry["Paralog"] == "N/A"
    return [gene, CONTROLS_ONLY.get(gene, "pharmacogene"), "yes" if steady else "no", f"chr{chrom}",
            str(exons[0][0]), str(exons[-1][1]), ";".join(f"{a}-{b}" for a, b in exons)]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with gzip.open(options.table, "rt", newline="") as handle:
        entries = {e["Gene"]: e for e in csv.DictReader(handle)}
    lines = [["gene", "role", "steady", "chrom", "start", "end", "exons"], *(row(entries[g]) for g in GENES)]
    options.out.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
