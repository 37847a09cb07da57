"""Builds resources/ancestry_1kgp.tsv: allele frequencies of five superpopulations at autosomal single-base variants.

Counted in unrelated people only (--related lists those to leave out), without the people of --exclude and everybody
whom the pedigree connects with them, so that those people can be used to judge the result. A half allele is added
to either count: no frequency is 0 or 1.
"""

import argparse
import csv
import gzip
from pathlib import Path


def pedigree(path: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """(person -> superpopulation, person -> parents and children)."""
    population: dict[str, str] = {}
    near: dict[str, set[str]] = {}
    with open(path, encoding="utf-8") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            person = row["#IID"]
            population[person] = row["SuperPop"]
            for parent in {row["PAT"], row["MAT"]} - {"0"}:
                near.setdefault(person, set()).add(parent)
                near.setdefault(parent, set()).add(person)
    return population, near


def families(people: set[str], near: dict[str, set[str]]) -> set[str]:
    """`people` and everybody connected with them."""
    out, open_ends = set(people), list(people)
    while open_ends:
        new = near.get(open_ends.pop(), set()) - out
        out |= new
        open_ends += new
    return out


def first_column(path: Path) -> set[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split("\t")[0] for line in lines[1:] if line}


def frequencies(vcf: Path, groups: dict[str, set[str]]) -> list[tuple[int, int, str, str, list[float]]]:
    rows = []
    with gzip.open(vcf, "rt") as handle:
        columns: dict[str, list[int]] = {}
        for line in handle:
            cells = line.rstrip("\n").split("\t")
            if line.startswith("#CHROM"):
                columns = {g: [i for i, name in enumerate(cells) if name in people] for g, people in groups.items()}
            if line.startswith("#") or not cells[0].removeprefix("chr").isdigit():
                continue
            if len(cells[3]) != 1 or len(cells[4]) != 1:
                continue
            values = []
            for chosen in columns.values():
                alleles = "".join(cells[i].split(":")[0] for i in chosen)
                values.append((alleles.count("1") + 0.5) / (alleles.count("0") + alleles.count("1") + 1))
            rows.append((int(cells[0].removeprefix("chr")), int(cells[1]), cells[3], cells[4], values))
    return sorted(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vcf", type=Path, required=True)
    parser.add_argument("--psam", type=Path, required=True, help="sample table with pedigree and superpopulation")
    parser.add_argument("--related", type=Path, required=True, help="people to leave out as related (one a line)")
    parser.add_argument(
        "--exclude", type=Path, required=True, help="TSV whose first column names the people to keep out"
    )
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    population, near = pedigree(args.psam)
    left_out = families(first_column(args.exclude), near) | first_column(args.related)
    groups = {
        name: {p for p, g in population.items() if g == name and p not in left_out}
        for name in sorted(set(population.values()))
    }
    print({name: len(people) for name, people in groups.items()})
    lines = ["\t".join(["chrom", "pos", "ref", "alt", *groups])]
    for chrom, pos, ref, alt, values in frequencies(args.vcf, groups):
        lines.append("\t".join([f"chr{chrom}", str(pos), ref, alt, *(f"{v:.5f}" for v in values)]))
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
