"""Builds resources/build_sites.tsv: common variants with their positions in two genome builds.

Positions of the same variant differ by one constant within a gene; the constant is the difference that most pairs of
variants with equal alleles share. Only variants that are common in the GRCh38 panel are kept. To them come the
single-base variants of a pharmacogene table that names both positions.
"""

import argparse
import csv
import gzip
from collections import Counter
from pathlib import Path

MINIMUM_FREQUENCY = 0.1
PER_GENE = 40


def common(path: Path) -> list[tuple[str, int, str, str, float]]:
    """(chrom, position, ref, alt, frequency) of the biallelic single-base variants of one gene."""
    rows = []
    with gzip.open(path, "rt") as handle:
        for line in handle:
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            ref, alt = cells[3], cells[4]
            if len(ref) != 1 or len(alt) != 1 or alt == ".":
                continue
            calls = "".join(c.split(":")[0] for c in cells[9:])
            ones, zeros = calls.count("1"), calls.count("0")
            rows.append((cells[0].removeprefix("chr"), int(cells[1]), ref, alt, ones / max(ones + zeros, 1)))
    return rows


def matched(new: list, old: list) -> list[tuple[str, int, int, str, str]]:
    """Variants of both lists that lie at the gene's constant distance."""
    by_alleles: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for _, position, ref, alt, frequency in old:
        by_alleles.setdefault((ref, alt), []).append((position, frequency))
    shifts = Counter(
        p - q for _, p, r, a, f in new for q, g in by_alleles.get((r, a), []) if abs(f - g) < 0.05 and f > 0.05
    )
    if not shifts:
        return []
    shift, votes = shifts.most_common(1)[0]
    there = {(q, r, a) for _, q, r, a, _ in old}
    found = [(c, p, p - shift, r, a) for c, p, r, a, f in new if f >= MINIMUM_FREQUENCY and (p - shift, r, a) in there]
    return found[:: max(1, len(found) // PER_GENE)] if votes >= 5 and shift else []


def tabled(path: Path) -> list[tuple[str, int, int, str, str]]:
    """Single-base variants of the table of pharmacogene variants."""
    with gzip.open(path, "rt", newline="") as handle:
        rows = [
            (
                r["Chromosome"],
                r["GRCh38Position"],
                r["GRCh37Position"],
                r["GRCh38Allele"],
                r["Variant"],
                r["GRCh37Allele"],
            )
            for r in csv.DictReader(handle)
        ]
    return [
        (c, int(p), int(q), r, a)
        for c, p, q, r, a, old in rows
        if len(r) == len(a) == 1 and r == old and {r, a} <= set("ACGT") and p != q
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panel", type=Path, required=True, help="folder with GRCh37/ and GRCh38/, one VCF a gene")
    parser.add_argument("--table", type=Path, required=True, help="variant table with positions in both builds")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = [(f"chr{c}", p, q, r, a) for c, p, q, r, a in tabled(args.table)]
    for path in sorted((args.panel / "GRCh38").glob("*.vcf.gz")):
        old = args.panel / "GRCh37" / path.name
        found = matched(common(path), common(old)) if old.exists() else []
        print(f"{path.name}: {len(found)}")
        rows += [(f"chr{c}", p, q, r, a) for c, p, q, r, a in found]
    lines = ["chrom\tpos_grch38\tpos_grch37\tref\talt", *("\t".join(map(str, row)) for row in sorted(set(rows)))]
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
