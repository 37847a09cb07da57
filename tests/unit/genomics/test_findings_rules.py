"""Zygosity, phase and the rules of a gene list; the ACMG table; coverage and intervals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from consilium.core.errors import InputError
from consilium.genomics.cohort.genotypes import ABSENT, MISSING
from consilium.genomics.findings import assessed
from consilium.genomics.findings.blocks import NotIndexedError, called_by_blocks
from consilium.genomics.findings.carriers import Carrier, _joined, parts, relation, zygosity
from consilium.genomics.findings.clinvar import Entry
from consilium.genomics.findings.frequencies import read_frequencies
from consilium.genomics.findings.gene_lists import Gene, read_genes
from consilium.genomics.findings.regions import Annotation, length, merged, overlap, read_annotation
from consilium.genomics.findings.significance import Significance
from consilium.genomics.findings.verdicts import judge
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
X = 40_000_000


def carrier(strands=(1, 0), chrom="chr1", pos=100, kind="P", phase_set=None, alt="T", consequences=(), low=False):
    meaning = Significance(kind, "Pathogenic", low)
    entry = Entry(chrom, pos, "C", alt, "1", ("G",), meaning, 1, "", consequences=consequences)
    return Carrier("P1", entry, strands, phase_set)


ZYGOSITY = {
    ("chr1", 100, (1, 0), "male"): "heterozygous",
    ("chr1", 100, (1, 1), "male"): "homozygous",
    ("chr1", 100, (1, MISSING), "male"): "one copy at least",
    ("chrX", X, (1, ABSENT), "male"): "hemizygous",
    ("chrX", X, (1, 1), "male"): "hemizygous",
    ("chrX", X, (1, 1), "unknown"): "homozygous",
    ("chrX", X, (0, 1), "female"): "heterozygous",
    ("chrX", 20_000, (1, 1), "male"): "homozygous",  # pseudo-autosomal
    ("chrY", 5_000_000, (1, 1), "male"): "hemizygous",
    ("chrM", 1555, (1, ABSENT), "female"): "mitochondrial",
}


@pytest.mark.parametrize("case", ZYGOSITY)
def test_zygosity(case):
    chrom, pos, strands, sex = case
    assert zygosity(carrier(strands, chrom, pos), sex)[0] == ZYGOSITY[case]


def test_a_man_with_two_x_alleles_is_doubted():
    (verdict,) = judge([carrier((1, 0), "chrX", X)], Gene("G"), "male", {})
    assert verdict.verdict == "possible" and "check sex" in verdict.reason


def test_relation_needs_one_phase_set():
    one, same, other = carrier((1, 0), phase_set=5), carrier((1, 0), pos=101, phase_set=5), carrier((0, 1), phase_set=5)
    assert relation(one, same) == "cis" and relation(one, other) == "trans"
    assert relation(one, carrier((0, 1), phase_set=7)) == relation(one, carrier((0, 1))) == "unknown"


RULES = {
    # gene rule, strands of the variant and of a second one in trans or unordered, sex -> verdict
    "dominant": (Gene("G"), [carrier()], "female", "report"),
    "dominant, low penetrance": (Gene("G"), [carrier(low=True)], "female", "report"),
    "two: one copy": (Gene("G", report="two"), [carrier()], "female", "carrier"),
    "two: both": (Gene("G", report="two"), [carrier((1, 1))], "female", "report"),
    "two: a man's X": (Gene("G", report="two"), [carrier((1, ABSENT), "chrX", X)], "male", "report"),
    "two: a woman's X": (Gene("G", report="two"), [carrier((1, 0), "chrX", X)], "female", "carrier"),
    "two: not phased": (Gene("G", report="two"), [carrier(), carrier(pos=200)], "female", "possible"),
    "two: trans": (Gene("G", report="two"), [carrier((1, 0), phase_set=0), carrier((0, 1), pos=200, phase_set=0)],
                   "female", "report"),
    "two: cis": (Gene("G", report="two"), [carrier((1, 0), phase_set=0), carrier((1, 0), pos=200, phase_set=0)],
                 "female", "carrier"),
    "two: second homozygous": (Gene("G", report="two"), [carrier(), carrier((1, 1), pos=200)], "female", "report"),
    "two: second disputed": (Gene("G", report="two"), [carrier(), carrier((1, 1), pos=200, kind="conflicting")],
                             "female", "carrier"),
    "two: half a call": (Gene("G", report="two"), [carrier((1, MISSING))], "female", "possible"),
    "disputed": (Gene("G"), [carrier(kind="conflicting")], "female", "conflicting evidence"),
    "truncating": (Gene("G", report="truncating"), [carrier(consequences=("nonsense",))], "female", "report"),
    "missense": (Gene("G", report="truncating"), [carrier(consequences=("missense_variant",))], "female",
                 "not of the kind reported"),
    "unknown effect": (Gene("G", report="truncating"), [carrier()], "female", "not assessed"),
    "that one": (Gene("G", report="homozygous chr1-100-C-T"), [carrier((1, 1))], "female", "report"),
    "that one, one copy": (Gene("G", report="homozygous chr1-100-C-T"), [carrier()], "female", "carrier"),
    "another": (Gene("G", report="homozygous chr1-100-C-T"), [carrier((1, 1), alt="A")], "female",
                "not of the kind reported"),
}  # fmt: skip


@pytest.mark.parametrize("case", RULES)
def test_rules_of_the_list(case):
    gene, carried, sex, expected = RULES[case]
    assert judge(carried, gene, sex, {})[0].verdict == expected


def test_computed_consequences_count_as_clinvars_own():
    gene, one = Gene("G", report="truncating"), carrier()
    assert judge([one], gene, "female", {one.entry.key: ["splice_donor&intron"]})[0].verdict == "report"


def test_variants_of_several_bases():
    meaning = Significance("P", "Pathogenic")
    long = Entry("chr1", 100, "CGT", "AGC", "1", ("G",), meaning, 1, "")
    assert parts(long) == [(100, "C", "A"), (102, "T", "C")]
    assert _joined([(1, 0), (1, 1)], False) == ((1, 0), True)
    assert _joined([(1, 0), (1, 0)], False) == ((1, 0), False)
    assert _joined([(1, 0), (0, 1)], True) == ((0, 0), True)
    assert _joined([(1, ABSENT), (1, ABSENT)], False) == ((1, ABSENT), True)


def test_the_acmg_list():
    listed = read_genes(ROOT / "resources" / "acmg_sf.tsv")
    assert listed.name == "ACMG SF v3.3, DOI 10.1016/j.gim.2025.101454" and len(listed.genes) == 84
    two = {g.symbol for g in listed.genes.values() if g.report == "two"}
    assert two == {"ABCD1", "ATP7B", "BTD", "CASQ2", "CYP27A1", "GAA", "MUTYH", "RPE65"}
    assert listed.genes["HFE"].only == ("chr6", 26092913, "G", "A") and listed.genes["TTN"].report == "truncating"
    assert {"BRCA1", "CALM1", "PLN", "TRDN", "TTR"} <= set(listed.genes) and "CDH1" not in listed.genes


def test_a_list_of_ones_own(tmp_path: Path):
    path = tmp_path / "mine.tsv"
    path.write_text("gene\tinheritance\nABC1\tAR\n# a comment\nABC2\t\n")
    found = read_genes(path)
    assert found.name == "mine" and [g.report for g in found.genes.values()] == ["two", "all"]
    path.write_text("gene\tinheritance\treport\nA B\tAR\t\nABC1\tYY\thomozygous 6-1-G-A\nABC1\tAD\t\n")
    with pytest.raises(InputError) as caught:
        read_genes(path)
    assert [p.line for p in caught.value.problems] == [2, 3, 3]
    path.write_text("symbol\nABC1\n")
    with pytest.raises(InputError, match="no column 'gene'"):
        read_genes(path)


spans = st.lists(st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 60), st.integers(1, 20)), max_size=12)


@settings(max_examples=50)
@given(spans, spans)
def test_overlap_counts_bases(one, other):
    a, b = ([(c, s, s + n) for c, s, n in x] for x in (one, other))
    bases = [{(c, p) for c, s, e in x for p in range(s, e)} for x in (a, b)]
    assert length(merged(a)) == len(bases[0])
    assert overlap(merged(a), merged(b)) == len(bases[0] & bases[1])


def test_depth_of_reads_counts_unless_only_listed_positions_were_called():
    columns = ["patient", "kind", "gene", "n_bases", "bases_below_min"]
    rows = [("P1", "gene", "G", 900, 400), ("P1", "exons", "G", 100, 10)]
    depths = assessed.depth_of_genes(pd.DataFrame(rows, columns=columns))
    assert depths == {("P1", "G"): (100, 10)}
    seen = assessed.coverage("P1", "G", None, {}, depths, "vcf")
    assert (seen.status, seen.reason, seen.source) == ("partly assessed", "10 of 100 bases uncovered",
                                                       "depth of the reads")  # fmt: skip
    assert assessed.coverage("P1", "G", None, {}, depths, "reads").reason == assessed.LISTED_ONLY
    assert assessed.coverage("P2", "G", None, {}, depths, "vcf").status == "not assessed"
    own = {"P1": assessed.Looked((("chr1", 0, 50),), "callable regions"), "P2": assessed.Looked(why="because")}
    annotation = Annotation("x", "bed", regions={"G": [("chr1", 0, 40)]})
    assert assessed.coverage("P1", "G", annotation, own, depths, "vcf").status == "assessed"
    assert assessed.coverage("P2", "G", annotation, own, depths, "vcf").reason == "because"
    assert own["P1"].n_inside([("chr1", 0, 1), ("chr1", 49, 50), ("chr1", 49, 51), ("chr2", 1, 2)]) == 2
    assert "nothing found" in assessed.statement(assessed.Coverage("assessed"), 0, 5, 1)


GVCF = (
    "##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description=x>\n##contig=<ID=chr1>\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tsomebody\n"
)
BLOCKS = (
    "chr1 101 . A <NON_REF> . . END=200 GT:DP:GQ 0/0:30:60",
    "chr1 201 . A <NON_REF> . . END=300 GT:DP:GQ 0/0:3:9",  # too few reads
    "chr1 251 . A <NON_REF> . . END=260 GT:MIN_DP 0/0:7",
    "chr1 301 . AC A,<NON_REF> 50 PASS . GT:DP:GQ 0/1:30:60",
    "chr1 303 . A C,<NON_REF> 50 LowQual . GT:DP:GQ 0/1:30:60",
    "chr1 304 . A <NON_REF> . . END=310 GT:DP:GQ ./.:30:60",
)


def test_blocks_of_a_gvcf(tmp_path: Path):
    import pysam

    text = GVCF + "".join(r.replace(" ", "\t") + "\n" for r in BLOCKS)
    plain, packed, large = (tmp_path / n for n in ("a.g.vcf", "b.g.vcf.gz", "c.g.vcf"))
    plain.write_text(text)
    with pysam.BGZFile(str(packed), "w") as out:
        out.write(text.encode())
    pysam.tabix_index(str(packed), preset="vcf")
    expected = [("chr1", 100, 200), ("chr1", 300, 302)]
    assert called_by_blocks(plain, []) == called_by_blocks(packed, [("chr1", 0, 1000)]) == expected
    plain.write_text(text.replace("##ALT=<ID=NON_REF,Description=x>\n", ""))
    assert called_by_blocks(plain, []) is None
    large.write_text(text)
    with open(large, "ab") as handle:
        handle.truncate(65 << 20)
    with pytest.raises(NotIndexedError):
        called_by_blocks(large, [])


def test_annotation_as_a_bed(tmp_path: Path):
    path = tmp_path / "genes.bed"
    path.write_text("track name=x\n1\t10\t20\tG\nchr1\t15\t30\tG\n1\t1\t2\tOTHER\n")
    found = read_annotation(path, {"G"})
    assert found.regions == {"G": [("chr1", 10, 30)]} and found.kind == "bed" and not found.near
    path.write_text("1\t10\tx\tG\n")
    with pytest.raises(InputError):
        read_annotation(path, {"G"})


def test_frequencies_with_and_without_an_index(tmp_path: Path):
    import pysam

    text = "##fileformat=VCFv4.2\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    text += "1\t100\t.\tCA\tC,TA\t.\t.\tAC=1;AF=0.25,0.5\n1\t200\t.\tG\tA\t.\t.\tAF=1e-3\n"
    wanted = [("chr1", 100, "C", "T"), ("chr1", 100, "CA", "C"), ("chr1", 200, "G", "A"), ("chr1", 300, "G", "A")]
    plain = tmp_path / "a.vcf"
    plain.write_text(text)
    packed = tmp_path / "b.vcf.gz"
    with pysam.BGZFile(str(packed), "w") as out:
        out.write(text.encode())
    pysam.tabix_index(str(packed), preset="vcf")
    expected = {wanted[0]: 0.5, wanted[1]: 0.25, wanted[2]: 0.001}
    assert read_frequencies(plain, wanted) == read_frequencies(packed, wanted) == expected
    plain.write_text(text.replace("AF=", "XX="))
    with pytest.raises(InputError, match="no INFO/AF"):
        read_frequencies(plain, wanted)
