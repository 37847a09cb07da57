"""Builds resources/lift_grch37.tsv: where stretches of pharmacogenes lie in GRCh37, and where their bases differ.

The same people were genotyped in both builds. Within a gene the same variants lie at one distance; a stretch in which
at least RUN variants in a row (by position in GRCh38) agree in distance, alleles and frequency, with no gap longer
than GAP, is taken as free of insertions and deletions between the builds. Inside such stretches, variants with REF and
ALT in exchanged places and complementary frequencies show where the builds' bases differ; so do the rows of a
pharmacogene table that names both positions and both reference bases. Its other rows become stretches of one base.
"""

import argparse
import csv
import gzip
from collections import Counter
from pathlib import Path

RUN, GAP = 8, 3000
SHIFTS = 4  # distances tried per gene
TOLERANCE = 0.02  # between frequencies, beside a fifth of the frequency

Variant = tuple[int, str, str, float]
Row = tuple[str, int, int, int, str, str, int]


def variants(path: Path) -> tuple[str, list[Variant]]:
    """Chromosome and (position, ref, alt, frequency) of the single-base variants of one gene."""
    out, chrom = [], ""
    with gzip.open(path, "rt") as handle:
        for line in handle:
            if line.startswith("#"):
                continue
            chrom, position, _, ref, alts, *_, calls = line.rstrip("\n").split("\t", 9)
            numbers = calls.count("0"), *(calls.count(str(i)) for i in range(1, alts.count(",") + 2))
            total = max(sum(numbers), 1)
            out += [(int(position), ref, a, n / total) for a, n in zip(alts.split(","), numbers[1:], strict=True)
                    if len(ref) == len(a) == 1]  # fmt: skip
    return f"chr{chrom.removeprefix('chr')}", out


def close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE + 0.2 * min(a, b)


def stretches(
    new: list[Variant], old: dict[tuple[int, str, str], float], shifts: list[int]
) -> list[tuple[int, int, int, int]]:
    """(first, last, shift, variants) in GRCh38 positions; of one distance each, apart from each other."""
    found = sorted(
        (p, s) for p, r, a, f in new for s in shifts if (g := old.get((p - s, r, a))) is not None and close(f, g)
    )
    runs: list[list[int]] = []
    for position, shift in found:
        if runs and runs[-1][2] == shift and position - runs[-1][1] <= GAP:
            runs[-1][1:2] = [position]
            runs[-1][3] += 1
        else:
            runs.append([position, position, shift, 1])
    # A chance match at another distance splits a run in two: without the short ones, halves of one distance rejoin.
    kept: list[list[int]] = []
    for first, last, shift, n in (r for r in runs if r[3] >= 3):
        if kept and kept[-1][2] == shift and first - kept[-1][1] <= GAP:
            kept[-1][1], kept[-1][3] = last, kept[-1][3] + n
        else:
            kept.append([first, last, shift, n])
    return [tuple(r) for r in kept if r[3] >= RUN]  # type: ignore[misc]


def of_gene(new_file: Path, old_file: Path) -> list[Row]:
    chrom, new = variants(new_file)
    _, old = variants(old_file)
    known = {(p, r, a): f for p, r, a, f in old}
    by_alleles: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for p, r, a, f in old:
        by_alleles.setdefault((r, a), []).append((p, f))
    votes = Counter(p - q for p, r, a, f in new for q, g in by_alleles.get((r, a), []) if close(f, g))
    shifts = [s for s, n in votes.most_common(SHIFTS) if n >= RUN]
    rows: list[Row] = []
    for first, last, shift, n in stretches(new, known, shifts):
        rows.append((chrom, first - shift, last - shift, first, "", "", n))
        for p, r, a, f in new:
            g = known.get((p - shift, a, r)) if first <= p <= last else None
            if g is not None and close(1 - f, g) and (p - shift, r, a) not in known:
                rows.append((chrom, p - shift, p - shift, p, a, r, 1))
    print(
        f"{new_file.name}: {len(new)} variants, {len(old)} in the other build, "
        + ", ".join(f"{r[1]}-{r[2]} {r[3] - r[1]:+d} ({r[6]})" if not r[4] else f"{r[3]} {r[4]}>{r[5]}" for r in rows)
    )
    return rows


def of_table(path: Path, rows: list[Row]) -> list[Row]:
    """Rows of the table of pharmacogene variants that `rows` do not hold; those that contradict them are printed."""
    covered = [(c, s, e, t - s) for c, s, e, t, ref, _, _ in rows if not ref]
    differing = {(c, t) for c, _, _, t, ref, _, _ in rows if ref}
    out = []
    with gzip.open(path, "rt", newline="") as handle:
        for r in csv.DictReader(handle):
            chrom, old, new = f"chr{r['Chromosome']}", int(r["GRCh37Position"]), int(r["GRCh38Position"])
            bases = r["GRCh37Allele"], r["GRCh38Allele"]
            over = [shift for c, s, e, shift in covered if c == chrom and s <= old <= e]
            if over and new - old not in over:
                print(f"contradiction: {r['Gene']} {chrom}:{old} -> {new}, stretch says {old + over[0]}")
                continue
            if chrom == "chrM":
                continue
            if not over:
                out.append((chrom, old, old + max(len(bases[0]) - 1, 0), new, "", "", 1))
            if (
                bases[0] != bases[1]
                and all(len(b) == 1 and b in "ACGT" for b in bases)
                and (chrom, new) not in differing
            ):
                out.append((chrom, old, old, new, *bases, 1))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panel", type=Path, required=True, help="folder with GRCh37/ and GRCh38/, one VCF a gene")
    parser.add_argument("--table", type=Path, required=True, help="variant table with positions in both builds")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows: list[Row] = []
    for path in sorted((args.panel / "GRCh38").glob("*.vcf.gz")):
        old = args.panel / "GRCh37" / path.name
        rows += of_gene(path, old) if old.exists() else []
    rows += of_table(args.table, rows)
    head = "chrom\tstart_grch37\tend_grch37\tstart_grch38\tref_grch37\tref_grch38\tn_variants"
    lines = ["\t".join(map(str, row)) for row in sorted(set(rows), key=lambda r: (r[0], r[1], -r[6], r))]
    args.out.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
