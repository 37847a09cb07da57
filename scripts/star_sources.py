"""Further sources of scripts/update_star_alleles.py: PyPGx's tables and older function tables, in PharmCAT's shape.

PyPGx's variant table gives both builds' positions and bases; its allele table defines CYP2C8 and MT-RNR1, which
PharmCAT's definitions lack. Older PharmCAT releases hold functions whose current files are not at hand.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REFERENCES = {
    "CYP2C8": "*1",
    "MT-RNR1": "Reference",
}  # genes whose definitions are PyPGx's, with their reference allele
# File of the function table in a folder of older releases, and the version to state.
OLDER = {
    "G6PD": ("G6PD.cpic.v2.4.0", "CPIC v1.25.0 in PharmCAT 2.4.0"),
    "RYR1": ("RYR1.cpic.v2.8.3", "2023-10-05-00-25 in PharmCAT 2.8.3"),
    "CYP2D6": ("CYP2D6.cpic", "2024-03-25-16-13 in PharmCAT 2.12.0"),
}
SPELLED = {"Telti/Kobe": "Telti, Kobe"}  # name in an older table -> name in the definition


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{name}-table.csv.gz", "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


class OlderBuild:
    """GRCh37 position and reference base of GRCh38 positions, for `genes`.

    Inside each of these genes the builds differ by one shift, which is checked; a position that the table does not
    name is moved by it, and its base taken to be the same.
    """

    def __init__(self, folder: Path, genes: Iterable[str]) -> None:
        wanted = set(genes)
        self._shift: dict[str, int] = {}
        self._bases: dict[tuple[str, int], str] = {}
        for row in rows(folder, "variant"):
            gene, old, new = row["Gene"], row["GRCh37Position"], row["GRCh38Position"]
            if gene not in wanted or not (old.isdigit() and new.isdigit()):
                continue
            if self._shift.setdefault(gene, int(old) - int(new)) != int(old) - int(new):
                raise SystemExit(f"{gene}: {row['rsID']} does not move like the rest of the gene")
            if len(row["GRCh38Allele"]) == len(row["GRCh37Allele"]) == 1 and row["GRCh37Allele"] != row["GRCh38Allele"]:
                self._bases[gene, int(new)] = row["GRCh37Allele"]

    def place(self, gene: str, position: int, ref: str) -> tuple[int, str]:
        """(position, reference bases) in GRCh37."""
        return position + self._shift[gene], self._bases.get((gene, position), ref)


def older_functions(folder: Path, gene: str) -> tuple[dict[str, Any], str]:
    """(functions of a gene in PharmCAT's shape, version)."""
    stem, version = OLDER[gene]
    with gzip.open(folder / f"{stem}.json.gz", "rt", encoding="utf-8") as handle:
        table = dict(json.load(handle))
    if "namedAlleles" not in table:
        table["namedAlleles"] = [
            {"name": SPELLED.get(name, name), "functionValue": value, "activityValue": None}
            for name, value in table["haplotypes"].items()
        ]
    for row in table["diplotypes"]:
        row["diplotypekey"] = {SPELLED.get(k, k): n for k, n in row["diplotypekey"].items()}
        row.setdefault("phenotype", row["generesult"])
        row.setdefault("activityScore", None)
    return table, version


def definition(folder: Path, gene: str, version: str) -> dict[str, Any]:
    """A gene's definition from PyPGx's allele table, in the shape of PharmCAT's files."""
    chrom = "chrM" if gene == "MT-RNR1" else "chr10"
    named = {r["StarAllele"]: r["GRCh38Core"] for r in rows(folder, "allele") if r["Gene"] == gene}
    rsids = {r["GRCh38Name"]: r["rsID"] for r in rows(folder, "variant") if r["Gene"] == gene}
    sites: dict[int, dict[str, Any]] = {}
    bases: dict[str, dict[int, str]] = {}
    for allele, core in named.items():
        for text in core.split(",") if core != "N/A" else ():
            position, ref, alt = int(text.split("-")[1]), *text.split("-")[2:]
            site = sites.setdefault(position, _site(chrom, position, ref, rsids[text].replace("N/A", "")))
            site["alts"] += [alt] if alt not in site["alts"] else []
            if len(alt) < len(ref):
                # m.961T>del names the last base that can be the one deleted.
                end = int(allele[2:].split(">")[0][:-1]) if gene == "MT-RNR1" else position + len(ref) - 1
                site["chromosomeHgvsName"] = f"g.{end}del"
            bases.setdefault(allele, {})[position] = alt
    variants = [sites[p] for p in sorted(sites)]
    return {
        "chromosome": chrom, "version": version, "variants": variants,
        "namedAlleles": [
            {"name": name, "reference": name == REFERENCES[gene],
             "alleles": [v["ref"] if name == REFERENCES[gene] else bases[name].get(v["position"]) for v in variants]}
            for name in named
        ],
    }  # fmt: skip


def _site(chrom: str, position: int, ref: str, rsid: str) -> dict[str, Any]:
    return {"chromosome": chrom, "position": position, "ref": ref, "alts": [], "rsid": rsid or None,
            "chromosomeHgvsName": f"g.{position}"}  # fmt: skip
