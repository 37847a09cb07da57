"""GRCh37 to GRCh38: places, strands, which allele is the reference."""

import gzip
from pathlib import Path

import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake import lifting, reading, vcf
from consilium.genomics.intake.calls import ABSENT, MISSING
from consilium.genomics.intake.known_bases import KnownBases
from consilium.genomics.intake.lift import Rules, lifted
from consilium.genomics.intake.lifting import Block, Lift
from consilium.genomics.intake.setup import Setup
from consilium.genomics.intake.vcf_report import LiftCounts
from vcf_files import ROOT, SITES, write

RESOURCES = ROOT / "resources"
CHAIN = """chain 1000 chr1 249250621 + 1000 1330 chr1 248956422 + 5000 5350 1
100\t10\t20
50\t0\t30
70\t50\t30
50

chain 900 chr2 243199373 + 20000 20150 chr5 181538259 - 7000 7160 2
60\t30\t40
60

chain 10 chr1 249250621 + 1090 1400 chr9 138394717 + 100 410 3
310

chain 5 chrUn_x 500 + 0 9 chr1 248956422 + 0 9 4
9
"""
# Best place by pyliftover 0.4.1 from the same chain file (a base in several chains: the one of the best chain).
PLACES = {
    ("chr1", 1000): None, ("chr1", 1001): ("chr1", 5001), ("chr1", 1100): ("chr1", 5100),
    ("chr1", 1101): ("chr9", 111), ("chr1", 1111): ("chr1", 5121), ("chr1", 1160): ("chr1", 5170),
    ("chr1", 1161): ("chr1", 5201), ("chr1", 1230): ("chr1", 5270), ("chr1", 1231): ("chr9", 241),
    ("chr1", 1281): ("chr1", 5301), ("chr1", 1330): ("chr1", 5350), ("chr1", 1331): ("chr9", 341),
    ("chr1", 1400): ("chr9", 410), ("chr1", 1401): None, ("chr2", 20000): None,
    ("chr2", 20001): ("chr5", 181531259), ("chr2", 20060): ("chr5", 181531200), ("chr2", 20061): None,
    ("chr2", 20091): ("chr5", 181531159), ("chr2", 20150): ("chr5", 181531100), ("chr2", 20151): None,
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_places_equal_those_of_another_program(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.chain"
    path.write_bytes(gzip.compress(CHAIN.encode()) if packed else CHAIN.encode())
    places = Lift(lifting.read_chain(path))
    for (chrom, position), expected in PLACES.items():
        block = places.block(chrom, position)
        assert (None if block is None else (block.to_chrom, block.at(position))) == expected, (chrom, position)
        assert block is None or block.minus == (chrom == "chr2")
    assert [(b.start, b.end) for b in places.pieces("chr1", 1095, 1115)] == [(1095, 1100), (1101, 1110), (1111, 1115)]


@pytest.mark.parametrize(
    ("content", "found", "line"),
    [
        (CHAIN.replace("249250621", "248956422", 1), "chr1 of 248956422 bases", 1),
        (CHAIN.replace("100\t10\t20", "100\tx\t20"), "no line of a chain file", 2),
        ("##fileformat=VCFv4.2\n", "no chain", 0),
        ("chain 5 chrUn_x 500 + 0 9 chr1 248956422 + 0 9 4\n9\n", "no chain of a known chromosome", 0),
        ("chain 5 chr1\n", "no line of a chain file", 1),
        ("100\n", "no line of a chain file", 1),
    ],
)
def test_what_is_no_chain_is_said(tmp_path: Path, content: str, found: str, line: int) -> None:
    path = tmp_path / "a.chain"
    path.write_text(content)
    with pytest.raises(InputError) as error:
        list(lifting.read_chain(path))
    assert found in error.value.problems[0].found
    assert error.value.problems[0].line == line


def test_a_packed_chain_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.chain.gz"
    path.write_bytes(gzip.compress(CHAIN.encode())[:-20])
    with pytest.raises(InputError, match="chain"):
        list(lifting.read_chain(path))


def record(pos: int, ref: str, alts: str, *calls: str, end: int = 0, chrom: str = "chr1") -> vcf.Record:
    names = tuple(alts.split(",")) if alts else ()
    return vcf.Record(1, chrom, pos, ".", ref, names, end or pos + len(ref) - 1, list(calls), False, (None, None))


def lift(record: vcf.Record, bases: dict[int, str], **more: object) -> tuple[list[tuple], LiftCounts]:
    places = Lift([Block("chr1", 1, 1000, "chr1", 10_001), Block("chr2", 1, 100, "chr1", 20_001, minus=True)])
    counts = LiftCounts()
    rules = Rules(places, KnownBases(("chr1", p, b) for p, b in bases.items()), **more)  # type: ignore[arg-type]
    return [(r.chrom, r.pos, r.ref, r.alts, r.calls) for r in lifted([record], rules, counts, False)], counts


def test_the_same_base_keeps_its_genotypes() -> None:
    found, counts = lift(record(100, "A", "G,T", "1|2", "./0"), {10_100: "A"})
    assert found == [("chr1", 10_100, "A", ("G", "T"), ["1|2", "./0"])]
    assert counts == LiftCounts(lifted=1)


def test_exchanged_alleles_are_renumbered() -> None:
    found, counts = lift(record(100, "A", "G,T", "1|2", "0/0", ".", "1", "0|2"), {10_100: "G"})
    assert found == [("chr1", 10_100, "G", ("A", "T"), ["0|2", "1/1", ".", "0", "1|2"])]
    assert counts == LiftCounts(lifted=1, swapped=1)


def test_a_base_that_neither_allele_is() -> None:
    found, counts = lift(record(100, "A", "G", "0/1"), {10_100: "T"})
    assert found == [("chr1", 10_100, "T", ("A", "G"), ["1/2"])]
    assert counts == LiftCounts(lifted=1, new_reference=1)


def test_reference_calls_of_a_base_that_changed_become_variants() -> None:
    assert lift(record(100, "A", "", "0/0"), {10_100: "G"})[0] == [("chr1", 10_100, "G", ("A",), ["1/1"])]


def test_the_other_strand() -> None:
    found, counts = lift(record(10, "AC", "GT", "0/1", chrom="chr2"), {20_090: "G", 20_091: "T"})
    assert found == [("chr1", 20_090, "GT", ("AC",), ["0/1"])]
    assert counts == LiftCounts(lifted=1, flipped=1)


@pytest.mark.parametrize(
    ("row", "bases", "dropped"),
    [
        (record(2000, "A", "G", "0/1"), {}, LiftCounts(unmapped=1)),
        (record(1000, "AC", "A", "0/1"), {11_000: "A"}, LiftCounts(unmapped=1)),  # beyond the end
        (record(1000, "A", "AC", "0/1"), {11_000: "A"}, LiftCounts(unmapped=1)),  # the builds may differ by it
        (record(100, "A", "G", "0/1"), {}, LiftCounts(unverified=1)),
        (record(100, "AC", "A", "0/1"), {10_100: "A", 10_101: "T"}, LiftCounts(conflict=1)),
    ],
)
def test_what_cannot_be_lifted_is_dropped_and_counted(row: vcf.Record, bases: dict, dropped: LiftCounts) -> None:
    assert lift(row, bases) == ([], dropped)


def test_unknown_bases_are_taken_only_where_the_alleles_are_known_or_leniently() -> None:
    row = record(100, "A", "G", "0/1")
    kept = [("chr1", 10_100, "A", ("G",), ["0/1"])]
    assert lift(row, {}, pairs={("chr1", 10_100): frozenset("AG")})[0] == kept
    assert lift(row, {}, pairs={("chr1", 10_100): frozenset("AC")})[0] == []
    assert lift(row, {}, anywhere=True)[0] == kept


def test_blocks_of_reference_calls_are_split_where_the_builds_differ() -> None:
    row = record(90, "C", "<NON_REF>", "0/0", end=110)
    found = lift(row, {}, differing={("chr1", 10_100): ("T", "C")})[0]
    assert found == [
        ("chr1", 10_090, "N", ("<NON_REF>",), ["0/0"]), ("chr1", 10_100, "C", ("T",), ["1/1"]),
        ("chr1", 10_101, "N", ("<NON_REF>",), ["0/0"]),
    ]  # fmt: skip


def setup(**more: object) -> Setup:
    panel, table = RESOURCES / "ancestry_1kgp.tsv", RESOURCES / "lift_grch37.tsv"
    targets = (RESOURCES / "star_alleles" / "positions.tsv",)
    return Setup(panel, SITES, targets, lift_table=table, **more)  # type: ignore[arg-type]


def read(path: Path, made: Setup) -> tuple[dict, vcf.Report]:
    report = vcf.Report(str(path), "P1", made.validation)
    try:
        calls = reading.calls_of(path, report, lambda names: [0], reading.Tables.of(made))
    except InputError:
        return {}, report
    sign = {MISSING: ".", ABSENT: "", 0: "0", 1: "1"}
    return {(c, *k): "".join(sign[int(a)] for a in g[0]) for c, layers in calls.items() for layer in layers
            for k, g in zip(layer.keys, layer.gt, strict=True)}, report  # fmt: skip


GRCH37 = "##contig=<ID=7,length=159138663>\n"


def test_cyp3a5_3_has_its_alleles_exchanged(tmp_path: Path) -> None:
    """GRCh37 names *3 the reference: 0/1 stays one copy of each, 0/0 is two copies of *3 in GRCh38."""
    for gt, expected in (("0/1", "10"), ("0/0", "11"), ("1/1", "00")):
        found, report = read(write(tmp_path / "a.vcf", [f"7 99270539 . C T . . . GT {gt}"], meta=GRCH37), setup())
        assert found == {("chr7", 99672916, "T", "C"): expected}
        assert report.build == "GRCh37" and report.lift == LiftCounts(lifted=1, swapped=1)
        assert not report.problems


def test_the_build_is_told_by_accessions_and_by_known_variants(tmp_path: Path) -> None:
    named = write(tmp_path / "a.vcf", ["NC_000007.13 99270539 . C T . . . GT 0/1"])
    assert read(named, setup())[0] == {("chr7", 99672916, "T", "C"): "10"}
    new = write(tmp_path / "b.vcf", ["NC_000007.14 99672916 . T C . . . GT 0/1"])
    assert read(new, setup())[0] == {("chr7", 99672916, "T", "C"): "01"}
    sites = ["10 96541616 . G A . . . GT 0/1", "10 96602623 . G A . . . GT 0/0", "10 96521657 . C T . . . GT 0/1"]
    rows = sorted(sites, key=lambda r: int(r.split()[1]))
    found, report = read(write(tmp_path / "c.vcf", rows), setup())
    assert report.evidence.build == "GRCh37"
    assert found["chr10", 94761900, "C", "T"] == "01"  # *17
    assert found["chr10", 94781859, "G", "A"] == "01"  # *2
    assert found["chr10", 94842866, "A", "G"] == "11"  # rs3758581: GRCh37 has the ALT


def test_header_and_variants_of_different_builds_are_refused(tmp_path: Path) -> None:
    rows = ["chr10 94761900 . C T . . . GT 0/1", "chr10 94781859 . G A . . . GT 0/1"]
    meta = "##contig=<ID=chr10,length=135534747>\n"
    report = read(write(tmp_path / "a.vcf", rows, meta=meta), setup())[1]
    assert "contigs of GRCh37 with variants at positions of GRCh38" in report.fatal[0].found


def test_without_a_chain_most_of_a_genome_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    rows = [f"7 {p} . A G . . . GT 0/1" for p in range(1_000_000, 1_000_050)]
    path = write(tmp_path / "a.vcf", [*rows, "7 99270539 . C T . . . GT 0/1"], meta=GRCH37)
    found, report = read(path, setup())
    assert len(found) == 1
    assert "50 of 51 records of this GRCh37 file not used" in report.problems[0].found
    nothing = read(write(tmp_path / "b.vcf", rows, meta=GRCH37), setup())[1]
    assert "none of 50 records can be lifted" in nothing.fatal[0].found


def test_a_chain_lifts_the_rest(tmp_path: Path) -> None:
    chain = tmp_path / "a.chain"
    chain.write_text("chain 9 chr7 159138663 + 999999 1000100 chr7 159345973 + 2000000 2000101 1\n101\n")
    path = write(tmp_path / "a.vcf", ["7 1000050 . A G . . . GT 0/1"], meta=GRCH37)
    found, _ = read(path, setup(chain=chain, validation="lenient"))
    assert found == {("chr7", 2000051, "A", "G"): "01"}
    assert read(path, setup(chain=chain))[1].lift == LiftCounts(unverified=1)


def test_mitochondria_of_the_cambridge_sequence_stay_where_they_are(tmp_path: Path) -> None:
    row = ["MT 1555 . A G . . . GT 1", "7 99270539 . C T . . . GT 0/1"]
    meta = GRCH37 + "##contig=<ID=MT,length={}>\n"
    assert ("chrM", 1555, "A", "G") in read(write(tmp_path / "a.vcf", row, meta=meta.format(16569)), setup())[0]
    assert ("chrM", 1555, "A", "G") not in read(write(tmp_path / "b.vcf", row, meta=meta.format(16571)), setup())[0]


def test_scoring_files_that_name_both_builds_are_places(tmp_path: Path) -> None:
    path = tmp_path / "score.txt"
    head = (
        "#genome_build=hg19\n#HmPOS_build=GRCh38\nchr_name\tchr_position\teffect_allele\tother_allele\thm_chr\thm_pos\n"
    )
    path.write_text(head + "7\t1000050\tG\tA\t7\t1010050\n7\t1000060\tA\tT\t7\t1010060\n7\t\tA\tC\t7\t5\n")
    assert [(b.start, b.target, a) for b, a in lifting.read_score(path)] == [(1000050, 1010050, frozenset("AG"))]
    row = write(tmp_path / "a.vcf", ["7 1000050 . A G . . . GT 0/1"], meta=GRCH37)
    assert read(row, setup(scores=(path,)))[0] == {("chr7", 1010050, "A", "G"): "01"}


@pytest.mark.data
def test_the_same_people_in_both_builds(real_data: Path, tmp_path: Path) -> None:
    """60 people at the positions of two genes that are known without a chain; all genes: tests/configs/judge_builds.py.

    The two call sets themselves differ at a few places (docs/methods/genomics_intake.md)."""
    made, n, same = setup(), 0, 0
    tables = reading.Tables.of(made)
    for gene in ("CYP3A5", "VKORC1"):
        found, names = {}, list[str]()
        for build in ("GRCh37", "GRCh38"):
            path = real_data / f"genomics/pgx_panel_1kgp/{build}/{gene}.vcf.gz"
            report = vcf.Report(str(path), "*")

            def choose(given: list[str], names: list[str] = names) -> list[int]:
                names[:] = names or given[::42]
                return [given.index(x) for x in names]

            calls = reading.calls_of(path, report, choose, tables)
            found[build] = {(c, *k): g for c, layers in calls.items() for layer in layers[:1]
                            for k, g in zip(layer.keys, layer.gt, strict=True)}  # fmt: skip
            assert (report.lift is not None) == (build == "GRCh37") == (report.build == "GRCh37")
        for key in found["GRCh37"].keys() & found["GRCh38"].keys():
            if len(key[2]) == len(key[3]) == 1:
                equal = (found["GRCh37"][key].sum(axis=1) == found["GRCh38"][key].sum(axis=1)).sum()
                n, same = n + len(names), same + int(equal)
    assert n > 1500 and same / n > 0.999
