"""Runs bcftools csq (as pysam carries it) and reads its answers.

Danecek and McCarthy 2017, DOI 10.1093/bioinformatics/btx100. It runs in a process of its own: an error inside leaves
the library unusable for the next call.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consilium.core.errors import InputError, Problem

_CALL = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"
_MOST = 64  # consequences kept a haplotype and site; bcftools' own limit of 15 drops some in genes of many transcripts
# From severe to mild, in the words of bcftools csq.
SEVERITY = (
    "stop_gained", "frameshift", "splice_acceptor", "splice_donor", "start_lost", "stop_lost", "inframe_altering",
    "inframe_deletion", "inframe_insertion", "missense", "coding_sequence", "splice_region", "stop_retained",
    "start_retained", "synonymous", "5_prime_utr", "3_prime_utr", "non_coding", "intron", "intergenic",
)  # fmt: skip
_RANK = {name: i for i, name in enumerate(SEVERITY)}


@dataclass(frozen=True)
class Consequence:
    """One answer: terms joined by & as bcftools writes them. dna: the changes it was made from (several on one strand).

    at: position of the record that holds the answer, where this record is only a part of it; 0 otherwise.
    """

    terms: str
    gene: str = ""
    transcript: str = ""
    biotype: str = ""
    strand: str = ""
    amino_acids: str = ""
    dna: str = ""
    at: int = 0

    @property
    def severity(self) -> int:
        """Place in SEVERITY of the worst term; lower is more severe."""
        return min((_RANK.get(t, len(SEVERITY)) for t in self.terms.split("&")), default=len(SEVERITY))


@dataclass(frozen=True)
class Answers:
    """One record. haplotypes: (sample, strand) -> answers of the variants that lie together there."""

    chrom: str
    pos: int
    ref: str
    alt: str
    found: tuple[Consequence, ...]
    haplotypes: dict[tuple[int, int], tuple[Consequence, ...]]


def run(vcf: Path, gff: Path, fasta: Path, out: Path, *, alone: bool = False) -> None:
    """Annotate `vcf` into `out` (VCF text). alone: each record by itself; otherwise phased neighbours count together.

    Heterozygous calls whose strands are not known are passed over unless `alone`. Raises InputError with what bcftools
    says when it stops (a REF that is not the reference's, an annotation without transcripts …).
    """
    options = ["-l"] if alone else ["-p", "s"]
    command = ["--no-version", "-n", str(_MOST), *options, "-f", str(fasta), "-g", str(gff), "-Ov", "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", _CALL, *command, str(vcf)], capture_output=True, text=True, check=False
    )
    if done.returncode or not out.exists():
        raise InputError(Problem(str(gff), f"bcftools csq stopped: {_reason(done.stderr)}",
                                 "Ensembl's GFF3 and the reference FASTA of one build, GRCh38",
                                 "correct genomics.gff or genomics.reference"))  # fmt: skip


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.replace("\\n", "\n").splitlines() if line.strip(" '")]
    told = [
        line for line in lines if "rror" in line and "returned with error" not in line and "SamtoolsError" not in line
    ]
    return (told or lines or ["no reason given"])[-1][:300]


def parsed(value: str) -> tuple[Consequence, ...]:
    """The answers of one BCSQ value."""
    return tuple(_consequence(v) for v in value.split(",")) if value not in ("", ".") else ()


def _consequence(text: str) -> Consequence:
    if text.startswith("@"):
        return Consequence("", at=int(text[1:]))
    terms, gene, transcript, biotype, strand, amino_acids, dna = (text.split("|") + [""] * 7)[:7]
    return Consequence(terms, gene, transcript, biotype, strand, amino_acids, dna)


def read(path: Path) -> Iterator[Answers]:
    """Records that have an answer, of a file written by `run`."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            value = next((i[5:] for i in cells[7].split(";") if i.startswith("BCSQ=")), "")
            if found := parsed(value):
                yield Answers(cells[0], int(cells[1]), cells[3], cells[4], found, _haplotypes(cells, found))


def _haplotypes(cells: list[str], found: tuple[Consequence, ...]) -> dict[tuple[int, int], tuple[Consequence, ...]]:
    """Bit 2 i + strand of FORMAT/BCSQ says that answer i holds on that strand; each number carries 30 bits."""
    keys = cells[8].split(":") if len(cells) > 8 else []
    if "BCSQ" not in keys:
        return {}
    place, out = keys.index("BCSQ"), {}
    for sample, cell in enumerate(cells[9:]):
        values = cell.split(":")
        numbers = values[place].split(",") if len(values) > place else []
        bits = [30 * n + b for n, v in enumerate(numbers) if v.isdigit() for b in range(30) if int(v) >> b & 1]
        for strand in (0, 1):
            mine = tuple(found[b // 2] for b in bits if b % 2 == strand and b // 2 < len(found))
            if mine:
                out[sample, strand] = mine
    return out
