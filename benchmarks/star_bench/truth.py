"""GeT-RM consensus genotypes (CDC; doi 10.1016/j.jmoldx.2025.02.008) in today's names, and why some calls differ.

Names age. Written down here: what an old name is called today (OLD_NAMES), what laboratories of then, who did not
test the later bases, would have called an allele of today (LATER), and the mechanism of every person who differs.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from consilium.genomics.stars.pharmacogenes import Finding
from consilium.genomics.stars.phenotypes import NOT_ASSIGNED, phenotype
from consilium.genomics.stars.tables import Gene

# The nine genes with phenotypes that the panel has in GRCh38 and of which consensus and tables are named by stars.
NINE = ("CYP2B6", "CYP2C19", "CYP2C9", "CYP3A4", "CYP3A5", "NUDT15", "SLCO1B1", "TPMT", "UGT1A1")

# Name in the consensus -> name today.
OLD_NAMES = {
    "SLCO1B1": {"*1A": "*1", "*1B": "*37", "*17": "*15", "*21": "*20"},
    "VKORC1": {"G": "rs9923231 reference (C)", "A": "rs9923231 variant (T)"},
    "CYP3A4": {"*1B": "*1"},  # rs2740574 lies upstream and defines no allele today
    # rs4124874 (*60) defines no allele today; *80 is read besides, and *80+*28 means what *28 means.
    "UGT1A1": {"*60": "*1", "*28+*60": "*28", "*36+*60": "*36"},
    "NAT2": {"*13": "*4"},  # rs1041983 (282C>T) defines no allele today
    "DPYD": {"*1": "Reference", "*9": "c.85T>C (*9A)", "*2": "c.1905+1G>A (*2A)", "*4": "c.1601G>A (*4)"},
}
# Allele of today -> what it was for laboratories that did not test its later base.
LATER = {
    "SLCO1B1": {
        "*31": "*37",  # and rs59502379
        "*39": "*37",  # and rs183501729
        "*41": "*1",  # rs77271279 alone
        "*42": "*37",  # and rs183501729 or another base
        "*43": "*14",  # and two more bases
        "*52": "*37",  # and another base
        "*53": "*14",  # and rs59113707
        "*56": "*37",  # and another base
    },
}
# People whose phenotype differs, with the mechanism.
EXPLAINED = {
    ("HG01474", "TPMT"): "*40 needs rs139392616, which the panel lacks: *40 is listed as untested",
    ("HG00368", "CYP3A4"): "*8 (rs72552799): the panel has nobody with it, the position is listed as untested",
    ("NA18941", "CYP3A4"): "*6 (rs4646438) is an insertion the panel lacks: listed as untested",
    ("NA19160", "CYP3A4"): "*24 (rs113667357 T>A): the panel's only record there is T>C, and this person has T/T in it",
    ("NA07357", "NAT2"): "*5/*6: of people with the same bases the consensus says '*4/*5 or *5/*6' (590G>A not tested)",
    ("NA11839", "NAT2"): "*5/*6: of people with the same bases the consensus says '*4/*5 or *5/*6' (590G>A not tested)",
    ("NA07029", "CYP4F2"): "*3/*4: rs3093105 is heterozygous in the panel; not every laboratory tested it (*2)",
    ("NA18564", "CYP4F2"): "*3/*4: rs3093105 is heterozygous in the panel; not every laboratory tested it (*2)",
    ("NA07029", "CYP2B6"): "*27 (rs36079186) read as *1: the panel has no carrier of it, the position is untested",
}
# CYP4F2 of the consensus: *2 and *3 at these two positions. Since then a strand with both is *4, and 19 more are named.
TESTED_THEN = {"CYP4F2": ("rs3093105", "rs2108622")}


def people(data: Path, gene: str) -> list[tuple[str, str]]:
    """(sample, consensus genotype) of people in the panel."""
    with open(data / "getrm_truth" / "getrm_open.tsv", newline="", encoding="utf-8") as handle:
        return [
            (row["sample"], row["getrm_genotype"])
            for row in csv.DictReader(handle, delimiter="\t")
            if row["gene"] == gene and row["in_1kgp_panel"] == "1" and (gene != "VKORC1" or row["rsid"] == "rs9923231")
        ]


def todays(gene: Gene, consensus: str) -> tuple[str, str] | None:
    """The consensus genotype in today's names; None where it is no pair of defined alleles."""
    text = consensus.replace("(", "").replace(")", "").replace(" ", "")
    if gene.name == "VKORC1" and re.fullmatch("[GA]{2}", text):
        text = "/".join(text)
    parts = [OLD_NAMES.get(gene.name, {}).get(p, p) for p in text.split("/")]
    return (parts[0], parts[1]) if len(parts) == 2 and set(parts) <= set(gene.alleles) else None


def then(gene: Gene, diplotype: str) -> tuple[str, ...]:
    """Alleles of a diplotype as laboratories of then would have named them; a core name as its first sub-allele."""
    names = [LATER.get(gene.name, {}).get(name, name) for name in diplotype.split("/")]
    return tuple(name if name in gene.alleles else gene.alleles[gene.core.index(name)] for name in names)


def agrees(gene: Gene, finding: Finding, pair: tuple[str, str], later: bool = True) -> bool:
    """The one phenotype reported is the consensus genotype's; later=False: without the equivalences of LATER. In a
    gene without phenotypes: as many variant bases at each position that was tested then."""
    expected = phenotype(gene, *pair)[0]
    if expected == NOT_ASSIGNED:
        found = {bases_of_then(gene, name) for name in finding.diplotypes}
        return found == {bases_of_then(gene, "/".join(pair))}
    return means(gene, finding.phenotypes, finding.diplotypes, expected, later)


def means(gene: Gene, phenotypes: Iterable[str], diplotypes: Iterable[str], expected: str, later: bool = True) -> bool:
    """What a rule reports amounts to the one phenotype expected."""
    reported = set(phenotypes)
    if later and expected not in reported:
        reported = {phenotype(gene, *then(gene, name))[0] for name in diplotypes}
    return reported == {expected}


def bases_of_then(gene: Gene, diplotype: str) -> tuple[int, ...]:
    """Variant bases (0 to 2) at each position that the consensus knew."""
    alleles = [gene.alleles.index(name) for name in diplotype.split("/")]
    loci = [gene.locus(rsid) for rsid in TESTED_THEN.get(gene.name, ())] or range(len(gene.loci))
    return tuple(sum(int(gene.accepts[a, at] > 1) for a in alleles) for at in loci)
