import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pysam
import pytest
from consilium.core.errors import InputError
from consilium.genomics.reads import alignments, coverage, depth, regions
from consilium.genomics.reads.bam_blocks import batches
from consilium.genomics.reads.bam_index import BamIndex
from hypothesis import given, settings
from hypothesis import strategies as st

LENGTH = 60_000
CIGARS = ("80M", "10S30M4D40M", "20M3I30M200N20=7X", "5H50M60D30M", "150M")
PLACES = [
    regions.Region("gene", "A", "chr1", ((0, 2500),)),
    regions.Region("exons", "A", "chr1", ((100, 700), (900, 901), (1500, 2500))),
    regions.Region("target", "", "chr1", ((4100, 4700),)),
    regions.Region("target", "", "chr2", ((10, 60),)),
]


def messy_reads(seed: int, n: int, cigars: tuple = CIGARS) -> list[tuple[str, int, int, str, int, int, int]]:
    """(name, flag, pos, cigar, mapping quality, mate's contig, mate's position) of reads that break simple counting."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        start = int(rng.integers(0, 5000))
        shift = int(rng.choice([0, 0, 10, 60, 75, 200, 900]))
        places, mate = (start, start + shift), 0 if rng.random() < 0.95 else 1
        for m in (0, 1):
            flag = (99, 147)[m] if rng.random() < 0.8 else (97, 145)[m]
            flag |= int(rng.choice([0, 0, 0, 0, 256, 512, 1024, 2048]))
            cigar = cigars[rng.integers(len(cigars))]
            name = f"read:{i}" if rng.random() < 0.9 else f"{i}" * int(rng.integers(1, 40))
            out.append((name, flag, places[m], cigar, int(rng.choice([0, 20, 60])), mate,
                        places[1 - m]))  # fmt: skip
    return sorted(out, key=lambda r: r[2])


def write_bam(path: Path, reads: list[tuple[str, int, int, str, int, int, int]]) -> Path:
    head = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": LENGTH}, {"SN": "chr2", "LN": 1000}]}
    with pysam.AlignmentFile(str(path), "wb", header=head) as out:
        for name, flag, pos, cigar, quality, mate, mate_pos in reads:
            read = pysam.AlignedSegment(out.header)
            read.query_name, read.flag, read.reference_id, read.reference_start = name[:200], flag, 0, pos
            read.cigarstring, read.mapping_quality = cigar, quality
            read.next_reference_id, read.next_reference_start = mate, mate_pos
            read.query_sequence = "A" * (read.infer_query_length() or 0)
            out.write(read)
    pysam.index(str(path))
    return path


def by_definition(reads: list[tuple[str, int, int, str, int, int, int]], end: int) -> np.ndarray:
    """Depth base by base: aligned bases of each read; those of a proper pair's second mate that the first has, not."""
    out, first = np.zeros(end + 2000, dtype=int), {}
    for name, flag, pos, cigar, _, mate, mate_pos in reads:
        if flag & 1796:
            continue
        read = pysam.AlignedSegment()
        read.query_sequence, read.cigarstring, read.reference_start = "A" * 300, cigar, pos
        bases = {int(b) for start, stop in read.get_blocks() for b in range(start, stop)}
        if flag & 2 and not flag & 2048:
            name = name[:200]
            if (
                mate == 0
                and read.reference_end > mate_pos
                and (pos < mate_pos or (pos == mate_pos and name not in first))
            ):
                first[name] = (bases, pos, mate_pos)
            elif mate == 0 and name in first:
                other = first.pop(name)
                bases = bases - other[0] if other[1:] == (mate_pos, pos) else bases
        out[sorted(bases)] += 1
    return out[:end]


def measured(
    path: Path, minimum: int = 8, places: list[regions.Region] = PLACES
) -> tuple[np.ndarray, np.ndarray, list]:
    file = alignments.ReadsFile(path, "P1")
    parts = regions.windows(places, [])
    with pysam.AlignmentFile(str(path)) as opened:
        source = coverage.source(file, opened, path.parent, places)
    return *coverage.measure(file, source, places, parts, minimum), parts


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 60))
def test_depth_is_what_the_definition_says(tmp_path_factory: pytest.TempPathFactory, seed: int, n: int) -> None:
    reads = messy_reads(seed, n)
    path = write_bam(tmp_path_factory.mktemp("bam") / "a.bam", reads)
    with open(path, "rb") as handle:
        found = depth.base_depth(handle, BamIndex(Path(f"{path}.bai")).chunks(0, [(0, 7000)]), 0, 0, 7000)
    assert np.array_equal(found, by_definition(reads, 7000))


# mosdepth 0.3.3 --by regions.bed --thresholds 1,10,20,30 on the file of the test: mean depth of the regions, and bases
# of at least 1, 10, 20 and 30 reads. Without the last CIGAR: where a read without gaps lies inside its mate, mosdepth
# also takes off what the mate has beyond it.
GOLDEN = {"chr1:1-2500": (14.92, 2470, 2236, 466, 8), "chr1:4101-4700": (17.77, 600, 598, 178, 0),
          "chr2:11-60": (0.0, 0, 0, 0, 0)}  # fmt: skip


def test_regions_equal_mosdepth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = messy_reads(5, 900, CIGARS[:4])
    path = write_bam(tmp_path / "a.bam", reads)
    monkeypatch.setattr(coverage, "_TILE", 1700)
    out, sums, parts = measured(path)
    spans = [(i, p, s, e) for i, p in enumerate(PLACES) for s, e in p.intervals if len(p.intervals) == 1]
    found = {p.name: (round(out[i, 0] / p.n_bases, 2), *out[i, 2:].tolist()) for i, p, _, _ in spans}
    assert found == GOLDEN
    program = shutil.which("mosdepth")
    if program and subprocess.run([program, "--version"], capture_output=True).returncode == 0:
        assert by_mosdepth(program, path, spans) == GOLDEN
    assert out[1, 0] == sum(by_definition(reads, 7000)[s:e].sum() for s, e in PLACES[1].intervals)
    assert sums.sum() == out[0, 0] + out[2, 0] + out[3, 0]
    assert [(p.start, p.end) for p in parts[:3]] == [(0, 833), (833, 1666), (1666, 2500)]


def by_mosdepth(program: str, path: Path, spans: list) -> dict[str, tuple[float, ...]]:
    import gzip

    bed = path.parent / "regions.bed"
    bed.write_text("".join(f"{p.chrom}\t{s}\t{e}\t{p.name}\n" for _, p, s, e in spans))
    subprocess.run([program, "--by", str(bed), "--thresholds", "1,10,20,30", str(path.parent / "m"), str(path)],
                   check=True, env=os.environ)  # fmt: skip
    out: dict[str, tuple[float, ...]] = {}
    with gzip.open(path.parent / "m.regions.bed.gz", "rt") as means:
        out = {c[3]: (float(c[4]),) for c in (line.split() for line in means)}
    with gzip.open(path.parent / "m.thresholds.bed.gz", "rt") as table:
        for line in table:
            if not line.startswith("#"):
                cells = line.split()
                out[cells[3]] += tuple(int(c) for c in cells[4:])
    return out


def repacked(source: Path, target: Path, size: int) -> None:
    """The same BAM with blocks of `size` bytes, which cut records in two, as some writers leave them."""
    import struct
    import zlib

    with pysam.BGZFile(str(source)) as handle:
        data = handle.read(1 << 26)
    with open(target, "wb") as out:
        for at in range(0, len(data) + 1, size):
            part = data[at : at + size]
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            packed = packer.compress(part) + packer.flush()
            head = struct.pack("<4BI2BH2BHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(packed) + 25)
            out.write(head + packed + struct.pack("<2I", zlib.crc32(part), len(part)))
        out.write(bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000"))
    pysam.index(str(target))


@pytest.mark.parametrize("size", [37, 301, 4_999, 60_000])
def test_blocks_that_cut_records_are_read_too(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_bam(tmp_path / "a.bam", messy_reads(7, 400))
    repacked(whole, tmp_path / "b.bam", size)
    monkeypatch.setattr("consilium.genomics.reads.bam_blocks._BATCH", 70_000)
    one, two = measured(whole), measured(tmp_path / "b.bam")
    assert one[0].sum() > 0 and np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])
    with open(tmp_path / "b.bam", "rb") as handle:
        chunks = BamIndex(tmp_path / "b.bam.bai").chunks(0, [(0, LENGTH)])
        assert sum(len(b) for b in batches(handle, chunks)) == 800


def test_cram_and_damaged_files(tmp_path: Path) -> None:
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">chr1\n{'A' * LENGTH}\n>chr2\n{'C' * 1000}\n")
    bam = write_bam(tmp_path / "a.bam", messy_reads(8, 300))
    cram = tmp_path / "a.cram"
    pysam.view("-C", "-T", str(fasta), "-o", str(cram), str(bam), catch_stdout=False)
    (tmp_path / "scratch").mkdir()
    file = alignments.ReadsFile(cram, "P1", fasta)
    with alignments.indexed(file, tmp_path / "scratch") as opened:
        source = coverage.source(file, opened, tmp_path / "scratch", PLACES)
    assert np.array_equal(coverage.measure(file, source, PLACES, [], 8)[0], measured(bam)[0])
    data = bytearray(bam.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = b"x" * 200
    bam.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.bam.*cannot be parsed"):
        measured(bam)


@pytest.mark.parametrize(("back", "stated"), [(4, 0), (4, 2**32 - 1), (8, 0)], ids=["none", "too much", "checksum"])
def test_a_block_that_states_another_size_or_checksum_is_noticed(tmp_path: Path, back: int, stated: int) -> None:
    bam = write_bam(tmp_path / "a.bam", messy_reads(8, 300))
    data = bytearray(bam.read_bytes())
    at = [0]  # of each block
    while at[-1] < len(data):
        at.append(at[-1] + int.from_bytes(data[at[-1] + 16 : at[-1] + 18], "little") + 1)
    end = at[len(at) - 2]  # of the last block with reads, before the empty one
    data[end - back : end - back + 4] = stated.to_bytes(4, "little")
    bam.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.bam.*cannot be parsed"):
        measured(bam)


def test_bed_rows_are_checked_all_at_once(tmp_path: Path) -> None:
    bed = tmp_path / "t.bed"
    bed.write_text("track x\n1\t10\t20\tBRCA1|x\nchr2\t5\t5\nchr3\t7\nchr1\t1\t999999999\nchrUn_1\t1\t2\n2\t30\t40\n")
    with pytest.raises(InputError) as error:
        regions.read_bed(bed)
    assert sorted(p.line for p in error.value.problems) == [3, 4, 5]
    bed.write_text("1\t10\t20\tBRCA1|x\n1\t15\t25\tBRCA1\nchr1\t40\t50\tBRCA1\n")
    (only,) = regions.regions([], genes_bed=bed)
    assert only == regions.Region("exons", "BRCA1", "chr1", ((10, 25), (40, 50)))
    assert only.name == "chr1:11-50" and only.n_bases == 25


def test_genes_of_the_table(tmp_path: Path) -> None:
    genes = regions.read_genes(Path(__file__).parents[3] / "resources" / "gene_regions.tsv")
    places = regions.regions(genes)
    body = {r.gene: r for r in places if r.kind == "gene"}
    assert body["CYP2D6"].name == "chr22:42126499-42130810" and len(body) == 25
    parts = regions.windows(places, genes)
    assert max(w.end - w.start for w in parts) <= regions.WINDOW
    assert {w.genes for w in parts if w.steady} >= {"EGFR", "VDR"}
    assert not any(w.steady for w in parts if "CYP2D" in w.genes or w.chrom == "chrX")
