"""Judges normalisation on the 76 cases of bcftools norm: `python tests/configs/judge_normalisation.py DATA`.

DATA is the folder of real data (genomics/vcf_csq_norm). Two judgements a case:

1. bcftools as it is carried here (pysam), with the case's options, gives the case's output byte by byte.
2. consilium's own normalisation (one ALT a row, shortest form, left-aligned where there is a FASTA) gives the same
   calls for the case's input and for its expected output, wherever the options only rewrite records. It reads no
   option: cases that drop, filter or keep records, or that alter REF or genotypes on purpose, are named as such.

Prints one line a case, then the counts.
"""

from __future__ import annotations

import csv
import re
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam
import pysam.bcftools
from consilium.genomics.intake import normalise, vcf
from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.calls import NO_ALT, Part, merge
from consilium.genomics.intake.panel import Wanted


def steps(text: str, folder: Path) -> list[list[str]]:
    """Option lists of a case, one a run of the program; they are written as in the Perl test that they come from."""
    listed = re.findall(r"'([^']*)'", text) if text.startswith("[") else [re.sub(r"^(qq?\[|')|(\]|')$", "", text)]
    out = []
    for one in listed:
        one = one.replace("\\@{PATH}", f"@{folder}").replace("{PATH}", str(folder))
        out.append([a.strip("'") for a in re.findall(r"(?:[^\s']|'[^']*')+", one)])
        out[-1] = [re.sub(r"^(-i)'(.*)$", r"\1\2", a) for a in out[-1]]
    return out


def run(options: list[list[str]], source: Path, reference: Path | None, scratch: Path) -> str:
    for i, one in enumerate(options):
        made = scratch / f"{i}.vcf"
        fasta = ["-f", str(reference)] if reference else []
        pysam.bcftools.norm("--no-version", *one, *fasta, "-o", str(made), str(source), catch_stdout=False)
        source = made
    return source.read_text()


def body(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("##bcftools"))


def calls(text: str, reference: Path | None, scratch: Path) -> dict:
    """(chrom, pos, ref, alt) -> genotypes of all samples, by consilium; of sites alone no genotype is compared.

    The contigs of the cases have any name: chr1, chr2 … stand for them.
    """
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("##")]
    names = sorted({line[0] for line in lines[1:]})
    chroms = {n: f"chr{i}" for i, n in enumerate(names, start=1)}
    plain = len(lines[0]) < 10
    rows = [[chroms[c[0]], *c[1:], *(["GT", "0/1"] if plain else [])] for c in lines[1:]]
    rows.sort(key=lambda c: (int(c[0][3:]), int(c[1])))
    path = scratch / "own.vcf"
    head = lines[0] + (["FORMAT", "S"] if plain else [])
    path.write_text("\n".join(["##fileformat=VCFv4.2", *("\t".join(c) for c in (head, *rows))]) + "\n")
    report = vcf.Report(str(path), level="lenient")
    view = Renamed(reference, {v: k for k, v in chroms.items()}) if reference else None
    found = vcf.read(path, report, NoSites())
    made = normalise.normalised(found, report, len(head) - 9, Wanted([]), view)
    merged = {c: merge([Part(layer, np.arange(len(head) - 9)) for layer in layers], len(head) - 9)[0]
              for c, layers in made.items()}  # fmt: skip
    return {(c, *k): None if plain else [sorted(g.tolist()) for g in layer.gt[i]]
            for c, layer in merged.items() for i, k in enumerate(layer.keys) if k[2] != NO_ALT}  # fmt: skip


class NoSites(KnownSites):
    """No site tells the build here."""

    def __init__(self) -> None:
        pass

    def count(self, *_: object) -> None:
        return None


class Renamed:
    """A reference whose contigs are asked for by the names that stand for them."""

    def __init__(self, path: Path, names: dict[str, str]) -> None:
        self._fasta, self._names = pysam.FastaFile(str(path)), names

    def bases(self, chrom: str, position: int, length: int = 1) -> str:
        name = self._names[chrom]
        if name not in self._fasta.references or position < 1:
            return "N" * length
        return self._fasta.fetch(name, position - 1, position - 1 + length).upper().ljust(length, "N")

    def tells(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return np.ones(len(positions), dtype=bool)


def other_content(text: str) -> str:
    """Why a case's output is not its input in another form; "" when it is."""
    reasons = {"multi-overlaps .": "makes other alleles missing", "-i": "filters records", "-d ": "drops duplicates",
               "-g": "right-aligns", "-cx": "drops records by REF", "c s": "alters REF and genotypes"}  # fmt: skip
    for sign, why in reasons.items():
        if sign in text:
            return why
    return ""


def judge(case: dict[str, str], folder: Path, scratch: Path) -> tuple[str, str]:
    """What the carried bcftools makes of a case, and what consilium's own normalisation does."""
    source, expected = folder / case["input_vcf"], folder / case["expected_out"]
    if not (source.exists() and expected.exists()):
        return "files not supplied", "files not supplied"
    reference = folder / case["reference_fasta"] if case["reference_fasta"] else None
    options = steps(case["bcftools_norm_args"] or "''", folder)
    try:
        made = body(run(options, source, reference, scratch))
    except pysam.SamtoolsError as error:
        made = str(error)
    program = "equal" if made == body(expected.read_text()) else "differs"
    if why := other_content(case["bcftools_norm_args"]):
        return program, why
    own = [calls(path.read_text(), reference, scratch) for path in (source, expected)]
    differing = sorted(k for k in own[0].keys() | own[1].keys() if own[0].get(k) != own[1].get(k))
    return program, f"differs at {differing[:3]}" if differing else f"equal ({len(own[0])} rows)"


def main(data: Path) -> None:
    folder = data / "genomics" / "vcf_csq_norm"
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        with tarfile.open(folder / "norm.tar.gz") as archive:
            archive.extractall(scratch)
        with open(folder / "norm_cases.tsv", encoding="utf-8") as handle:
            for case in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
                program, own = judge(case, scratch / "test", scratch)
                print(case["input_vcf"], case["bcftools_norm_args"], program, own, sep="\t")
                counts[0][program] += 1
                counts[1][own.split(" (")[0].split(" at ")[0]] += 1
    print("bcftools as carried:", dict(counts[0]))
    print("own normalisation:", dict(counts[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
