"""Expectations that others wrote down: PharmCAT's own unit tests."""

from __future__ import annotations

import csv
import gzip
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from consilium.genomics.stars.alleles import Codes, diplotype, match, match_one, viable
from consilium.genomics.stars.combinations import combined
from consilium.genomics.stars.lowest import match_lowest
from consilium.genomics.stars.observed import HALF_CALL, UNDOCUMENTED, UNTESTED, observe
from consilium.genomics.stars.phenotypes import phenotype
from consilium.genomics.stars.tables import Gene, read_genes
from star_bench.panel import TABLES, text_store

GENES = read_genes(TABLES)
CALLED = {name for name, gene in GENES.items() if gene.loci}
DIPLOTYPES = ("diplotype_pairs:all_matches", "diplotype_pairs:top_candidate_only", "SourceDiplotypes", "PrintCpicCalls")
IS_CALLED = ("CalledByMatcher", "NotCalledByMatcher")
Row = dict[str, str]
# Asked of the matcher with its default, the best-scoring pairs, although the field says all of them.
TOP_ONLY = {"s1_s4", "ugt1a1s28s80unphasedTopCandidateOnly"}


def not_asked(row: Row) -> str:
    """Why an expectation does not apply here; "" where it does."""
    if row["target"] not in CALLED:
        return "drugs, messages and genes of outside calls: no matter of the matcher"
    if row["field"] not in (*DIPLOTYPES, *IS_CALLED):
        return "another field of the same call (wording, lookup)"
    if row["disabled"] == "1":
        return "disabled by its authors"
    if "executeWithOutsideCalls" in row["builder_options"] and "outside" in row["test"].lower():
        return "an outside call whose content the list does not hold"
    variations = [v for v in row["input_variations"].split(";") if v]
    sites = [v.split("|")[1] for v in variations if v.startswith((row["target"], "variationInPhaseSet"))]
    if len(sites) != len(set(sites)) or "AsIs" in row["input_variations"]:
        return "input that the list does not hold whole"
    positions = (*variations, *row["input_missing"].split(";"))
    named = {*row["reference_genes"].split(";"), *(v.split("|")[0] for v in positions)}
    if row["field"] in IS_CALLED and row["target"] not in named and not row["vcf_file"]:
        return "whether a gene is called that the file lacks"
    if row["test"] == "s4bs17rs28399504missing" and not row["expected"]:
        return "the option to take missing for reference"
    return ""


def research(row: Row) -> bool:
    """The first of the matcher's three flags: combinations and partial alleles."""
    flags = row["matcher_flags"].split(",")
    return len(flags) == 3 and flags[0] == "true"


def expectations(data: Path) -> Iterator[tuple[str, Row]]:
    """(name, row) of every expectation."""
    with open(data / "pharmcat_cases" / "pharmcat_expected.tsv", newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            yield f"{row['test']}-{row['target']}-{row['field']}", row


@cache
def vcf_names(data: Path, gene: str) -> dict[str, dict[str, str]]:
    stem = data / "pharmcat_tables" / "definition" / f"{gene}_translation.json"
    text = stem.read_text() if stem.exists() else gzip.decompress(Path(f"{stem}.gz").read_bytes()).decode()
    return {v["rsid"]: v["cpicToVcfAlleleMap"] for v in json.loads(text)["variants"]}


def person_of(data: Path, row: Row) -> tuple[Gene, Codes, np.ndarray]:
    """(gene, codes, block) of the person whom an expectation describes; the gene with the bases of the person where
    combinations are asked for."""
    gene = GENES[row["target"]]
    if row["vcf_file"]:
        return gene, *_from_vcf(data, row, gene)
    names = vcf_names(data, gene.name)
    variations = [v.removeprefix("variationInPhaseSet:").split("|") for v in row["input_variations"].split(";") if v]
    missing = [v.split("|") for v in row["input_missing"].split(";") if v]
    phased = "phased" in row["builder_options"]
    codes = np.zeros((len(gene.loci), 2), dtype=np.int8)
    block = np.full(len(gene.loci), 0 if phased else -1, dtype=np.int64)
    for cells in variations:
        at = gene.locus(cells[1]) if cells[0] == gene.name else None
        if at is None:
            continue
        bases = [cells[2]] * 2 if "male" in row["builder_options"] else cells[-2:]
        spelled = [names[cells[1]].get(b, b) for b in bases]
        if research(row) and gene.strategy == "named":
            gene = _with(gene, at, spelled)
        codes[at] = [_code(gene, at, base, research(row)) for base in spelled]
        if len(cells) > 4:  # with a phase set
            block[at] = int(cells[2])
    for cells in missing:
        if cells[0] == gene.name and gene.locus(cells[1]) is not None:
            codes[gene.locus(cells[1])] = UNTESTED
    return gene, codes, block


def _code(gene: Gene, at: int, base: str, halves: bool) -> int:
    choice = (gene.loci[at].ref, *gene.loci[at].alts)
    if base == ".":
        return UNTESTED if halves else HALF_CALL
    return choice.index(base) if base in choice else UNDOCUMENTED


def _with(gene: Gene, at: int, bases: list[str]) -> Gene:
    """The gene with bases of a person that no allele has."""
    locus = gene.loci[at]
    odd = tuple(b for b in dict.fromkeys(bases) if b not in (".", locus.ref, *locus.alts))
    loci = (*gene.loci[:at], replace(locus, alts=(*locus.alts, *odd)), *gene.loci[at + 1 :])
    return replace(gene, loci=loci)


@cache
def vcf_texts(data: Path) -> dict[str, str]:
    """Name -> text of the VCFs that expectations name."""
    with tarfile.open(data / "pharmcat_cases" / "test_resources.tar.gz") as archive:
        held = {member.name: archive.extractfile(member) for member in archive if member.name.endswith(".vcf")}
        return {name: stream.read().decode() for name, stream in held.items() if stream}


def _from_vcf(data: Path, row: Row, gene: Gene) -> tuple[Codes, np.ndarray]:
    name = row["vcf_file"].replace("org/pharmgkb/pharmcat/", "test_resources/")
    seen = observe(text_store(vcf_texts(data)[name]), gene)
    return seen.codes[0], seen.block[0]


def wanted_scores(gene: Gene, expected: str) -> set[float]:
    """Sums of ranks (activity scores of DPYD) that an expectation of a lowest-function gene implies."""
    value = {name: float(a) for name, a in zip(gene.alleles, gene.rank, strict=True)}
    value["Reference"] = 1.0  # also where the gene's reference allele has another name

    def strand(text: str) -> float:
        return min(value[n.strip()] for n in text.strip("[] ").split(" + "))

    parts = [p.strip() for p in expected.split("||")]
    if len(parts) == 1 and parts[0].endswith("] (heterozygous)"):  # all on one strand
        return {strand(parts[0].removesuffix(" (heterozygous)")) + 1.0}
    if all("/" in p for p in parts):
        pairs = [re.split(r"/(?![^\[]*\])", part) for part in parts]
        return {strand(first) + strand(second) for first, second in pairs}
    each = []
    for part in parts:
        n = 2 if part.endswith("(homozygous)") else 1
        each += [value[re.sub(r" \((homo|hetero)zygous\)$", "", part)]] * n
    return {sum(sorted([*each, 1.0, 1.0])[:2])}


def judged(data: Path, row: Row) -> tuple[bool, str]:
    """(the expectation is met, what was found instead)."""
    gene, codes, block = person_of(data, row)
    if row["field"] in IS_CALLED:
        called = bool(_names(gene, codes, block, row))
        return called == (row["field"] == "CalledByMatcher"), f"called: {called}"
    if gene.strategy == "lowest_function":
        found = match_lowest(gene, codes, block)
        scores = {float(gene.rank[a] + gene.rank[b]) for a, b in found.pairs}
        if not np.isnan(gene.activity).all():
            assert scores == {phenotype(gene, gene.alleles[a], gene.alleles[b])[1] for a, b in found.pairs}
        wanted = wanted_scores(gene, row["expected"])
        if "phaseSet" in row["builder_options"] or "variationInPhaseSet" in row["input_variations"]:
            # Phase sets that cannot be ordered to one another: the safe assumption is the lowest of the list.
            return min(scores) <= min(wanted), str(scores)
        return scores == wanted, str(scores)
    names = _names(gene, codes, block, row)
    expected = {e.strip() for e in row["expected"].split("||")} - {"", "Unknown/Unknown"}
    if row["field"] == "PrintCpicCalls":
        expected = {e.split(" (heterozygous)")[0] for e in expected}
    if row["field"].endswith("top_candidate_only"):
        return bool(names & expected) or names == expected, str(names)
    return names == expected, str(names)


def _names(gene: Gene, codes: Codes, block: np.ndarray, row: Row) -> set[str]:
    """Diplotypes of the matcher; of every pair that fits where the expectation asks for all of them."""
    if gene.strategy == "lowest_function":
        return {diplotype(gene, pair) for pair in match_lowest(gene, codes, block).pairs}
    found = match_one(gene, codes) if "male" in row["builder_options"] else match(gene, codes, block)
    every = row["test"].endswith("AllMatch") or (row["field"].endswith("all_matches") and row["test"] not in TOP_ONLY)
    pairs = viable(gene, found.strands) if every else found.pairs
    if not pairs and found.strands and research(row):
        return set(combined(gene, found.strands).names)
    return {diplotype(gene, pair) for pair in pairs}
