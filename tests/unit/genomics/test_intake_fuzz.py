"""Whatever the bytes of a genotype file: calls, or problems with a cause. Never a traceback.

HYPOTHESIS=explore draws 2,000 new examples a test; scripts of ten minutes repeat that.
"""

from __future__ import annotations

import gzip
import os
import zlib
from functools import cache
from pathlib import Path

import pysam
import pytest
from consilium.core.errors import InputError, Problem
from consilium.genomics.intake import lifting, reading, vcf
from consilium.genomics.intake.callable_regions import Regions, read_bed
from consilium.genomics.intake.calls import ABSENT, MISSING
from consilium.genomics.intake.setup import Setup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vcf_files import ROOT, SITES, text

FORMATS = (
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">\n'
)
NEW = FORMATS + "##contig=<ID=chr7,length=159345973>\n##contig=<ID=chr10,length=133797422>\n"
OLD = FORMATS + "##contig=<ID=7,length=159138663>\n##contig=<ID=10,length=135534747>\n##contig=<ID=MT,length=16569>\n"
VALID = [
    text(["chr7 99672916 rs1 T C 50 PASS . GT:DP 0/1:20", "chr10 94761900 . C T . . . GT 0|1",
          "chr10 94762706 . A G,T . . . GT 1/2", "chr10 94781859 . G A . LowQual . GT 1/1"], meta=NEW),
    text(["7 99270539 . C T . . . GT 0/1", "10 96521657 . C T . . . GT 1|1", "10 96541616 . G A . . . GT ./1",
          "MT 1555 . A G . . . GT 1"], meta=OLD),
    text(["chr7 99672900 . T <NON_REF> . . END=99672930 GT:DP 0/0:30", "chr10 94761900 . C T,<NON_REF> . . . GT 0/1"],
         meta=NEW),
    text(["10 96521600 . T <NON_REF> . . END=96521700 GT:DP 0/0:30", "10 96541600 . G <DEL> . . END=96541700 GT 0/1"],
         meta=OLD),
    text(["13 48037801 . G GGAGTCG . . . GT:PS 0|1:5 1/1:.", "X 6000000 . A G . . . GT 1 0/1"], ("P1", "P2")),
]  # fmt: skip
ODD = ["", ".", "-1", "0", "9" * 12, "9" * 5000, "1e999", "nan", "inf", "٣", "é", "\x00", "A" * 300, "A,C,G,*",
       "<DEL>", "N[chr1:5[", "0/1/1", "|", "/", "./.", "1|", "999999/0", "END=5", "END=" + "9" * 30, "END=-4", ";;",
       "GT:GT", ":", "PASS;", "chr1", "NC_000007.13", "NC_000099.99", "##", "#CHROM", "\r", "GQ", "0/1:inf:nan", "*",
       "=", "\t"]  # fmt: skip
PACKINGS = ("plain", "gzip", "bgzip", "bcf")


@cache
def tables(level: str) -> reading.Tables:
    resources = ROOT / "resources"
    return reading.Tables.of(
        Setup(resources / "ancestry_1kgp.tsv", SITES, (resources / "star_alleles" / "positions.tsv",),
              lift_table=resources / "lift_grch37.tsv", validation=level)
    )  # fmt: skip


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A valid file with a few cells, lines or bytes changed."""
    lines = draw(st.sampled_from(VALID)).splitlines()
    for _ in range(draw(st.integers(0, 4))):
        i = draw(st.integers(0, len(lines) - 1))
        action = draw(st.sampled_from(("cell", "cell", "cell", "copy", "drop", "move", "cut")))
        if action == "cell":
            cells = lines[i].split("\t")
            cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(ODD) | st.text(max_size=8))
            lines[i] = "\t".join(cells)
        elif action == "copy":
            lines.insert(i, lines[i])
        elif action == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(i))
        elif action == "drop" and len(lines) > 1:
            del lines[i]
        else:
            lines[i] = lines[i][: draw(st.integers(0, len(lines[i])))]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """As `contents`, packed, and then perhaps cut off or with bytes changed."""
    content, packing = draw(contents()), draw(st.sampled_from(PACKINGS))
    if packing == "gzip":
        content = gzip.compress(content, 1, mtime=0)
    elif packing == "bgzip":
        content = bgzip(content)
    elif packing == "bcf":
        content = draw(st.sampled_from(bcfs()))
        if draw(st.booleans()):  # faults inside the packed records, not of the packing
            content = bgzip(damaged(draw, gzip.decompress(content)))
    return damaged(draw, content)


def bgzip(content: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + (len(body) + 25).to_bytes(2, "little")
    end = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
    return head + body + zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little") + end


@cache
def bcfs() -> list[bytes]:
    out = []
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    for content in VALID[:1]:
        plain, packed = folder / f"fuzz{os.getpid()}.vcf", folder / f"fuzz{os.getpid()}.bcf"
        plain.write_text(content.replace("LowQual", "PASS"))
        with (
            pysam.VariantFile(str(plain)) as source,
            pysam.VariantFile(str(packed), "wb", header=source.header) as made,
        ):
            for record in source:
                made.write(record)
        out.append(packed.read_bytes())
        plain.unlink()
        packed.unlink()
    return out


def read(path: Path, level: str, problems: list[Problem]) -> None:
    report = vcf.Report(str(path), "P1", level)

    def regions(build: str) -> Regions | None:
        bed, faults = read_bed(path.with_suffix(".bed"), "P1", level, build)
        problems.extend(faults)
        return Regions([[bed]] * len(report.header.samples)) if bed else None

    try:
        calls = reading.calls_of(path, report, lambda names: list(range(len(names))), tables(level), regions)
    except InputError as error:
        assert report.fatal and all(p.found and p.allowed and p.mend for p in error.problems)
        return
    assert not report.fatal
    assert all(p.found and p.mend for p in report.problems)
    for layers in calls.values():
        for layer in layers:
            assert layer.keys == sorted(set(layer.keys))
            assert set(layer.gt.ravel().tolist()) <= {0, 1, MISSING, ABSENT}


BED = b"chr7\t99672000\t99673000\nchr10\t94761000\t94763000\n"


def profile(n: int) -> settings:
    """The profile's number of examples when exploring, `n` else (a fast suite)."""
    exploring = os.environ.get("HYPOTHESIS") == "explore"
    return settings(max_examples=2000 if exploring else n, suppress_health_check=list(HealthCheck))


@profile(40)
@given(content=files(), level=st.sampled_from(("lenient", "standard", "strict")))
def test_any_genotype_file(tmp_path_factory: pytest.TempPathFactory, content: bytes, level: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.vcf"
    path.write_bytes(content)
    path.with_suffix(".bed").write_bytes(BED)
    read(path, level, [])


@profile(40)
@given(data=st.data(), packed=st.booleans())
def test_any_regions_and_chain(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, packed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bed"
    chain = b"chain 9 chr7 159138663 + 0 101 chr7 159345973 - 0 101 1\n50\t1\t1\n50\n\n"
    for source, use in ((BED, "bed"), (chain, "chain")):
        content = damaged(data.draw, source) + data.draw(st.binary(max_size=20))
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        if use == "bed":
            found, problems = read_bed(path, "", "lenient", "GRCh38")
            assert found or problems
            continue
        try:
            lifting.Lift(lifting.read_chain(path))
        except InputError as error:
            assert error.problems
