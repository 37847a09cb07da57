"""Genes with a rule or a trap of their own, on made-up people."""

from __future__ import annotations

import csv
import io
import re
import tarfile

import numpy as np
import pytest
from consilium.genomics.stars import alleles as star_alleles
from consilium.genomics.stars import pharmacogenes
from consilium.genomics.stars.alleles import diplotype, match, viable
from consilium.genomics.stars.findings import NEEDS_MORE
from consilium.genomics.stars.observed import UNDOCUMENTED, UNTESTED
from consilium.genomics.stars.outside import ORIGIN
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, QUALIFIED, call
from consilium.genomics.stars.phenotypes import NOT_ASSIGNED
from consilium.report import facts_genome
from star_fixtures import DATA, GENES, needs_data, person, together, unphased


def without(gene_name: str, codes: np.ndarray, *rsids: str) -> np.ndarray:
    """The same person with some positions untested."""
    out = codes.copy()
    out[[GENES[gene_name].locus(r) for r in rsids]] = UNTESTED
    return out


def test_the_report_knows_the_reason_of_a_gene_without_data_by_its_words() -> None:
    gene = GENES["ABCG2"]
    nothing = np.full((len(gene.loci), 2), UNTESTED, dtype=np.int8)
    assert star_alleles.match(gene, nothing, unphased(gene)).failure == facts_genome.NOTHING_TESTED
    assert pharmacogenes.call(gene, nothing, unphased(gene)).reason == facts_genome.NOTHING_TESTED
    assert (NEEDS_MORE, ORIGIN) == (facts_genome.NEEDS_MORE, facts_genome.OUTSIDE)


@pytest.mark.parametrize("gene_name", ["CYP4F2", "IFNL3"])
def test_a_gene_without_phenotypes_reports_the_diplotype(gene_name: str) -> None:
    gene = GENES[gene_name]
    first, second = gene.alleles[0], "*3" if gene_name == "CYP4F2" else gene.alleles[1]
    finding = call(gene, person(gene, first, second), unphased(gene))
    assert (finding.diplotypes, finding.call) == ((f"{first}/{second}",), CALLED)
    assert finding.phenotypes == (NOT_ASSIGNED,) and np.isnan(finding.activity_score)


def test_without_phenotypes_an_untested_position_still_hides_another_diplotype() -> None:
    """Were the unknown phenotypes taken for equal, *1/*1 would be certain whatever was not tested."""
    gene = GENES["CYP4F2"]
    finding = call(gene, without("CYP4F2", person(gene, "*1", "*1"), "rs2108622"), unphased(gene))
    assert finding.call == NOT_CALLED and "*3" in finding.reason and finding.excluded_probability > 0.1
    odd = without("CYP4F2", person(gene, "*1", "*1"), gene.loci[3].rsid)
    assert call(gene, odd, unphased(gene)).diplotypes == ("*1/*1",)


def test_cyp2b6_six_is_not_nine_and_one_is_not_four() -> None:
    """rs2279343 is missing from many files: *6 and *9 then mean the same, *1 and *4 do not."""
    gene = GENES["CYP2B6"]
    assert call(gene, person(gene, "*1", "*6"), unphased(gene)).diplotypes == ("*1/*6",)
    assert call(gene, person(gene, "*4", "*9"), together(gene)).diplotypes == ("*4/*9",)
    open_six = call(gene, without("CYP2B6", person(gene, "*6", "*6"), "rs2279343"), unphased(gene))
    assert {"*6/*6", "*9/*9"} <= set(open_six.diplotypes) and len(open_six.phenotypes) == 1
    open_one = call(gene, without("CYP2B6", person(gene, "*1", "*1"), "rs2279343"), unphased(gene))
    assert open_one.call == NOT_CALLED and "*4" in open_one.reason and open_one.diplotypes == ()


def test_cyp3a4_unassigned_function_is_indeterminate() -> None:
    gene = GENES["CYP3A4"]
    assert call(gene, person(gene, "*1", "*22"), unphased(gene)).phenotypes == ("Intermediate Metabolizer",)
    assert call(gene, person(gene, "*1", "*15"), unphased(gene)).phenotypes == ("Indeterminate",)


def test_ugt1a1_without_the_repeat_is_read_from_the_linked_base() -> None:
    """rs887829 (*80) is linked to the TA repeat: *80+*28 or *80+*37, which mean the same; *80 alone hardly exists."""
    gene = GENES["UGT1A1"]
    both = call(gene, person(gene, "*1", "*80+*28"), unphased(gene))
    assert (both.diplotypes, both.phenotypes) == (("*1/*80+*28",), ("Intermediate Metabolizer",))
    open_repeat = call(gene, without("UGT1A1", person(gene, "*6", "*80"), "rs3064744"), unphased(gene))
    assert open_repeat.diplotypes == ("*6/*80+*28", "*6/*80+*37")
    assert open_repeat.phenotypes == ("Poor Metabolizer",) and open_repeat.untested[0]["rsid"] == "rs3064744"
    neither = without("UGT1A1", person(gene, "*1", "*1"), "rs3064744", "rs887829")
    finding = call(gene, neither, unphased(gene))
    assert finding.call == NOT_CALLED and "*80+*28" in finding.reason
    alone = call(gene, person(gene, "*1", "*80"), together(gene))
    assert (alone.diplotypes, alone.phenotypes) == (("*1/*80",), ("Indeterminate",))


def test_cacna1s_counts_the_associated_variant_and_never_says_normal() -> None:
    gene = GENES["CACNA1S"]
    susceptible, uncertain = "Malignant Hyperthermia Susceptibility", "Uncertain Susceptibility"
    none = call(gene, np.zeros((2, 2), dtype=np.int8), unphased(gene))
    assert (none.diplotypes, none.phenotypes) == (("Reference/Reference",), (uncertain,))
    one = call(gene, person(gene, "Reference", "c.520C>T"), unphased(gene))
    assert (one.diplotypes, one.phenotypes, one.call) == (("Reference/c.520C>T",), (susceptible,), CALLED)
    codes = np.maximum(person(gene, "Reference", "c.520C>T"), person(gene, "Reference", "c.3257G>A"))
    assert call(gene, codes, together(gene)).diplotypes == ("Reference/c.520C>T",)  # both on one strand
    apart = call(gene, codes, unphased(gene))
    assert apart.diplotypes == ("c.520C>T/c.3257G>A",) and apart.call == QUALIFIED
    odd = np.zeros((2, 2), dtype=np.int8)
    odd[0, 1] = UNDOCUMENTED
    assert call(gene, odd, unphased(gene)).call == QUALIFIED
    half_tested = np.array([[0, 0], [UNTESTED, UNTESTED]], dtype=np.int8)
    open_one = call(gene, half_tested, unphased(gene))
    assert len(open_one.untested) == 1 and open_one.untested[0]["could_be"]


REQUIRED = ("rs1801279", "rs1801280", "rs1799930", "rs1208", "rs1799931")


@pytest.mark.data
@needs_data
def test_nat2_table_of_cases() -> None:
    """PharmCAT's table: five genotypes, which other positions are missing, every pair that fits, the pair to take."""
    gene, compared = GENES["NAT2"], 0
    with tarfile.open(DATA / "pharmcat_cases" / "test_resources.tar.gz") as archive:
        member = archive.extractfile("test_resources/haplotype/NAT2/tests.tsv")
        assert member is not None
        lines = list(csv.reader(io.StringIO(member.read().decode()), delimiter="\t"))
    for cells in lines[1:]:
        if len(cells) < 8 or cells[1] != "reference" or any("/" not in c for c in cells[2:7]):
            continue
        codes = np.zeros((len(gene.loci), 2), dtype=np.int8)
        for rsid, text in zip(REQUIRED, cells[2:7], strict=True):
            at = gene.locus(rsid)
            choice = (gene.loci[at].ref, *gene.loci[at].alts)
            codes[at] = [choice.index(base) for base in text.split("/")]
        found = match(gene, without("NAT2", codes, *re.findall(r"rs\d+", cells[0])), unphased(gene))
        scores = viable(gene, found.strands)
        names = {diplotype(gene, pair) for pair in scores}
        best = {diplotype(gene, pair) for pair, score in scores.items() if score == max(scores.values())}
        reported = {diplotype(gene, pair) for pair in found.pairs}
        expected = set(cells[7].strip().split(" or ")) - {"not called"}
        # Some rows list every pair that fits, some the best-scoring ones, some the one taken; six with a missing
        # position leave out the pairs of its alleles, which nothing then excludes.
        assert expected in (names, best, reported) or (cells[0] != "none" and expected < names), cells
        taken = cells[8].strip() if len(cells) > 8 else ""
        assert not taken or reported == {taken}, cells
        compared += 1
    assert compared > 60


def test_nat2_takes_the_preferred_pair_where_the_phase_is_unknown() -> None:
    gene = GENES["NAT2"]
    codes = person(gene, "*4", "*5")
    assert diplotype(gene, match(gene, codes, unphased(gene)).pairs[0]) == "*4/*5"  # *1/*16 scores more
    other = person(gene, "*1", "*16")
    assert (np.sort(other) == np.sort(codes)).all()
    assert diplotype(gene, match(gene, other, together(gene)).pairs[0]) == "*1/*16"  # the phase is known
    assert call(gene, codes, unphased(gene)).diplotypes == ("*4/*5",)


@pytest.mark.parametrize("rsid", REQUIRED)
def test_nat2_is_not_called_without_a_required_position(rsid: str) -> None:
    gene = GENES["NAT2"]
    finding = call(gene, without("NAT2", person(gene, "*4", "*4"), rsid), unphased(gene))
    assert finding.call == NOT_CALLED and finding.reason == f"required position untested: {rsid}"
    assert [u["rsid"] for u in finding.untested] == [rsid] and finding.untested[0]["could_be"]


def test_one_snp_genes() -> None:
    gene = GENES["ABCG2"]
    found = [
        call(gene, np.array([pair], dtype=np.int8), unphased(gene)).phenotypes for pair in ((0, 0), (0, 1), (1, 1))
    ]
    assert found == [("Normal Function",), ("Decreased Function",), ("Poor Function",)]
