"""Build resources/star_alleles/*.tsv from a folder of PharmCAT's allele definitions and phenotype tables.

python scripts/update_star_alleles.py --pharmcat FOLDER --older FOLDER --pypgx FOLDER --out resources/star_alleles

--pharmcat holds definition/<GENE>_translation.json and phenotype/<GENE>.json, each possibly gzipped. A gene without a
phenotype table is one to whose alleles its source assigns no function. --older: function tables of older releases;
--pypgx: PyPGx's tables (scripts/star_sources.py). Only facts are taken: positions, alleles, functions, activity
values, phenotypes. Needs nothing but the standard library.
Population frequencies are added by scripts/update_star_frequencies.py.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from star_sources import OLDER, REFERENCES, OlderBuild, definition, older_functions

# Gene -> (how alleles are found, what an undocumented base at a defining position means, key of guideline tables).
GENES = {
    "CYP2C19": ("named", "no_call", "phenotype"),
    "CYP2C9": ("named", "no_call", "activity_score"),
    "VKORC1": ("named", "no_call", "phenotype"),
    "SLCO1B1": ("named", "no_call", "phenotype"),
    "TPMT": ("named", "reference", "phenotype"),
    "NUDT15": ("named", "reference", "phenotype"),
    "DPYD": ("lowest_function", "reference", "activity_score"),
    "CYP3A5": ("named", "no_call", "phenotype"),
    "CYP2B6": ("named", "no_call", "phenotype"),
    "CYP3A4": ("named", "no_call", "phenotype"),
    "CYP4F2": ("named", "no_call", "diplotype"),
    "ABCG2": ("named", "no_call", "phenotype"),
    "IFNL3": ("named", "no_call", "diplotype"),
    "UGT1A1": ("named", "no_call", "phenotype"),
    "NAT2": ("named", "no_call", "phenotype"),
    "CACNA1S": ("lowest_function", "reference", "phenotype"),
    "RYR1": ("lowest_function", "reference", "phenotype"),
    "CYP2C8": ("named", "no_call", "diplotype"),
    "G6PD": ("named", "reference", "phenotype"),
    "CFTR": ("lowest_function", "reference", "phenotype"),
    "MT-RNR1": ("lowest_function", "no_call", "phenotype"),
    "CYP2D6": ("outside", "no_call", "activity_score"),
    "HLA-A": ("outside", "no_call", "phenotype"),
    "HLA-B": ("outside", "no_call", "phenotype"),
}
COPIES = {"G6PD": "x", "MT-RNR1": "mt"}  # the others have two copies in everybody
NO_PHENOTYPES: dict[str, Any] = {"namedAlleles": [], "diplotypes": []}
IUPAC = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
UNASSIGNED = "Unassigned function"


def read_json(stem: Path) -> dict[str, Any]:
    """The JSON at `stem`.json or `stem`.json.gz; an empty table for a gene without phenotypes."""
    plain = stem.with_name(stem.name + ".json")
    if plain.exists():
        return dict(json.loads(plain.read_text(encoding="utf-8")))
    packed = stem.with_name(stem.name + ".json.gz")
    if not packed.exists() and stem.parent.name == "phenotype":
        return NO_PHENOTYPES
    with gzip.open(packed, "rt", encoding="utf-8") as handle:
        return dict(json.load(handle))


def bases(cell: str) -> str:
    """A definition's cell as `A` or, for an ambiguous base, `A|G`."""
    return "|".join(IUPAC.get(cell, (cell,)))


def last_base(variant: dict[str, Any]) -> int:
    """Last base up to which an insertion or deletion can be moved; the position itself for a substitution.

    VCF puts an indel leftmost, HGVS rightmost: between the two every spelling means the same.
    """
    hgvs, first = variant["chromosomeHgvsName"], variant["position"]
    if all(len(a) == len(variant["ref"]) for a in variant["alts"]):
        return int(first)
    if repeat := re.match(r"g\.(\d+)([ACGT]+)\[", hgvs):
        unit = repeat[2]
        name = next(n for n, v in variant["cpicToVcfAlleleMap"].items() if v == variant["ref"])
        copies = re.search(r"\((\d+)\)", name)  # one copy is written without its number
        return int(repeat[1]) + len(unit) * (int(copies[1]) if copies else 1) - 1
    if kind := re.match(r"g\.(\d+)(?:_(\d+))?(del|dup|ins)", hgvs):
        start, end = int(kind[1]), int(kind[2] or kind[1])
        return start if kind[3] == "ins" else end
    raise SystemExit(f"{variant['rsid']}: no reading of {hgvs}")


def gene_tables(
    gene: str, found: dict[str, Any], functions: dict[str, Any], exemptions: dict[str, Any], versions: list[str]
) -> dict[str, list[list[str]]]:
    """Rows of every table for one gene."""
    variants = found["variants"]
    core = found.get("suballelesMap") or {}
    known = {a["name"]: (a["functionValue"], a["activityValue"] or "") for a in functions["namedAlleles"]}
    alleles: list[list[str]] = []
    used: dict[int, list[str]] = {v["position"]: [] for v in variants}
    for allele in found["namedAlleles"]:
        name = allele["name"]
        cells = [(v["position"], c) for v, c in zip(variants, allele["alleles"], strict=True) if c]
        function, activity = known.get(core.get(name, name), (UNASSIGNED, ""))
        spelled = "all" if allele["reference"] else ";".join(f"{p}:{bases(c)}" for p, c in cells)
        alleles.append([gene, name, core.get(name, name), function, activity.replace("n/a", ""), spelled])
        reference = {v["position"]: v["ref"] for v in variants}
        for position, cell in cells:
            if not allele["reference"] and cell != reference[position]:
                used[position].append(name)
    extra = exemptions.get("extraPositions", [])
    positions = [[gene, *position_row(v), ";".join(used[v["position"]]), "defining"] for v in variants]
    positions += [[gene, *position_row(v), "", "extra"] for v in extra]
    strategy, undocumented, key = GENES[gene]
    required = ";".join(map(str, exemptions.get("requiredPositions", [])))
    facts = [gene, found["chromosome"], strategy, undocumented, key, *versions, COPIES.get(gene, "2"), required]
    preferred = [[gene, "|".join(p["list"]), p["pick"]] for p in exemptions.get("unphasedDiplotypePriorities", [])]
    return {"positions": positions, "alleles": alleles, "genes": [facts], "phenotypes": phenotypes(gene, functions),
            "preferred": preferred}  # fmt: skip


def position_row(v: dict[str, Any]) -> list[str]:
    """Cells chrom to last of positions.tsv."""
    return [v["chromosome"], str(v["position"]), v["ref"], ",".join(v["alts"]), v["rsid"] or "",
            v["chromosomeHgvsName"], str(last_base(v))]  # fmt: skip


def outside_tables(gene: str, functions: dict[str, Any], versions: list[str]) -> dict[str, list[list[str]]]:
    """Rows for a gene that is only taken from outside calls: alleles without definitions."""
    chrom = "chr22" if gene == "CYP2D6" else "chr6"
    alleles = [[gene, a["name"], a["name"], a["functionValue"], (a["activityValue"] or "").replace("n/a", ""), ""]
               for a in functions["namedAlleles"]]  # fmt: skip
    return {"alleles": alleles, "genes": [[gene, chrom, *GENES[gene], *versions, "2", ""]]}


def phenotypes(gene: str, functions: dict[str, Any]) -> list[list[str]]:
    """Pairs of allele functions -> phenotype; the source lists diplotypes, and the pair decides in all genes here."""
    known = {a["name"]: (a["functionValue"], a["activityValue"] or "") for a in functions["namedAlleles"]}
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in functions["diplotypes"]:
        pair = sorted(known[name][0] for name, n in row["diplotypekey"].items() for _ in range(n))
        pair = ["", *pair] if len(pair) == 1 else pair  # one copy: men's X, mitochondria
        value = (row["phenotype"], (row["activityScore"] or "").replace("n/a", ""))
        found.setdefault((pair[0], pair[1]), set()).add(value)
    rows = []
    for (first, second), values in sorted(found.items()):
        if len(values) != 1:
            raise SystemExit(f"{gene}: functions {first} + {second} have several phenotypes: {sorted(values)}")
        phenotype, score = values.pop()
        rows.append([gene, first, second, phenotype, score])
    return rows


HEADERS = {
    "genes": ["gene", "chrom", "strategy", "undocumented", "key", "version", "functions", "copies", "required"],
    "positions": [
        "gene",
        "chrom",
        "pos",
        "ref",
        "alts",
        "rsid",
        "hgvs",
        "last",
        "alleles",
        "role",
        "pos_grch37",
        "ref_grch37",
    ],
    "alleles": ["gene", "allele", "core", "function", "activity", "definition"],
    "phenotypes": ["gene", "function_1", "function_2", "phenotype", "activity_score"],
    "preferred": ["gene", "diplotypes", "take"],
}


def write(path: Path, header: list[str], rows: Iterable[list[str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(header)
        writer.writerows(rows)


def tables_of(gene: str, options: argparse.Namespace, exemptions: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Every table's rows of one gene, from wherever its definition and its functions come."""
    if gene in OLDER:
        functions, assigned = older_functions(options.older, gene)
    else:
        functions = read_json(options.pharmcat / "phenotype" / gene.replace("-", "_"))
        assigned = functions.get("version", "none")
    if GENES[gene][0] == "outside":
        return outside_tables(gene, functions, [assigned, assigned])
    if gene in REFERENCES:
        found = definition(options.pypgx, gene, "PyPGx fa6b9f7")
    else:
        found = read_json(options.pharmcat / "definition" / f"{gene}_translation")
    return gene_tables(gene, found, functions, exemptions.get(gene, {}), [found["version"], assigned])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pharmcat", "older", "pypgx", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    tables: dict[str, list[list[str]]] = {name: [] for name in HEADERS}
    exemptions = read_json(options.pharmcat / "definition" / "exemptions")
    older = OlderBuild(options.pypgx, (g for g, (how, *_) in GENES.items() if how != "outside"))
    for gene in GENES:
        for name, rows in tables_of(gene, options, exemptions).items():
            tables[name] += rows
    for row in tables["positions"]:
        row += map(str, older.place(row[0], int(row[2]), row[3]))
    options.out.mkdir(parents=True, exist_ok=True)
    for name, header in HEADERS.items():
        write(options.out / f"{name}.tsv", header, tables[name])


if __name__ == "__main__":
    main()
