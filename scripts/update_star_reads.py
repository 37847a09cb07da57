"""Build resources/star_alleles_reads/*.tsv: alleles of CYP2D6 as they are called from reads.

python scripts/update_star_reads.py --pharmcat FOLDER --older FOLDER --panel FOLDER --people ref.psam \
    --related ref.king.cutoff.id --exclude PEOPLE.tsv [PEOPLE.tsv ...] --out resources/star_alleles_reads

The folders are those of update_star_alleles.py and update_star_frequencies.py. The tables have the same columns, but
lie apart, so that nothing looks for CYP2D6 in a VCF. Three things differ:

- Functions are written with their activity: two decreased alleles may have different ones, and the phenotype goes by
  the sum. An empty function beside one is a deleted gene (*5).
- An allele that takes either base at some positions has further rows, one for each combination of these bases seen on
  at least two chromosomes of the panel: which of them is common tells far more than the definition.
- Frequencies are those of the panel's genotypes, which know neither deletions nor copies.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from star_sources import older_functions
from update_ancestry_reference import families, first_column, pedigree
from update_star_alleles import GENES, HEADERS, UNASSIGNED, gene_tables, read_json, write
from update_star_frequencies import POPULATIONS, chromosomes, covered, write_vcf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from consilium.genomics.stars.alleles import scored
from consilium.genomics.stars.tables import Gene, read_genes

GENE, DELETED = "CYP2D6", "*5"
LEAST = 2  # chromosomes from which a combination of bases has a row of its own
Tally = dict[str, Counter[str]]  # name of a row -> chromosomes by population
Rows = list[list[str]]


def with_activity(table: dict[str, Any]) -> dict[str, str]:
    """Allele -> function with its activity."""
    return {a["name"]: f"{a['functionValue']}, activity {a['activityValue'] or 'n/a'}" for a in table["namedAlleles"]}


def phenotype_rows(table: dict[str, Any]) -> Rows:
    """Pairs of functions -> phenotype and score, of alleles that are one gene; stops where a pair has several."""
    of = with_activity(table) | {DELETED: ""}
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for row in (r for r in table["diplotypes"] if not any("x" in name for name in r["diplotypekey"])):
        first, second = sorted(of[name] for name, n in row["diplotypekey"].items() for _ in range(n))
        value = (row["phenotype"], (row["activityScore"] or "").replace("n/a", ""))
        if found.setdefault((first, second), value) != value:
            raise SystemExit(f"{GENE}: {first} + {second} have several phenotypes")
    return [[GENE, *pair, *value] for pair, value in sorted(found.items())]


def panel_counts(gene: Gene, vcf: Path, populations: dict[str, str], scratch: Path) -> tuple[Tally, int]:
    """Rows `allele` or `allele|code code …` (bases at its either-base positions) -> chromosomes; how many fit none."""
    tally: Tally = defaultdict(Counter)
    wobbles, odd = gene.wobbles(), 0
    for population, sequence in chromosomes(gene, vcf, populations, scratch):
        fitting = scored(gene, sequence) if (sequence >= 0).all() else []
        odd += not fitting
        tally["chromosomes"][population] += 1
        if fitting:
            best = max(fitting, key=lambda pair: (pair[1], -pair[0]))[0]
            bases = " ".join(map(str, sequence[wobbles[best]]))
            tally[gene.alleles[best] + (f"|{bases}" if bases else "")][population] += 1
    return tally, odd


def split(gene: Gene, rows: Rows, tally: Tally) -> tuple[Rows, Rows]:
    """Rows of alleles.tsv with the seen combinations behind each allele that takes either base; frequencies.tsv."""
    out: Rows = []
    counts = [[GENE, "chromosomes", *(f"{tally['chromosomes'][p]}" for p in POPULATIONS)]]
    for at, row in enumerate(rows):
        name, places = row[1], np.flatnonzero(gene.wobbles()[at])
        seen = {k: v for k, v in tally.items() if k.split("|")[0] == name and k != name}
        common = sorted((k for k, v in seen.items() if v.total() >= LEAST), key=lambda k: (-seen[k].total(), k))
        rest = sum((v for k, v in seen.items() if k not in common), tally.get(name, Counter()))
        named = {name: rest} | {f"{name} ({n})": seen[k] for n, k in enumerate(common, start=1)}
        out.append(row)
        for n, key in enumerate(common, start=1):
            chosen = dict(zip(places.tolist(), map(int, key.split("|")[1].split()), strict=True))
            out.append([row[0], f"{name} ({n})", *row[2:5], spelled(gene, row[5], chosen)])
        counts += [[GENE, n, *(str(v[p]) for p in POPULATIONS)] for n, v in named.items() if v.total()]
    return out, counts


def spelled(gene: Gene, definition: str, chosen: dict[int, int]) -> str:
    """A definition with one base at each of the chosen loci (locus -> code)."""
    at = {gene.loci[i].pos: (gene.loci[i].ref, *gene.loci[i].alts)[code] for i, code in chosen.items()}
    cells = (cell.split(":") for cell in definition.split(";"))
    return ";".join(f"{pos}:{at.get(int(pos), base)}" for pos, base in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pharmcat", "older", "panel", "people", "related", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--exclude", type=Path, nargs="+", required=True, help="TSVs of people who are not counted")
    options = parser.parse_args()
    functions, version = older_functions(options.older, GENE)
    found = read_json(options.pharmcat / "definition" / f"{GENE}_translation")
    GENES[GENE] = ("named", "no_call", "activity_score")
    tables = gene_tables(GENE, found, {**functions, "diplotypes": []}, {}, [found["version"], version])
    said = with_activity(functions)
    for row in tables["alleles"]:
        row[3] = said.get(row[1], UNASSIGNED)
    tables["phenotypes"] = phenotype_rows(functions)
    for row in tables["positions"]:
        row += ["", ""]  # reads are of GRCh38
    options.out.mkdir(parents=True, exist_ok=True)
    save(options.out, tables)
    (gene,) = read_genes(options.out).values()
    populations, near = pedigree(options.people)
    left_out = families({name for path in options.exclude for name in first_column(path)}, near)
    left_out |= first_column(options.related)
    source = options.panel / "GRCh38" / f"{GENE}.vcf.gz"
    if not covered(source, gene):
        raise SystemExit(f"{source}: does not span {GENE}'s positions")
    with tempfile.TemporaryDirectory() as folder:
        write_vcf(source, Path(folder) / "panel.vcf", gene, 0)
        counted = {name: group for name, group in populations.items() if name not in left_out}
        tally, odd = panel_counts(gene, Path(folder) / "panel.vcf.gz", counted, Path(folder))
    print(f"{len(counted)} people counted, {odd} chromosomes fit no allele", file=sys.stderr)
    tables["alleles"], frequencies = split(gene, tables["alleles"], tally)
    save(options.out, tables)
    write(options.out / "frequencies.tsv", ["gene", "allele", *POPULATIONS], frequencies)


def save(folder: Path, tables: dict[str, Rows]) -> None:
    for name in ("genes", "positions", "alleles", "phenotypes"):
        write(folder / f"{name}.tsv", HEADERS[name], tables[name])


if __name__ == "__main__":
    main()
