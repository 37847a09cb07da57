from pathlib import Path

import numpy as np
import pysam
import pysam.bcftools
import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake import normalise, records, vcf
from consilium.genomics.intake.calls import ABSENT, MISSING
from consilium.genomics.intake.panel import Wanted
from vcf_files import known_sites, write

NOTHING = Wanted([])


def rows(path: Path, wanted: Wanted = NOTHING, reference: normalise.Reference | None = None, n: int = 1) -> list:
    """(key, genotype text of each sample) of all rows of all layers."""
    report = vcf.Report(str(path))
    found = normalise.normalised(vcf.read(path, report, known_sites()), report, n, wanted, reference)
    sign = {MISSING: ".", 0: "0", 1: "1", ABSENT: ""}
    out = []
    for chrom, layers in found.items():
        for layer in layers:
            for key, gt, phased in zip(layer.keys, layer.gt, layer.phased, strict=True):
                texts = [
                    ("|" if p else "/").join(sign[int(a)] for a in g if a != ABSENT)
                    for g, p in zip(gt, phased, strict=True)
                ]
                out.append((chrom, *key, *texts))
    return sorted(out)


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence with many repeats, N at its start."""
    rng = np.random.default_rng(7)
    parts = [rng.choice(["A", "C", "AT", "TA", "GTT", "CAG"]) * int(rng.integers(1, 9)) for _ in range(300)]
    path = tmp_path_factory.mktemp("fasta") / "r.fa"
    path.write_text(">chr1\n" + "N" * 50 + "".join(parts) + "\n")
    pysam.faidx(str(path))
    return path


def test_many_alleles_become_one_row_each(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", ["1 10 . A C,G . . . GT 1|2 0/1 ./2 2"], ("A", "B", "C", "D"))
    assert rows(path, n=4) == [
        ("chr1", 10, "A", "C", "1|0", "0/1", "./0", "0"),
        ("chr1", 10, "A", "G", "0|1", "0/0", "./1", "1"),
    ]


def test_alleles_without_sequence_are_missing_never_reference(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.vcf",
        ["1 10 . A C,* . . . GT 1/2", "1 20 . A <DEL> . . . GT 0/1", "1 30 . A G,<NON_REF> . . . GT 0/1"],
    )
    assert rows(path) == [("chr1", 10, "A", "C", "1/."), ("chr1", 30, "A", "G", "0/1")]


def test_bases_of_equal_number_become_single_bases(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", ["1 10 . ACG TCA,ACA . . . GT 1/2"])
    assert rows(path) == [("chr1", 10, "A", "T", "1/0"), ("chr1", 12, "G", "A", "1/1")]


def test_phase_sets_leave_strands_unordered(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", ["1 10 . A C . . . GT:PS 0|1:10", "1 20 . A C . . . GT 0|1"])
    assert [r[-1] for r in rows(path)] == ["0/1", "0|1"]


def test_more_than_two_strands_are_missing(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.vcf", ["1 10 . A C . . . GT 0/0/1"])) == [("chr1", 10, "A", "C", "./.")]


def test_reference_blocks_count_at_wanted_positions_only(tmp_path: Path) -> None:
    wanted = Wanted(
        [("chr1", 105, "G"), ("chr1", 108, "AT"), ("chr1", 110, "AAA"), ("chr1", 400, "C"), ("chr1", 500, "C")]
    )
    path = write(
        tmp_path / "a.g.vcf",
        ["1 100 . T <NON_REF> . . END=110 GT:DP:GQ 0/0:20:60", "1 390 . T <NON_REF> . . END=410 GT:DP:GQ 0/0:4:60",
         "1 490 . T <NON_REF> . . END=510 GT:DP:GQ 0/0:30:9"],
    )  # fmt: skip
    assert rows(path, wanted) == [
        ("chr1", 105, "G", ".", "0/0"), ("chr1", 108, "AT", ".", "0/0"), ("chr1", 110, "A", ".", "0/0"),
    ]  # fmt: skip


def test_reference_records_of_all_sites_files_are_kept(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.vcf", ["1 10 . A . . . . GT 0/0"])) == [("chr1", 10, "A", ".", "0/0")]


def test_left_alignment_equals_bcftools_norm(tmp_path: Path, fasta: Path) -> None:
    """400 insertions and deletions at random places of a repeated sequence; the other program is bcftools."""
    sequence = pysam.FastaFile(str(fasta)).fetch("chr1")
    rng = np.random.default_rng(3)
    lines = []
    for start in sorted(rng.choice(np.arange(60, len(sequence) - 20), 400, replace=False)):
        length = int(rng.integers(1, 7))
        piece = sequence[start : start + length + 1]
        ref, alt = (piece, piece[0]) if rng.random() < 0.5 else (piece[0], piece)
        lines.append((int(start) + 1, ref, alt))
    source, other = tmp_path / "in.vcf", tmp_path / "out.vcf"
    body = [f"chr1 {p} {i} {r} {a} . . . GT 0/1" for i, (p, r, a) in enumerate(lines)]
    write(source, body, meta='##contig=<ID=chr1>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n')
    pysam.bcftools.norm("-f", str(fasta), "-o", str(other), str(source), catch_stdout=False)
    expected = {r.id: (r.pos, r.ref, r.alts[0]) for r in pysam.VariantFile(str(other))}
    reference = normalise.Reference(fasta)
    moved = 0
    for i, (p, r, a) in enumerate(lines):
        found = normalise.left_aligned(reference, "chr1", p, r, a)
        assert found == expected[str(i)], (p, r, a)
        moved += found[0] != p
    assert moved > 100


def test_left_alignment_stops_at_unknown_bases(fasta: Path) -> None:
    reference = normalise.Reference(fasta)
    assert reference.bases("chr1", 1, 3) == "NNN"
    assert reference.bases("chr9", 5, 2) == "NN"
    first = reference.bases("chr1", 51)
    assert normalise.left_aligned(reference, "chr1", 51, first * 2, first) == (51, first * 2, first)


def test_trimming() -> None:
    assert records.trimmed(5, "CATG", "CG") == (5, "CAT", "C")
    assert records.trimmed(5, "CATG", "CATT") == (8, "G", "T")
    assert records.trimmed(5, "A", "T") == (5, "A", "T")


def test_records_that_contradict_the_reference(tmp_path: Path, fasta: Path) -> None:
    reference = normalise.Reference(fasta)
    good = [f"chr1 {p} . {reference.bases('chr1', p)} {'G' if reference.bases('chr1', p) != 'G' else 'A'} . . . GT 0/1"
            for p in range(100, 140)]  # fmt: skip
    wrong = "T" if reference.bases("chr1", 200) != "T" else "A"
    path = write(tmp_path / "a.vcf", [*good, f"chr1 200 . {wrong} C . . . GT 0/1"])
    assert len(rows(path, reference=reference)) == 40
    swapped = [g.replace(f" {g.split()[3]} {g.split()[4]} ", f" {g.split()[4]} {g.split()[3]} ") for g in good]
    report = vcf.Report("a.vcf")
    with pytest.raises(InputError, match="40 of 40 REF alleles contradict"):
        found = vcf.read(write(tmp_path / "b.vcf", swapped), report, known_sites())
        normalise.normalised(found, report, 1, NOTHING, reference)


def test_a_reference_of_another_build_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.fa"
    path.write_text(">chr21\n")
    Path(f"{path}.fai").write_text("chr21\t48129895\t7\t60\t61\n")
    with pytest.raises(InputError, match="a reference FASTA of GRCh37"):
        normalise.Reference(path)
    with pytest.raises(InputError, match="cannot be opened"):
        normalise.Reference(tmp_path / "none.fa")
