import gzip
import io
import tarfile
from pathlib import Path

import pysam
import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake import vcf
from hypothesis import given, settings
from hypothesis import strategies as st
from vcf_files import COLUMNS, HEADER, known_sites, text, write

GOOD = "chr1 100 rs1 A G 50 PASS . GT 0/1"


def read(path: Path, **options: object) -> tuple[list[vcf.Record], vcf.Report]:
    report = vcf.Report(str(path), "P1")
    try:
        return list(vcf.read(path, report, known_sites(), **options)), report  # type: ignore[arg-type]
    except InputError:
        return [], report


def test_reads_plain_gzip_bgzip_and_bcf(tmp_path: Path) -> None:
    rows = [GOOD, "chr2 5 . AT A,ATT . . . GT:DP 1|2:9"]
    meta = '##contig=<ID=chr1>\n##contig=<ID=chr2>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n'
    meta += '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">\n'
    plain = write(tmp_path / "a.vcf", rows, meta=meta)
    packed = write(tmp_path / "a.vcf.gz", rows, meta=meta)
    blocks = tmp_path / "b.vcf.gz"
    pysam.tabix_compress(str(plain), str(blocks))
    binary = tmp_path / "c.bcf"
    with pysam.VariantFile(str(plain)) as source, pysam.VariantFile(str(binary), "wb", header=source.header) as out:
        for record in source:
            out.write(record)
    keys = {path.name: [(r.chrom, r.pos, r.ref, r.alts, r.calls) for r in read(path)[0]]
            for path in (plain, packed, blocks, binary)}  # fmt: skip
    assert keys["a.vcf"] == [("chr1", 100, "A", ("G",), ["0/1"]), ("chr2", 5, "AT", ("A", "ATT"), ["1|2"])]
    assert all(found == keys["a.vcf"] for found in keys.values())


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "an empty file"),
        (b"this is a letter, not a genome", "no ##fileformat line"),
        (b"PK\x03\x04rest of a zip", "a zip archive"),
        (b"##fileformat=VCFv9\n", "##fileformat=VCFv9"),
        (HEADER.encode(), "no #CHROM line"),
        ((HEADER + COLUMNS.replace("POS", "POSITION") + "\tP1\n").encode(), "POSITION"),
        ((HEADER + COLUMNS.removesuffix("\tFORMAT") + "\n").encode(), "no sample column"),
        ((HEADER + COLUMNS + "\tP1\tP1\n").encode(), "more than once"),
        (text([GOOD, "chr1 200 . A G . . . GT"]).encode(), "9 columns"),
        (text([GOOD, "chr1 99 . A G . . . GT 0/1"]).encode(), "position 99 after 100"),
        (text([GOOD, "chr2 9 . A G . . . GT 0/1", GOOD]).encode(), "again after another contig"),
        (text(["scaffold_7 99 . A G . . . GT 0/1"]).encode(), "no record on a chromosome"),
        (text([GOOD], meta="##contig=<ID=1,length=249250621>\n").encode(), "GRCh37"),
        (text([GOOD], meta="##contig=<ID=1,length=247249719>\n").encode(), "another genome build"),
        (gzip.compress(text([GOOD] * 1).encode(), mtime=0)[:-12], "truncated gzip"),
    ],
)
def test_refuses_with_the_cause(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(content)
    records, report = read(path)
    assert not records
    assert cause in report.fatal[0].found
    assert report.fatal[0].patient == "P1"


def test_bgzip_without_its_end_is_truncated(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.vcf", tmp_path / "a.vcf.gz"
    plain.write_text(text([GOOD]))
    pysam.tabix_compress(str(plain), str(packed))
    packed.write_bytes(packed.read_bytes()[:-28])
    assert "end marker" in read(packed)[1].fatal[0].found


def test_grch37_is_told_by_known_sites_without_a_helpful_header(tmp_path: Path) -> None:
    sites = sorted((c, p, sorted(a)) for (c, p), a in known_sites().grch37.items() if c == "chr10")[:3]
    rows = [f"10 {p} . {a[0]} {a[1]} . PASS . GT 0/1" for _, p, a in sites]
    meta = "##reference=GRCh38\n##contig=<ID=10,length=133797422>\n"
    assert "GRCh37: known variants" in read(write(tmp_path / "a.vcf", rows, meta=meta))[1].fatal[0].found


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("chr1 100 . A G . . . GT 0/2", "genotype '0/2'"),
        ("chr1 100 . A G . . . GT 0.5", "genotype '0.5'"),
        ("chr1 100 . A R . . . GT 0/1", "ALT 'R'"),
        ("chr1 100 . . G . . . GT 0/1", "REF '.'"),
        ("chr1 -5 . A G . . . GT 0/1", "POS '-5'"),
        ("chr1 100 . A G . PASS; . GT 0/1", "FILTER"),
        ("chr1 100 . A G . . . DP:GT 3:0/1", "not the first"),
        ("chr1 100 . A G . . . GT 0/1:7", "2 values"),
        ("chr1 100 rs1 A G . . . GT 0/1", "given twice"),
    ],
)
def test_one_bad_record_is_left_out_and_said(tmp_path: Path, row: str, cause: str) -> None:
    records, report = read(
        write(tmp_path / "a.vcf", ["chr1 100 . A G . . . GT 0/1", row, "chr1 300 . C T . . . GT 1/1"])
    )
    if row.split()[1] == "-5":
        assert [r.pos for r in records] == [100, 300]
    assert [r.line for r in records] == [3, 5]
    assert [p.line for p in report.left_out] == [4]
    assert cause in report.left_out[0].found
    assert not report.fatal


def test_values_that_nobody_reads_do_not_cost_the_genotype(tmp_path: Path) -> None:
    rows = [f"chr1 {i} . A G . . AC=-1;DB=7 GT 0/1" for i in range(1, 50)]
    records, report = read(write(tmp_path / "a.vcf", rows))
    assert len(records) == 49
    assert sorted(p.found for p in report.problems) == ["genotype used, but INFO AC=-1", "genotype used, but INFO DB=7"]


def test_failed_filter_is_no_call(tmp_path: Path) -> None:
    records, report = read(write(tmp_path / "a.vcf", ["chr1 100 . A G . LowQual . GT 0/1", GOOD.replace("100", "200")]))
    assert [r.calls for r in records] == [None, ["0/1"]]
    assert report.n_filtered == 1


def test_long_lists_of_bad_records_are_counted(tmp_path: Path) -> None:
    rows = [f"chr1 {i} . A G . . . GT 0/9" for i in range(1, 100)] + ["chr1 500 . A G . . . GT 0/1"]
    report = read(write(tmp_path / "a.vcf", rows))[1]
    assert len(report.problems) == vcf.LISTED + 1
    assert "79 more records" in report.problems[-1].found


def test_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    path.write_bytes(text([GOOD]).replace("\n", "\r\n").encode())
    assert len(read(path)[0]) == 1


def test_many_samples_only_wanted_columns_are_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", ["chr1 100 . A G . . . GT 0/1 nonsense 1/1"], ("A", "B", "C"))
    records, report = read(path, choose=lambda names: [names.index("C"), names.index("A")])
    assert records[0].calls == ["1/1", "0/1"]
    assert not report.problems


_CELL = st.text(alphabet="ACGT.,;:/|01<>*\t \n=Nx-", max_size=12)


@settings(max_examples=40)
@given(st.lists(st.lists(_CELL, min_size=10, max_size=10), max_size=4))
def test_whatever_the_cells_nothing_but_problems_comes_out(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    path = tmp_path_factory.mktemp("cells") / "a.vcf"
    path.write_text(HEADER + COLUMNS + "\tP1\n" + "".join("\t".join(r) + "\n" for r in rows))
    read(path)


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_whatever_the_bytes_nothing_but_problems_comes_out(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a.vcf.gz"
    for content in (junk, HEADER.encode() + junk, b"\x1f\x8b" + junk, gzip.compress(junk)):
        path.write_bytes(content)
        read(path)


@pytest.mark.data
def test_public_collection_of_good_and_bad_files(real_data: Path, tmp_path: Path) -> None:
    """hts-specs and vcf-validator test files: every bad body is named with its line, no valid file is refused unless it

    holds no genotype."""
    silent, refused = [], []
    path = tmp_path / "x.vcf"
    with tarfile.open(real_data / "bad_input" / "vcf" / "vcf_open.tar.gz") as archive:
        files = {m.name: archive.extractfile(m) for m in archive if m.name.endswith(".vcf")}
        contents = {file.read(): name for name, file in files.items() if file}  # each content once
    for content, name in contents.items():
        path.write_bytes(content)
        report = read(path)[1]
        if "failed_body" in name and not any(p.line for p in report.problems):
            silent.append(Path(name).name)
        if "passed/" in name and report.fatal and "without genotypes" not in report.fatal[0].found:
            refused.append(name)
    assert silent == refused == []


@pytest.mark.data
@pytest.mark.parametrize(("build", "fatal"), [("GRCh37", True), ("GRCh38", False)])
def test_build_of_real_panels(real_data: Path, tmp_path: Path, build: str, fatal: bool) -> None:
    """One gene a file, no contig length anywhere: only the positions tell."""
    for gene in ("CYP2C9", "VKORC1", "NUDT15"):
        path = tmp_path / f"{gene}.vcf"
        with (
            gzip.open(real_data / f"genomics/pgx_panel_1kgp/{build}/{gene}.vcf.gz", "rt") as source,
            io.StringIO() as out,
        ):
            for line in source:
                out.write(line if line.startswith("##") else "\t".join(line.rstrip("\n").split("\t")[:12]) + "\n")
            path.write_text(out.getvalue())
        report = read(path)[1]
        assert bool(report.fatal) == fatal, gene
        assert not fatal or "GRCh37" in report.fatal[0].found
