"""The cases of PGxPOP (names of 2020 to 2022), with today's names, and why some differ today."""

from __future__ import annotations

import csv
import gzip
import tarfile
from pathlib import Path
from typing import NamedTuple

from consilium.genomics.stars.alleles import diplotype, match
from consilium.genomics.stars.combinations import combined
from consilium.genomics.stars.lowest import match_lowest
from consilium.genomics.stars.observed import observe
from consilium.genomics.stars.pharmacogenes import call
from star_bench.cases import CALLED, GENES, Row
from star_bench.panel import text_store

# PGxPOP: name then -> names today, any of which will do.
TODAY: dict[str, dict[str, tuple[str, ...]]] = {
    "CYP2C19": {"*1": ("*1", "*38"), "*4A": ("*4",), "*4B": ("*4",), "*15": ("*15", "*39"), "*28": ("*28",)},
    "CYP2C9": {"*2": ("*2", "*61"), "*3": ("*3", "*68")},
    "CYP3A5": {"*5": ("*1",)},  # no allele today
    "SLCO1B1": {"*1A": ("*1",), "*17": ("*15", "*45", "*47"), "*15": ("*15", "*45", "*47"),
                "*21": ("*37", "*39", "*42", "*52", "*56", "*57")},
    "DPYD": {"*1": ("Reference", "c.1627A>G (*5)"), "*2B": ("c.1905+1G>A (*2A)",)},
    "CFTR": dict.fromkeys(("Reference", "F508del(CTT)", "G542X"), ("ivacaftor non-responsive CFTR sequence",)),
    "IFNL3": {"Reference": ("rs12979860 reference (C)",)},
    # *60 defines no allele today; *80 comes with the repeat of *28 or *37.
    "UGT1A1": {"*60": ("*1",), "*80": ("*80", "*80+*28", "*80+*37"), "*28": ("*28", "*80+*28")},
}  # fmt: skip
# Pairs of then that are another pair today: *28 with *80 was one strand, *60 was called where rs887829 is *80 today.
TODAY_PAIR = {
    ("UGT1A1", "*28", "*80"): "*1/*80+*28",
    ("UGT1A1", "*80", "*28"): "*1/*80+*28",
    ("UGT1A1", "*1", "*60"): "*1/*80",
}
# Cases that differ today, with the mechanism.
DIFFERENT = {
    "noCall.vcf.gz": "a strand with rs4244285 alone is no defined allele: not called, where *1/*1 was the default",
    "s11s35rs4244285missing.vcf.gz": "*2 takes either base at *11's position: with its own rs4244285 missing, *2 has "
    "both variants on one strand, and beside *1 the better score; *11/*35 fits too",
    "s4s17het.vcf.gz": "*4 takes either base at *17's position today, so *1/*4 has the better score; same phenotype",
    "s2s24only.sorted.vcf.gz": "rs749060448 (*24) on both strands, *2's base besides on one: three alleles",
    "s1s3rs776746rs28383479het.sorted.vcf.gz": "rs28383479 is *9 today",
    "s1s3rs776746rs55965422rs28383479het.sorted.vcf.gz": "rs28383479 is *9 today; rs55965422 defines none",
    "s1s7missing.sorted.vcf.gz": "*7's position has no call: *7 is listed as open, not called",
    "s3s9-homozygous.sorted.vcf.gz": "*9 on both strands, *3 besides on one: three alleles",
    "s3bs3c.sorted.vcf.gz": "phase unknown: *1/*3A has the same bases, the better score, and is far more frequent",
    "HG00436.vcf.gz": "*27 and *80+*28 on one strand by the file's phase; without it *27/*80+*28",
    "NA12717_UGT1A1.vcf.gz": "rs887829 is homozygous in the file; its authors mark the expectation for a check",
    "NA18868_UGT1A1.vcf.gz": "rs887829 is homozygous in the file; its authors mark the expectation for a check",
    "NA19785_UGT1A1.vcf.gz": "rs887829 is homozygous in the file; its authors mark the expectation for a check",
    "s1s60s80s28s6phased.vcf.gz": "*6 and *80+*28 on one strand by the file's phase: no allele; without it *6/*80+*28",
    "s1s60s80s6phased.vcf.gz": "*6 and *80 on one strand by the file's phase: no allele; without it *6/*80",
    "s1s80s27s60s28missingphased.vcf.gz": "*27 and *80 on one strand by the file's phase: no allele; without it so",
}  # fmt: skip


class Case(NamedTuple):
    """found: pairs of the matcher, or its lookup by one variant; combination: what the research option names where
    the matcher finds none."""

    gene: str
    file: str
    found: str
    agrees: bool
    combination: str


def pgxpop(data: Path) -> list[Case]:
    """Every usable case."""
    out = []
    with tarfile.open(data / "pgxpop_cases" / "vcfs.tar.gz") as archive:
        held = {m.name.split("/", 1)[1]: m for m in archive.getmembers() if m.name.endswith(".vcf.gz")}
        with open(data / "pgxpop_cases" / "pharmcat_test_cases.csv", newline="", encoding="utf-8") as handle:
            rows = [r for r in csv.DictReader(handle) if r["skip"] == "0" and r["gene"] in CALLED]
        for row in rows:
            member = held.get(f"{row['gene']}/{row['file']}")
            if member is None:
                continue
            stream = archive.extractfile(member)
            assert stream is not None
            out.append(_pgxpop_case(row, gzip.decompress(stream.read()).decode()))
    return out


def _pgxpop_case(row: Row, text: str) -> Case:
    gene = GENES[row["gene"]]
    seen = observe(text_store(text, one=True), gene)
    codes, block = seen.codes[0], seen.block[0]
    found = (match_lowest if gene.strategy == "lowest_function" else match)(gene, codes, block)
    names = {diplotype(gene, pair) for pair in found.pairs}
    if not names:  # the lookup by one variant, or without the phase
        names = set(call(gene, codes, block).diplotypes)
    today = TODAY.get(gene.name, {})
    wanted = {
        diplotype(gene, (gene.core.index(a), gene.core.index(b)))
        for a in today.get(row["hap1"], (row["hap1"],))
        for b in today.get(row["hap2"], (row["hap2"],))
        if a in gene.core and b in gene.core
    }
    wanted.add(TODAY_PAIR.get((gene.name, row["hap1"], row["hap2"]), ""))
    combination = combined(gene, found.strands).names if not found.pairs else ()
    return Case(
        gene.name,
        row["file"],
        " or ".join(sorted(names)) or found.failure,
        bool(names & wanted),
        " or ".join(combination),
    )
