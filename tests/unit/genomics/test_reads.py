from pathlib import Path

import numpy as np
import pysam
import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake.panel import Panel, Wanted
from consilium.genomics.reads import alignments as reads
from consilium.genomics.reads import calling
from reads_files import LENGTH, bam, changed, other_base, reference


def panel(sequence: str, positions: list[int]) -> Panel:
    ref = [sequence[p - 1] for p in positions]
    n, alt = len(ref), [other_base(b) for b in ref]
    places = np.array(["chr1"] * n), np.array(positions)
    return Panel(*places, np.array(ref), np.array(alt), ("X",), np.full((n, 1), 0.5))


def refused(path: Path, cause: str, fasta: Path | None = None) -> None:
    with pytest.raises(InputError) as error:
        reads.check(reads.ReadsFile(path, "P1", fasta))
    assert cause in str(error.value)
    assert error.value.problems[0].patient == "P1"


def test_a_good_file_passes_with_and_without_index(tmp_path: Path) -> None:
    _, sequence = reference(tmp_path)
    reads.check(reads.ReadsFile(bam(tmp_path / "a.bam", (sequence, sequence))))
    reads.check(reads.ReadsFile(bam(tmp_path / "b.bam", (sequence, sequence), index=False)))


def test_bad_files_are_refused_with_the_cause(tmp_path: Path) -> None:
    fasta, sequence = reference(tmp_path)
    both = (sequence, sequence)
    good = bam(tmp_path / "good.bam", both)
    cut = tmp_path / "cut.bam"
    cut.write_bytes(good.read_bytes()[:3000])
    refused(cut, "truncated")
    empty = tmp_path / "empty.bam"
    empty.write_bytes(b"")
    refused(empty, "neither BAM")
    (tmp_path / "text.bam").write_text("not reads")
    refused(tmp_path / "text.bam", "neither BAM")
    refused(bam(tmp_path / "old.bam", both, length=249250621), "GRCh37")
    refused(bam(tmp_path / "two.bam", both, samples=("a", "b")), "reads of 2 samples: a, b")
    refused(bam(tmp_path / "name.bam", both, order="queryname"), "order 'queryname'")
    refused(bam(tmp_path / "order.bam", both, order="unknown"), "out of order")
    cram = tmp_path / "a.cram"
    pysam.view("-C", "-T", str(fasta), "-o", str(cram), str(good), catch_stdout=False)
    refused(cram, "without a reference FASTA")
    reads.check(reads.ReadsFile(cram, "P1", fasta))


def test_allele_counts_leave_out_duplicates_and_poor_bases(tmp_path: Path) -> None:
    _, sequence = reference(tmp_path)
    position = 2000
    second = changed(sequence, (position, other_base(sequence[position - 1])))
    path = bam(tmp_path / "a.bam", (sequence, second), depth=40)
    marked = tmp_path / "b.bam"
    with pysam.AlignmentFile(str(path)) as source, pysam.AlignmentFile(str(marked), "wb", header=source.header) as out:
        for i, read in enumerate(source):
            if i % 4 == 0:
                read.flag |= 1024
            elif i % 4 == 1:
                read.mapping_quality = 10
            elif i % 4 == 2:
                read.query_qualities = pysam.qualitystring_to_array("+" * 100)
            out.write(read)
    sites = panel(sequence.replace("N", "A") + "A" * 10, [500, position, LENGTH + 5])
    with reads.indexed(reads.ReadsFile(path), tmp_path) as alignments:
        counts = reads.allele_counts(alignments, sites)
    assert counts.depth[0] == counts.depth[2] == 0
    assert min(counts.n_ref[1], counts.n_alt[1]) >= 10 and counts.n_other[1] == 0
    with reads.indexed(reads.ReadsFile(marked), tmp_path) as alignments:
        fewer = reads.allele_counts(alignments, sites)
    assert fewer.depth[1] < counts.depth[1] / 2
    quality = reads.quality(str(path), counts, None)
    assert quality["panel_sites_covered"] == 1
    assert quality["mean_depth"] == counts.depth[1]
    assert quality["mapped_fraction"] == 1 and quality["duplicate_fraction"] == 0


def test_gc_of_reads_and_of_depth() -> None:
    histogram = [["40.0", "30"], ["60.0", "10"]]
    depths = {2: 10, 5: 12, 10: 14, 45: 20, 50: 20, 55: 20, 90: 30, 95: 30, 100: 30}
    rows = [[str(30 + i), str(p), "1", "2", str(d), "5", "6"] for i, (p, d) in enumerate(depths.items())]
    found = reads.gc_content(histogram, rows)
    assert found == {"gc_mean": 0.45, "gc_low_depth": pytest.approx(0.6), "gc_high_depth": pytest.approx(1.5)}
    assert reads.gc_content(histogram, rows[1:])["gc_low_depth"] is None
    assert reads.gc_content([], []) == {"gc_mean": None, "gc_low_depth": None, "gc_high_depth": None}


def test_calls_say_reference_apart_from_not_covered(tmp_path: Path) -> None:
    fasta, sequence = reference(tmp_path)
    het, hom, plain, thin = 1500, 2000, 2500, 1003
    one = changed(sequence, (het, other_base(sequence[het - 1])), (hom, other_base(sequence[hom - 1])))
    two = changed(sequence, (hom, other_base(sequence[hom - 1])))
    path = bam(tmp_path / "a.bam", (one, two), depth=30)
    wanted = Wanted([("chr1", p, "") for p in (500, thin, het, hom, plain, 9000)])
    file = reads.ReadsFile(path, "P1", fasta)
    regions = calling.windows(wanted, {"chr1": "chr1"}, {"chr1": LENGTH})
    assert regions[-1][2] <= LENGTH
    found = {r.pos: (r.alts, r.calls) for r in calling.call(file, str(path), None, regions, "male", tmp_path, wanted)}
    assert found[het] == ((other_base(sequence[het - 1]),), ["0/1"])
    assert found[hom] == ((other_base(sequence[hom - 1]),), ["1/1"])
    assert found[plain] == ((), ["0/0"])
    assert thin not in found and 500 not in found  # fewer than 8 reads: not tested, not reference
    assert set(found) == {het, hom, plain}


def giab(folder: Path, out: Path, kind: str) -> tuple[Path, Path]:
    """FASTA and reads of NA12878 with the contig called chr22 (theirs is called q)."""
    fasta, path = out / "r.fa", out / f"r.{kind}"
    fasta.write_text(">chr22\n" + "".join((folder / "q.fa").read_text().split("\n")[1:]) + "\n")
    pysam.faidx(str(fasta))
    mode = {"bam": "wb", "cram": "wc"}[kind]
    with pysam.AlignmentFile(
        str(folder / f"NA12878.chr22.tiny.{kind}"), reference_filename=str(folder / "q.fa"), check_sq=False
    ) as source:
        header = source.header.to_dict()
        header["SQ"][0] = {"SN": "chr22", "LN": header["SQ"][0]["LN"]}
        with pysam.AlignmentFile(str(path), mode, header=header, reference_filename=str(fasta)) as target:
            for read in source.fetch(until_eof=True):
                cells = read.to_dict()
                cells["ref_name"] = cells["ref_name"].replace("q", "chr22")
                target.write(pysam.AlignedSegment.from_dict(cells, target.header))
    pysam.index(str(path))
    return fasta, path


@pytest.mark.data
@pytest.mark.parametrize("kind", ["bam", "cram"])
def test_giab_truth(real_data: Path, tmp_path: Path, kind: str) -> None:
    """NA12878, 12 kb of chr22: 14 of 14 SNVs with their genotypes, nothing else, from BAM and from CRAM."""
    folder = real_data / "genomics" / "bam_na12878_chr22_giab"
    fasta, path = giab(folder, tmp_path, kind)
    truth = set()
    for line in (folder / "NA12878.chr22.tiny.giab.vcf").read_text().splitlines():
        if line[0] != "#":
            cells = line.split("\t")
            truth.add((int(cells[1]), cells[4], "/".join(sorted(cells[9].split(":")[0].replace("|", "/").split("/")))))
    file = reads.ReadsFile(path, "NA12878", fasta)
    reads.check(file)
    records = list(calling.call(file, str(path), None, [("chr22", 0, 12356)], "female", tmp_path))
    found = {(r.pos, r.alts[0], r.calls[0]) for r in records if r.alts and len(r.ref) == len(r.alts[0]) == 1}
    assert found == truth
    assert len(truth) == 14
    quality = reads.quality(str(path), reads.Counts(*np.zeros((3, 1), dtype=np.int64)), fasta)
    assert quality["gc_mean"] == pytest.approx(GC_OF_NA12878, abs=0.002)
    if kind == "cram":
        return
    # Reference calls at wanted positions: never where a variant is known.
    wanted = Wanted([("chr22", p, "") for p in (*range(500, 12000, 500), *(p for p, _, _ in truth))])
    regions = calling.windows(wanted, {"chr22": "chr22"}, {"chr22": 12356})
    called = {r.pos: r for r in calling.call(file, str(path), None, regions, "female", tmp_path, wanted)}
    assert all(called[p].alts for p, _, _ in truth)
    plain = [r for r in called.values() if not r.alts and r.pos % 500 == 0]
    assert len(plain) >= 20 and all(r.calls == ["0/0"] for r in plain)


# Share of G and C in the read bases of the file, counted with samtools view | awk.
GC_OF_NA12878 = 0.4139


@pytest.mark.data
def test_fingerprint_reads_tell_two_people_apart(real_data: Path, tmp_path: Path) -> None:
    """NA12891 and NA12892 over SNPs of hg19: the bases of a person's reads are those of the person's own calls."""
    folder = real_data / "genomics" / "fingerprint_reads"
    people = {"NA12891": "NA12891.vcf", "NA12892": "NA12892.g.vcf"}
    calls = {name: _calls(folder / file) for name, file in people.items()}
    for name in people:
        (tmp_path / name).mkdir()
        file = reads.ReadsFile(folder / f"{name}.over.fingerprints.r1.sam.gz", name)
        sites = sorted(set(calls["NA12891"]) & set(calls["NA12892"]))
        columns = [np.array(c) for c in zip(*((*s, *calls["NA12891"][s][:2]) for s in sites), strict=True)]
        places = Panel(*columns, ("X",), np.full((len(sites), 1), 0.5))
        with reads.indexed(file, tmp_path / name) as alignments:
            counts = reads.allele_counts(alignments, places)
        share = counts.n_alt / counts.depth
        seen = np.where(share < 0.2, 0, np.where(share > 0.8, 2, 1))
        agreed = {who: sum(calls[who][s][2] == g for s, g in zip(sites, seen, strict=True)) for who in people}
        assert len(sites) == 3 and counts.depth.min() >= 20
        assert agreed.pop(name) == 3 and set(agreed.values()) == {0}


def _calls(path: Path) -> dict[tuple[str, int], tuple[str, str, int]]:
    """(contig, position) -> REF, first ALT and its copies."""
    rows = [line.split("\t") for line in path.read_text().splitlines() if line[0] != "#"]
    return {(f"chr{r[0]}", int(r[1])): (r[3], r[4].split(",")[0], r[9].split(":")[0].count("1")) for r in rows
            if r[4][0] != "<"}  # fmt: skip
