"""Windows of DNA around variants: alignment by definition, what is known of a patient, and the stage on small files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pytest
from consilium.core.errors import InputError
from consilium.core.register import TABLES
from consilium.core.settings import validated
from consilium.core.store import read_features, read_table, write_table
from consilium.genomics import stages
from consilium.genomics.intake.known_bases import KnownBases
from consilium.genomics.windows.aligned import GAP, Change, window
from findings_files import base, fasta, genome, gff
from vcf_files import ROOT, SITES, write

SEQUENCE = "ACGTTGCATCAGGATTACCA"
BASES = KnownBases([("chr1", i + 1, b) for i, b in enumerate(SEQUENCE)])


@pytest.mark.parametrize(
    ("change", "options", "reference", "patient"),
    [
        (Change(10, "C", "T"), {}, "GCATCAGGA", "NNNNTNNNN"),  # nothing but the variant was tested
        (Change(10, "C", "T"), {"seen": [(1, 20)]}, "GCATCAGGA", "GCATTAGGA"),
        (Change(10, "C", "T"), {"seen": [(1, 9), (12, 12)], "hidden": [(7, 8)]}, "GCATCAGGA", "GNNTTNGNN"),
        (Change(10, "C", "T"), {"seen": [(1, 20)], "others": [Change(12, "G", "C")]}, "GCATCAGGA", "GCATTACGA"),
        (Change(9, "TCA", "T"), {"seen": [(1, 20)]}, "GCATCAGGA", "GCAT--GGA"),
        (Change(9, "T", "TGG"), {"seen": [(1, 20)]}, "GCAT--CAG", "GCATGGCAG"),
        (Change(9, "TC", "TGG"), {"seen": [(1, 20)]}, "GCATC-AGG", "GCATGGAGG"),
        (Change(10, "C", "T"), {"seen": [(1, 20)], "others": [Change(7, "CAT", "C")]}, "GCATCAGGA", "GC--TAGGA"),
        (Change(2, "C", "T"), {"seen": [(1, 20)]}, "NNNACGTTG", "NNNATGTTG"),  # the contig begins
        (Change(19, "C", "T"), {"seen": [(1, 18)]}, "TTACCANNN"[-9:], "TTACTNNNN"),  # and ends
    ],
)  # fmt: skip
def test_a_window_by_definition(change, options, reference, patient):
    assert window(BASES, "chr1", change, 9, **options) == (reference, patient)


def test_a_window_put_together_again_is_the_two_sequences():
    """Without gaps and with everything seen, the rows are the reference and the same with the change applied."""
    for change in (Change(9, "TCA", "T"), Change(9, "T", "TGGA"), Change(10, "C", "G"), Change(9, "TCAG", "TTT")):
        upper, lower = (row.replace(GAP, "") for row in window(BASES, "chr1", change, 15, [(1, 20)]))
        begin = SEQUENCE.index(upper)
        at = change.pos - 1 - begin
        altered = upper[:at] + change.alt + upper[at + len(change.ref) :]
        assert altered.startswith(lower) or lower.startswith(altered)


# Row of the joint file: genotypes of Two, Trans, Open, Bare, Man.
PEOPLE = {"Two": "female", "Trans": "female", "Open": "female", "Bare": "male", "Man": "male", "None": "female"}
ROWS = [
    (f"1 325 . {base(325)} A", "1/1 0|1 0/1 0/0 0/0"),
    ("1 327 . G A", "0/1 1|0 0/1 ./. 0/0"),
    (f"1 331 . {base(331)}{base(332)} {base(331)}", "0/0 0|1 0/0 ./. 0/0"),
    (f"1 1025 . {base(1025)} A", "0/0 0|0 0/0 0/1 0/0"),
    (f"1 1040 . {'A' if base(1040) != 'A' else 'C'} T", "0/1 0|0 0/0 0/0 0/0"),  # not what the FASTA says
    ("1 1900 . G T", "1/1 0|0 0/0 0/0 0/0"),  # outside the regions
    ("2 500 . A T", "0/0 0|0 0/0 0/0 0/1"),  # no such contig there
]


class Made:
    """A folder in which the stages ran one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sheet, self.samples = folder / "patients.tsv", folder / "samples.tsv"
        self.sheet.write_text("patient\tsex\n" + "".join(f"{p}\t{s}\n" for p, s in PEOPLE.items()))
        joint = write(folder / "joint.vcf", [f"{v} . PASS . GT {g}" for v, g in ROWS], tuple(PEOPLE)[:5])
        (folder / "two.bed").write_text("chr1\t300\t330\n")
        lines = [f"*\tgenomics\tvcf\t{joint}", f"Two\tgenomics\tcallable\t{folder / 'two.bed'}"]
        self.samples.write_text("patient\tmodality\tkind\tpath\n" + "\n".join(lines) + "\n")
        (folder / "panel.tsv").write_text("chrom\tpos\tref\talt\tX\nchr1\t325\tT\tA\t0.5\n")
        (folder / "where.bed").write_text("chr1\t0\t1500\nchr2\t0\t1000\n")
        af = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO", "1\t327\t.\tG\tA\t.\t.\tAF=0.2"]
        (folder / "af.vcf").write_text("\n".join(af) + "\n")
        self.fasta = fasta(folder)
        stages.merge(self.sheet, self.samples, folder / "panel.tsv", SITES, folder / "g.vcz", folder / "sources.json",
                     folder / "q.tsv")  # fmt: skip

    def windows(self, most: int = 8, select: str = "all", **options: Path) -> tuple[pd.DataFrame, list[str]]:
        out, refused = self.folder / "w.parquet", self.folder / "p.tsv"
        options = options or {"regions": self.folder / "where.bed"}
        stages.windows(self.sheet, self.samples, self.folder / "g.vcz", self.folder / "sources.json", self.fasta, 15,
                       most, select, 0.001, out, refused, **options)  # fmt: skip
        return read_table(out, "dna_windows"), list(read_table(refused, "quarantine")["cause"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("windows"))


def test_what_is_known_of_each_patient(made):
    table, problems = made.windows()
    said = {(r.patient, r.pos): (r.copies, r.sequence) for r in table.itertuples()}
    assert said == {
        # Callable from 301 to 330. 327 is heterozygous beside a variant on both strands: not known of a strand.
        ("Two", 325): (2, "TGCTGCTAGNGCTNN"),
        ("Two", 327): (1, "CTGCTAGAGCTNNNN"),
        # Strands known, nothing else looked at: with 325 goes reference at 327 and the deletion that begins at 331;
        # that this is not on the other strand says nothing of its bases there.
        ("Trans", 325): (1, "NNNNNNNANGNNNG-"),
        ("Trans", 327): (1, "NNNNNTNANNNNNNN"),
        ("Trans", 331): (1, "ANGNNNG-NNNNNNN"),
        ("Open", 325): (1, "NNNNNNNANNNNNNN"),  # both heterozygous, strands unknown
        ("Open", 327): (1, "NNNNNNNANNNNNNN"),
        ("Bare", 1025): (1, "NNNNNNNANNNNNNN"),
    }
    assert dict(zip(table["pos"], table["reference"], strict=True))[325] == genome()[317:332]
    assert len(problems) == 2 and "chr1:1040, where a variant has REF" in problems[0]
    assert "no contig chr2, on which 1 wanted variants lie" in problems[1]


def test_the_same_variants_are_kept_in_everybody_and_rare_ones_by_the_frequencies(made):
    whole, _ = made.windows()
    table, _ = made.windows(most=1)
    assert table["patient"].is_unique and table["carried"].tolist() == [2, 3, 2, 1]
    first = table[table["patient"].isin(["Two", "Open"])]
    assert first["pos"].nunique() == 1, "both carry the same two"
    order = {r.patient: r.pos for r in table.itertuples()}
    two, _ = made.windows(most=2)
    assert all(order[p] in set(mine["pos"]) for p, mine in two.groupby("patient"))
    rare, _ = made.windows(select="rare", regions=made.folder / "where.bed", frequencies=made.folder / "af.vcf")
    assert set(whole["pos"]) - set(rare["pos"]) == {327}


def test_windows_are_pieces_of_the_haplotypes_that_bcftools_makes(tmp_path):
    """Two phased people, all callable, variants of every kind: without gaps, rows are stretches of the sequences."""
    rng = np.random.default_rng(3)
    sequence = "".join(rng.choice(list("ACGT"), 3000))
    (tmp_path / "g.fa").write_text(f">chr1\n{sequence}\n")
    pysam.faidx(str(tmp_path / "g.fa"))
    rows = []
    for at in range(30, 2950, 9):
        ref = sequence[at : at + int(rng.choice([1, 1, 1, 4]))]
        other = [b for b in "ACGT" if b != ref[0]]
        alt = ref[0] if len(ref) > 1 else str(rng.choice([rng.choice(other), f"{ref}{''.join(other)}"]))
        rows.append(f"chr1 {at + 1} . {ref} {alt} . PASS . GT " + " ".join(rng.choice(["0|0", "0|1", "1|0", "1|1"], 2)))
    meta = '##contig=<ID=chr1>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">\n'
    joint = write(tmp_path / "joint.vcf", rows, ("A", "B"), meta)
    pysam.tabix_index(str(joint), preset="vcf", keep_original=True)
    (tmp_path / "patients.tsv").write_text("patient\tsex\nA\tfemale\nB\tmale\n")
    (tmp_path / "all.bed").write_text("chr1\t0\t3000\n")
    (tmp_path / "samples.tsv").write_text(f"patient\tmodality\tkind\tpath\n*\tgenomics\tvcf\t{joint}\n"
                                          f"*\tgenomics\tcallable\t{tmp_path / 'all.bed'}\n")  # fmt: skip
    (tmp_path / "panel.tsv").write_text("chrom\tpos\tref\talt\tX\nchr1\t31\tA\tC\t0.5\n")
    sheet, samples, store, sources, bad = (
        tmp_path / n for n in ("patients.tsv", "samples.tsv", "g.vcz", "s.json", "q")
    )
    stages.merge(sheet, samples, tmp_path / "panel.tsv", SITES, store, sources, bad, reference=tmp_path / "g.fa",
                 regions=[tmp_path / "all.bed"])  # fmt: skip
    stages.windows(sheet, samples, store, sources, tmp_path / "g.fa", 41, 1000, "all", 0.0, tmp_path / "w.parquet", bad,
                   tmp_path / "all.bed")  # fmt: skip
    table = read_table(tmp_path / "w.parquet", "dna_windows")
    haplotypes = {
        (person, strand): "".join(pysam.bcftools.consensus("-H", strand, "-s", person, "-f", str(tmp_path / "g.fa"),
                                                           f"{joint}.gz").splitlines()[1:])
        for person in "AB" for strand in "12"
    }  # fmt: skip
    checked = 0
    for row in table.itertuples():
        both = [row.sequence.replace(GAP, "") in haplotypes[row.patient, s] for s in "12"]
        if row.copies == 1:  # of two copies neighbours on one strand alone are not known
            assert "N" not in row.sequence and any(both), row
            checked += 1
        assert row.reference.replace(GAP, "") in sequence
        assert row.copies == 1 or all(both) == ("N" not in row.sequence)
    assert checked > 100 and table["sequence"].str.contains(GAP).sum() > 50 and table["copies"].eq(2).sum() > 50


def test_variants_that_change_a_protein_in_the_exons_of_a_list(made):
    folder = made.folder
    (folder / "genes.tsv").write_text("gene\nGENA\n")
    annotation = gff(folder)
    stages.consequences(folder / "g.vcz", folder / "genes.tsv", annotation, made.fasta, 0.001, folder / "c.parquet",
                        folder / "c.tsv", frequencies=folder / "af.vcf")  # fmt: skip
    table, _ = made.windows(select="consequence", gff=annotation, genes=folder / "genes.tsv",
                            consequences=folder / "c.parquet")  # fmt: skip
    assert set(table["pos"]) == {325, 331}  # missense and frameshift; the stop at 327 is not rare
    assert made.windows(gff=annotation, genes=folder / "genes.tsv")[0]["pos"].max() < 1000


def test_a_bed_that_cannot_be_used_is_a_problem_and_stops_nothing(made):
    (made.folder / "bad.bed").write_text("chr1\t5\n")
    assert "without what tells it" in made.windows(select="rare")[1][0]
    table, problems = made.windows(regions=made.folder / "bad.bed")
    assert table.empty and "2 columns" in problems[0]


def test_neighbours_are_found_whatever_the_order_of_names_and_not_believed_beside_another_reference(tmp_path):
    """Chromosomes 2 and 10 of one part, where 10 comes first as text; on 10 a neighbour with another REF."""
    (tmp_path / "g.fa").write_text(f">chr2\n{'ACGT' * 20}\n>chr10\n{'ACGT' * 20}\n")
    pysam.faidx(str(tmp_path / "g.fa"))
    rows = [f"{c} {at} . {ref} T . PASS . GT 0|1" for c, at, ref in
            (("2", 41, "A"), ("2", 43, "G"), ("10", 41, "A"), ("10", 42, "G"), ("10", 43, "G"))]  # fmt: skip
    joint = write(tmp_path / "joint.vcf", rows, ("A",))
    (tmp_path / "patients.tsv").write_text("patient\tsex\nA\tfemale\n")
    (tmp_path / "samples.tsv").write_text(f"patient\tmodality\tkind\tpath\n*\tgenomics\tvcf\t{joint}\n")
    (tmp_path / "panel.tsv").write_text("chrom\tpos\tref\talt\tX\nchr2\t41\tA\tT\t0.5\n")
    (tmp_path / "all.bed").write_text("chr2\t0\t80\nchr10\t0\t80\n")
    sheet, samples, store, sources, bad = (tmp_path / n for n in ("patients.tsv", "samples.tsv", "g.vcz", "s", "q"))
    stages.merge(sheet, samples, tmp_path / "panel.tsv", SITES, store, sources, bad)
    stages.windows(sheet, samples, store, sources, tmp_path / "g.fa", 15, 9, "all", 0.0, tmp_path / "w.parquet", bad,
                   tmp_path / "all.bed")  # fmt: skip
    table = read_table(tmp_path / "w.parquet", "dna_windows")
    assert [(r.chrom, r.pos, r.sequence[7:10]) for r in table.itertuples()] == [
        ("chr2", 41, "TNT"), ("chr2", 43, "TNN"), ("chr10", 41, "TNT"), ("chr10", 43, "TNN")]  # fmt: skip
    assert table["sequence"].iloc[1][5] == table["sequence"].iloc[3][5] == "T"
    assert "G" in (tmp_path / "q").read_text() and "chr10:42" in (tmp_path / "q").read_text()


def test_again_gives_the_same_bytes(made):
    digests = set()
    for _ in range(2):
        made.windows()
        digests.add(hashlib.sha256((made.folder / "w.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_block_in_numbers(made):
    made.windows()
    folder = made.folder
    people = TABLES["samples_qc"].empty()
    for name, table in (("samples_qc", people), *((n, TABLES[n].empty()) for n in ("ancestry", "pharmacogenes",
                                                                                   "polygenic"))):  # fmt: skip
        write_table(folder / f"{name}.tsv", name, table)
    head = (folder / "samples_qc.tsv").read_text().rstrip("\n").split("\t")
    row = dict.fromkeys(head, "") | {"source": "joint", "verdict": "keep"}
    lines = [[{**row, "patient": p}.get(c, "") for c in head] for p in tuple(PEOPLE)[:5]]
    (folder / "samples_qc.tsv").write_text("\n".join("\t".join(r) for r in [head, *lines]) + "\n")
    stages.features(made.sheet, made.samples, folder / "samples_qc.tsv", folder / "ancestry.tsv",
                    folder / "pharmacogenes.tsv", folder / "polygenic.tsv", ROOT / "resources" / "star_alleles",
                    folder / "x.zarr.zip", folder / "x.tsv", windows=folder / "w.parquet", most_windows=4)  # fmt: skip
    block = read_features(folder / "x.zarr.zip")["windows"]
    assert block.attrs["layout"] == "dna" and block["values"].shape == (6, 4, 31)
    assert block["feature"].values[[0, 1, 8, 15, 16, 23]].tolist() == [
        "copies", "reference -7", "reference +0", "reference +7", "patient -7", "patient +0"]  # fmt: skip
    trans = block["values"].sel(patient="Trans").values
    assert "".join("NACGT-"[int(v)] for v in trans[0, 16:]) == "NNNNNNNANGNNNG-"
    assert pd.isna(trans[3]).all() and trans[0, 0] == 1 and not pd.isna(trans[2]).any()
    assert str(block["reason"].sel(patient="Man").values).endswith("was called in the wanted regions, tested or not")
    assert str(block["reason"].sel(patient="None").values) == "not in the cohort's genotype file"


@pytest.mark.parametrize(
    ("genomics", "said"),
    [
        ({"windows": {"length": 20}, "reference": "r.fa"}, "length = 20"),
        ({"windows": {"length": 21, "regions": "x.bed"}, "frequencies": "f.vcf"}, "without genomics.reference"),
        ({"windows": {"length": 21, "regions": "x.bed"}, "reference": "r.fa"}, "genomics.frequencies"),
        ({"windows": {"length": 21}, "reference": "r.fa", "frequencies": "f"}, "regions, genomics.gff or"),
        ({"windows": {"length": 21, "select": "consequence"}, "reference": "r.fa", "gff": "x.bed"}, "a GFF3 under"),
    ],
)
def test_what_the_configuration_lacks_is_said(genomics, said):
    with pytest.raises(InputError, match=said):
        validated({"cohort": "c", "genomics": genomics})
    assert validated({"cohort": "c", "genomics": {}})["genomics"]["windows"]["length"] == 0
