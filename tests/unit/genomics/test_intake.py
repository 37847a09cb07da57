"""One file to calls: bases known without a FASTA, callable regions, levels of validation, odd genotypes."""

import gzip
from pathlib import Path

import pysam
import pytest
from consilium.core.errors import InputError
from consilium.core.sheets import Sample
from consilium.genomics.intake import normalise, reading, vcf
from consilium.genomics.intake.callable_regions import Bed, read_bed
from consilium.genomics.intake.calls import ABSENT, MISSING
from consilium.genomics.intake.known_bases import KnownBases, read_known_bases, repeat
from consilium.genomics.intake.patient import regions_of
from consilium.genomics.intake.setup import Setup
from hypothesis import given
from hypothesis import strategies as st
from vcf_files import ROOT, SITES, text, write

STARS = ROOT / "resources" / "star_alleles" / "positions.tsv"


@pytest.fixture
def place(tmp_path: Path) -> Setup:
    """Needed positions: three on chr1 with a known base, one on X, Y and the mitochondrion."""
    targets = tmp_path / "targets.tsv"
    rows = [("chr1", 100, "A"), ("chr1", 200, "CAT"), ("chr1", 300, "G"), ("chrX", 5_000_000, "A"), ("chrY", 50, "C"),
            ("chrM", 1555, "A")]  # fmt: skip
    targets.write_text("chrom\tpos\tref\n" + "".join(f"{c}\t{p}\t{r}\n" for c, p, r in rows))
    panel = tmp_path / "panel.tsv"
    panel.write_text("chrom\tpos\tref\talt\tX\n")
    return Setup(panel, SITES, (targets,))


def read(
    path: Path, setup: Setup, beds: tuple[Path, ...] = (), names: tuple[str, ...] = ("P1",)
) -> tuple[dict, vcf.Report, list]:
    """(key -> genotype text of each sample), report, problems of the BED files (patient P1's own)."""
    report, problems = vcf.Report(str(path), "P1", setup.validation), []
    own = [Sample("P1", "genomics", "callable", str(b), "", "callable", 1) for b in beds]
    sign = {MISSING: ".", ABSENT: "", 0: "0", 1: "1"}

    def regions(build: str) -> object:
        return regions_of(names, own, setup, problems, build)

    try:
        made = reading.calls_of(path, report, lambda given: list(range(len(given))), reading.Tables.of(setup), regions)  # type: ignore[arg-type]
    except InputError:
        return {}, report, problems
    found = {(c, *k): [sign[int(g[0])] + sign[int(g[1])] for g in layer.gt[i]]
             for c, layers in made.items() for layer in layers for i, k in enumerate(layer.keys)}  # fmt: skip
    return found, report, problems


def bed(path: Path, *rows: str) -> Path:
    path.write_text("".join("\t".join(r.split(" ")) + "\n" for r in rows))
    return path


def test_regions_tell_reference_from_untested(tmp_path: Path, place: Setup) -> None:
    path = write(tmp_path / "a.vcf", ["1 100 . A G . . . GT 0/1"])
    regions = bed(tmp_path / "a.bed", "#comment", "track x", "chr1 50 201", "1 299 300 name 0 +")
    assert read(path, place)[0] == {("chr1", 100, "A", "G"): ["01"]}
    found, report, problems = read(path, place, (regions,))
    # The deletion at 200 needs 200 to 202, of which 202 was not callable.
    assert found == {("chr1", 100, "A", "G"): ["01"], ("chr1", 300, "G", "."): ["00"]}
    assert report.n_callable == 1 and not problems


@pytest.mark.parametrize(
    "row",
    ["1 300 . G T . LowQual . GT 0/1", "1 300 . G T . . . GT ./.", "1 300 . G T . . . GT 0/7",
     "1 290 . G <DEL> . . END=310 GT 0/1", "1 299 . AG A . . . GT ./1", "1 300 . A T . . . GT 0/1",
     "1 290 . G <NON_REF> . . END=310 GT:GQ 0/0:3"],
)  # fmt: skip
def test_what_a_file_speaks_of_is_never_filled_from_regions(tmp_path: Path, place: Setup, row: str) -> None:
    """Filtered, missing, broken, symbolic, half, contradicting and weak records: the position was not found reference."""
    path = write(tmp_path / "a.vcf", ["1 50 . C T . . . GT 0/1", row])
    found = read(path, place, (bed(tmp_path / "a.bed", "chr1 0 1000"),))[0]
    assert ("chr1", 300, "G", ".") not in found
    assert found["chr1", 100, "A", "."] == ["00"]


def test_ploidy_of_reference_calls_from_regions(tmp_path: Path, place: Setup) -> None:
    regions = bed(tmp_path / "a.bed", "chrX 0 9000000", "chrY 0 100", "chrM 0 2000")
    for gt, on_x in (("1", "0"), ("0/1", "00")):
        path = write(tmp_path / "a.vcf", [f"X 6000000 . A G . . . GT {gt}"])
        found = read(path, place, (regions,))[0]
        assert found["chrX", 5_000_000, "A", "."] == [on_x]
        assert found["chrY", 50, "C", "."] == found["chrM", 1555, "A", "."] == ["0"]


def test_regions_of_one_patient_of_a_joint_file(tmp_path: Path, place: Setup) -> None:
    path = write(tmp_path / "a.vcf", ["1 100 . A G . . . GT 0/1 0/0"], ("P1", "P2"))
    found = read(path, place, (bed(tmp_path / "a.bed", "chr1 0 1000"),), ("P1", "P2"))[0]
    assert found["chr1", 300, "G", "."] == ["00", ".."]


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("chr1 5", "2 columns"),
        ("chr1 x 9", "region x to 9"),
        ("chr1 9 9", "no base"),
        ("chr1 0 248956423", "end 248956423 beyond chr1"),
    ],
)
def test_broken_regions_are_refused_with_their_line(tmp_path: Path, row: str, cause: str) -> None:
    path = bed(tmp_path / "a.bed", "chr1 0 10", row)
    found, problems = read_bed(path, "P1", "standard", "GRCh38")
    assert found is None
    assert cause in problems[0].found and (problems[0].line, problems[0].patient) == (2, "P1")
    lenient = read_bed(path, "P1", "lenient", "GRCh38")[0]
    assert lenient is not None and lenient.spans == {"chr1": [(1, 10)]}


def test_packed_cut_and_foreign_regions(tmp_path: Path) -> None:
    content = gzip.compress(b"chr1\t0\t10\nchr1\t5\t20\nchr1\t30\t40\n" * 50)
    path = tmp_path / "a.bed.gz"
    path.write_bytes(content)
    found = read_bed(path, "", "standard", "GRCh38")[0]
    assert found is not None and found.spans == {"chr1": [(1, 20), (31, 40)]}
    path.write_bytes(content[:-10])
    assert "cannot be read" in read_bed(path, "", "standard", "GRCh38")[1][0].found
    assert "no region" in read_bed(bed(tmp_path / "b.bed", "scaffold 0 9"), "", "standard", "GRCh38")[1][0].found


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=12), st.integers(1, 80), st.integers(1, 4))
def test_covered_is_what_every_base_says(spans: list, start: int, length: int) -> None:
    from consilium.genomics.intake.callable_regions import _joined

    bases = {b for low, n in spans for b in range(low + 1, low + n + 1)}
    made = Bed("x", {"chr1": _joined([(low + 1, low + n) for low, n in spans])})
    assert made.covers("chr1", start, start + length - 1) == all(b in bases for b in range(start, start + length))


def test_repeats_of_the_position_table() -> None:
    """NUDT15 and UGT1A1, as their HGVS names say: (GAGTCG)3 from 48037784, (TA)7 from 233760235."""
    assert repeat(48037782, "AGGAGTC", ["A", "AGGAGTCGGAGTC"], 48037801)[2:] == "GAGTCG" * 3
    assert repeat(233760233, "CAT", ["C", "CATAT"], 233760248)[2:] == "TA" * 7
    assert repeat(10, "C", ["T"], 10) == ""


@pytest.mark.parametrize(
    ("right", "left"),
    [  # the right-most forms, as a caller that aligns to the right writes them
        ("13 48037795 . GGAGTCG G . . . GT 0/1", ("chr13", 48037782, "AGGAGTC", "A")),
        ("13 48037801 . G GGAGTCG . . . GT 0/1", ("chr13", 48037782, "A", "AGGAGTC")),
        ("2 233760248 . A ATA . . . GT 0/1", ("chr2", 233760233, "C", "CAT")),
        ("2 233760234 . ATA A . . . GT 0/1", ("chr2", 233760233, "CAT", "C")),
        ("1 97450067 . GA G . . . GT 0/1", ("chr1", 97450067, "GA", "G")),  # in no repeat: as it is
    ],
)
def test_pharmacogene_indels_are_left_aligned_without_a_fasta(tmp_path: Path, right: str, left: tuple) -> None:
    known = read_known_bases([STARS])
    report = vcf.Report("a.vcf")
    path = write(tmp_path / "a.vcf", [right])
    from vcf_files import known_sites

    found = normalise.normalised(vcf.read(path, report, known_sites()), report, 1, normalise.Wanted([]), known)
    assert [(c, *k) for c, layers in found.items() for layer in layers for k in layer.keys] == [left]


def test_records_that_contradict_a_known_base_are_left_out(tmp_path: Path, place: Setup) -> None:
    rows = ["1 100 . C G . . . GT 0/1", *(f"1 {p} . C G . . . GT 0/1" for p in range(300_000, 300_030))]
    found, report, _ = read(write(tmp_path / "a.vcf", rows), place)
    assert ("chr1", 100, "C", "G") not in found and len(found) == 30
    assert "REF 'C' where the reference has 'A'" in report.left_out[0].found


FAULTS = {  # name: (content, records usable leniently, or None where no level can use the file)
    "columns": (text(["1 100 . A G . . . GT 0/1", "1 200 . CAT C . .", "1 300 . G T . . . GT 0/1"]), 2),
    "order": (text(["1 300 . G T . . . GT 0/1", "1 100 . A G . . . GT 0/1"]), 2),
    "contig": (text(["1 100 . A G . . . GT 0/1", "2 1 . A G . . . GT 0/1", "1 300 . G T . . . GT 0/1"]), 3),
    "cut": (text(["1 100 . A G . . . GT 0/1"] * 1 + [f"2 {p} . A G . . . GT 0/1" for p in range(1, 4000)]), -1),
    "header": (text(["1 100 . A G . . . GT 0/1"]).replace("#CHROM", "#CHR"), None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_files_are_used_leniently_only(tmp_path: Path, place: Setup, fault: str) -> None:
    content, n = FAULTS[fault]
    path = tmp_path / "a.vcf.gz"
    packed = gzip.compress(content.encode())
    path.write_bytes(packed[: len(packed) // 2] if fault == "cut" else packed)
    for level in ("standard", "strict", "lenient"):
        setup = Setup(place.panel, place.known_sites, place.targets, validation=level)
        found, report, _ = read(path, setup)
        if level != "lenient" or n is None:
            assert report.fatal and not found
        else:
            assert not report.fatal and report.problems
            assert len(found) == n if n > 0 else 0 < len(found) < 4000


def test_strict_refuses_any_fault_and_an_unproven_build(tmp_path: Path, place: Setup) -> None:
    strict = Setup(place.panel, place.known_sites, place.targets, validation="strict")
    meta = "##contig=<ID=1,length=248956422>\n"
    good = write(tmp_path / "a.vcf", ["1 100 . A G . . . GT 0/1"], meta=meta)
    assert read(good, strict)[0] == {("chr1", 100, "A", "G"): ["01"]}
    unread = write(tmp_path / "b.vcf", ["1 100 . A G . . AC=-1 GT 0/1"], meta=meta)
    record = write(tmp_path / "c.vcf", ["1 100 . A G . . . GT 0/1", "1 300 . G T . . . GT 0/9"], meta=meta)
    wrong = write(tmp_path / "d.vcf", [*(f"1 {p} . C G . . . GT 0/1" for p in range(300_000, 300_030)),
                                       "1 400000 . A C . . . GT 0/1"], meta=meta)  # fmt: skip
    assert read(wrong, strict)[1].fatal == []
    for path, cause in ((unread, "INFO AC=-1"), (record, "genotype '0/9'")):
        report = read(path, strict)[1]
        assert "1 fault" in report.fatal[0].found and cause in report.problems[1].found
        assert not read(path, place)[1].fatal
    assert (
        "neither contig lengths"
        in read(write(tmp_path / "e.vcf", ["1 100 . A G . . . GT 0/1"]), strict)[1].fatal[0].found
    )


@pytest.mark.parametrize(
    ("gt", "made"),
    [("./1", ".1"), ("1", "1"), (".", ".."), ("0|1", "01"), ("0/1/1", ".."), ("/1", "1"), ("|0", "0"), ("1|.", "1.")],
)
def test_every_kind_of_genotype_has_its_outcome(tmp_path: Path, place: Setup, gt: str, made: str) -> None:
    found, report, _ = read(write(tmp_path / "a.vcf", [f"X 6000000 . A G . . . GT {gt}"]), place)
    assert found == {("chrX", 6_000_000, "A", "G"): [made]}
    assert report.n_polyploid == (gt == "0/1/1")


def test_left_alignment_with_known_bases_equals_bcftools(tmp_path: Path) -> None:
    """Where the bases around an indel are known the result is that of a FASTA, and bcftools norm's."""
    sequence = "N" * 30 + "GATTTTTTTTCAGCAGCAGCAGTATATATATAG" + "N" * 30
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">chr1\n{sequence}\n")
    pysam.faidx(str(fasta))
    known = KnownBases([("chr1", 1, sequence)])
    full = normalise.Reference(fasta)
    for start in range(31, 60):
        for length in (1, 2, 3):
            piece = sequence[start - 1 : start + length]
            for ref, alt in ((piece, piece[0]), (piece[0], piece)):
                if "N" not in piece:
                    expected = normalise.left_aligned(full, "chr1", start, ref, alt)
                    assert normalise.left_aligned(known, "chr1", start, ref, alt) == expected
