"""bcftools csq through the wrapper, against the answers that bcftools' own test suite expects."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from consilium.core.errors import InputError
from consilium.genomics.findings import csq

FEW = ("ENST00000375992", "ENST00000381157", "ENST00000341065/frame2", "EDUMMY0002")


@pytest.fixture(scope="module")
def cases(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    packed = real_data / "genomics" / "vcf_csq_norm" / "csq.tar.gz"
    if not packed.exists():
        pytest.skip(f"no file {packed}")
    folder = tmp_path_factory.mktemp("csq")
    with tarfile.open(fileobj=io.BytesIO(packed.read_bytes())) as archive:
        archive.extractall(folder)
    return folder / "csq"


def pairs(folder: Path) -> Iterator[tuple[Path, Path, bool]]:
    """(VCF, expected answers, each record alone?)"""
    for vcf in sorted(folder.glob("*/*.vcf")):
        for suffix, alone in ((".txt", False), (".txt-l", True)):
            if (expected := vcf.with_suffix(suffix)).exists():
                yield vcf, expected, alone


def expected_answers(path: Path) -> tuple[bool, list]:
    """(answers are by strand of a person?, answers): pairs of lines, of which the second is what was answered."""
    blocks = [b.split("\n") for b in path.read_text().strip("\n").split("\n\n")]
    by_strand = any(len(line.split("\t")) == 5 for b in blocks for line in b)
    cells = [line.split("\t") for b in blocks for line in (b if by_strand else b[1:])]
    found = [(int(c[0]), c[1], c[2], csq.parsed(v)) for c in cells for v in c[3:]]
    return by_strand, sorted((*f[:3], sorted(map(str, f[3]))) for f in found if f[3])


def answers(vcf: Path, alone: bool, by_strand: bool, out: Path) -> list:
    folder = vcf.parent
    gff = vcf.with_suffix(".gff")
    csq.run(vcf, gff if gff.exists() else folder / f"{folder.name}.gff", next(folder.glob("*.fa")), out, alone=alone)
    found = []
    for a in csq.read(out):
        for mine in a.haplotypes.values() if by_strand else [a.found]:
            found.append((a.pos, a.ref, a.alt, sorted(map(str, mine))))
    return sorted(found)


def check(chosen: list[tuple[Path, Path, bool]], out: Path) -> None:
    wrong = []
    for vcf, expected, alone in chosen:
        by_strand, wanted = expected_answers(expected)
        if answers(vcf, alone, by_strand, out / "out.vcf") != wanted:
            wrong.append(str(expected))
    assert not wrong


def test_some_expected_consequences(cases, tmp_path):
    chosen = [p for p in pairs(cases) if any(name in str(p[0]) for name in FEW)]
    assert len(chosen) == 5
    check(chosen, tmp_path)


@pytest.mark.slow
def test_all_expected_consequences(cases, tmp_path):
    """92 VCFs: 102 expected answers of 72 of them in files, 2 in the VCF itself (EXP); 18 have none in the copy."""
    chosen = list(pairs(cases))
    assert len(chosen) == 102 and len({vcf for vcf, _, _ in chosen}) == 72
    check(chosen, tmp_path)
    rest = sorted(set(cases.glob("*/*.vcf")) - {vcf for vcf, _, _ in chosen})
    said = [v for v in rest if answers(v, False, False, tmp_path / "out.vcf") == in_the_file(v)]
    assert len(rest) == 20 and [v.stem for v in said] == ["ribosomal-slippage", "simple"]


def in_the_file(vcf: Path) -> list:
    cells = [line.rstrip("\n").split("\t") for line in vcf.read_text().splitlines() if not line.startswith("#")]
    return [(int(c[1]), c[3], c[4], sorted(map(str, csq.parsed(c[7].removeprefix("EXP="))))) for c in cells]


def test_what_bcftools_says_is_passed_on(cases, tmp_path):
    folder = cases / "EDUMMY0002"
    text = (folder / "boundaries.vcf").read_text().splitlines(keepends=True)
    record = next(i for i, line in enumerate(text) if not line.startswith("#"))
    cells = text[record].split("\t")
    wrong = tmp_path / "wrong.vcf"
    wrong.write_text("".join(text[:record]) + "\t".join([*cells[:3], "TTTTTTTT", "C", *cells[5:]]))
    with pytest.raises(InputError, match=r"bcftools csq stopped.*REF"):
        csq.run(wrong, folder / "EDUMMY0002.gff", folder / "EDUMMY0002.fa", tmp_path / "out.vcf")


def test_strands_of_more_answers_than_one_number_holds(tmp_path):
    """Bit 2 i + strand; a number carries 30 bits, so answer 15 begins the second one."""
    said = ",".join(f"missense|G|T{i}|protein_coding" for i in range(20))
    numbers = f"{1 << 28},{(1 << 0) | (1 << 3)}"  # answer 14 on strand 0; 15 on strand 0, 16 on strand 1
    path = tmp_path / "a.vcf"
    path.write_text(f"chr1\t5\t.\tA\tC\t.\t.\tX=1;BCSQ={said}\tGT:BCSQ\t1|1:{numbers}\t0|0:0\n")
    (answer,) = csq.read(path)
    found = {key: [c.transcript for c in mine] for key, mine in answer.haplotypes.items()}
    assert found == {(0, 0): ["T14", "T15"], (0, 1): ["T16"]} and len(answer.found) == 20


def test_severity():
    worst = min(
        (csq.Consequence(t) for t in ("synonymous", "missense&splice_region", "intron")), key=lambda c: c.severity
    )
    assert worst.terms == "missense&splice_region" and csq.Consequence("").severity == len(csq.SEVERITY)
