import gzip
import tarfile
from pathlib import Path

import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake import sam_text
from consilium.genomics.reads import alignments
from hypothesis import given, settings
from hypothesis import strategies as st

HEAD = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:248956422\n@RG\tID:1\tPL:ILLUMINA\n"
READ = "r1\t0\tchr1\t100\t60\t4M\t*\t0\t0\tACGT\tIIII\tNM:i:0\tMD:Z:4\n"


@pytest.mark.parametrize("packed", [False, True])
def test_a_valid_file_has_no_problem(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.sam"
    path.write_bytes(gzip.compress((HEAD + READ).encode()) if packed else (HEAD + READ).encode())
    assert sam_text.problems(path) == []


@pytest.mark.parametrize(
    ("old", "new", "found", "line"),
    [
        ("VN:1.6", "VN:1", "@HD with VN:1", 1),
        ("LN:248956422", "LN:0", "@SQ with LN:0", 2),
        ("PL:ILLUMINA", "PL:OTHER", "@RG with PL:OTHER", 3),
        ("\t100\t", "\t0100\t", "POS '0100'", 4),
        ("\t60\t", "\t256\t", "MAPQ '256'", 4),
        ("4M", "5M", "CIGAR of 5 bases for a read of 4", 4),
        ("4M", "1M2S1M", "clipped bases inside", 4),
        ("IIII", "III", "3 qualities for 4 bases", 4),
        ("r1\t0\tchr1", "r1\t0\tchr2", "which no @SQ line names", 4),
        ("NM:i:0", "NM:i:9999999999", "tag 'NM:i:9999999999'", 4),
        ("NM:i:0", "MD:i:0", "tag MD twice", 4),
        ("\tACGT\tIIII\tNM:i:0\tMD:Z:4", "", "9 columns", 4),
    ],
)
def test_each_fault_has_its_line(tmp_path: Path, old: str, new: str, found: str, line: int) -> None:
    path = tmp_path / "a.sam"
    path.write_text((HEAD + READ).replace(old, new))
    problems = sam_text.problems(path, "P1")
    assert found in problems[0].found
    assert (problems[0].line, problems[0].patient) == (line, "P1")
    with pytest.raises(InputError, match="SAM specification"):
        alignments.check(alignments.ReadsFile(path))


def test_a_cut_off_file(tmp_path: Path) -> None:
    path = tmp_path / "a.sam"
    path.write_bytes(gzip.compress((HEAD + READ).encode())[:-9])
    assert "cannot be read" in sam_text.problems(path)[-1].found


@settings(max_examples=60)
@given(st.lists(st.text(alphabet="@SQHDRGPCOLNV:i0*=\t19ACM~ \x00é", max_size=60), max_size=4), st.binary(max_size=40))
def test_whatever_the_lines_nothing_but_problems_comes_out(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("sam") / "a.sam"
    for content in ("\n".join(lines).encode(), b"@HD\t" + junk, READ.encode() + junk):
        path.write_bytes(content)
        sam_text.problems(path)


@pytest.mark.data
def test_public_collection_of_good_and_bad_files(real_data: Path, tmp_path: Path) -> None:
    """hts-specs: every invalid file is named, no valid one is. failed/hdr.HD3 equals passed/hdr.HD6, byte by byte."""
    silent, named = [], []
    path = tmp_path / "x.sam"
    with tarfile.open(real_data / "bad_input" / "sam" / "hts_specs_sam.tar.gz") as archive:
        for member in archive:
            if member.name.endswith(".sam"):
                path.write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
                bad = bool(sam_text.problems(path))
                silent += [] if bad or "failed" not in member.name else [Path(member.name).name]
                named += [member.name] if bad and "passed" in member.name else []
    assert silent == ["hdr.HD3.sam"]
    assert named == []
