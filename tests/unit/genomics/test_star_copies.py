"""Genes that some people have once: G6PD in men, MT-RNR1; and the genes of which only part is classified."""

from __future__ import annotations

import numpy as np
import pytest
from consilium.genomics.stars.copies import copies_of
from consilium.genomics.stars.findings import call_patients
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, QUALIFIED, Finding, call
from star_fixtures import GENES, gene_rows, person, store, unphased

G6PD, MT = GENES["G6PD"], GENES["MT-RNR1"]


def found(gene: str, codes: np.ndarray, sex: str, haploid: bool = False) -> Finding:
    """The finding of one person, through files: haploid calls are written as one base."""
    rows = gene_rows(GENES[gene], codes)
    if haploid:
        rows = [(*r[:4], [r[4][0].split("/")[0]]) for r in rows]
    return {f.gene: f for f in call_patients({gene: GENES[gene]}, store(rows, ["P"]), ["P"], {"P": sex})["P"]}[gene]


@pytest.mark.parametrize("haploid", [True, False])
def test_a_man_has_one_x_however_it_is_written(haploid: bool) -> None:
    codes = person(G6PD, "A- 202A_376G", "A- 202A_376G")
    finding = found("G6PD", codes, "male", haploid)
    assert (finding.diplotypes, finding.phenotypes, finding.call) == (("A- 202A_376G",), ("Deficient",), CALLED)
    reference = found("G6PD", np.zeros_like(codes), "male", haploid)
    assert (reference.diplotypes, reference.phenotypes) == (("B (reference)",), ("Normal",))


def test_a_man_with_two_bases_is_an_error_and_a_woman_is_variable() -> None:
    codes = person(G6PD, "B (reference)", "Chatham")
    man = found("G6PD", codes, "male")
    assert man.call == NOT_CALLED and "two different bases at chrX:" in man.reason
    woman = found("G6PD", codes, "female")
    assert (woman.diplotypes, woman.phenotypes) == (("B (reference)/Chatham",), ("Variable",))
    unknown = found("G6PD", codes, "unknown")
    assert unknown.phenotypes == ("Variable",) and unknown.call == QUALIFIED and "sex unknown" in unknown.reason
    one = found("G6PD", person(G6PD, "Chatham", "Chatham"), "female", haploid=True)
    assert one.call == NOT_CALLED and "sheet says female" in one.reason


def test_an_untested_position_on_one_x_stays_open() -> None:
    codes = np.zeros((len(G6PD.loci), 2), dtype=np.int8)
    codes[G6PD.locus("rs1050828")] = -1  # 202G>A
    finding = found("G6PD", codes, "male")
    assert "A- 202A_376G" not in finding.diplotypes and finding.call == CALLED  # 376G is tested and absent
    codes[G6PD.locus("rs1050829")] = -1
    finding = found("G6PD", codes, "male")
    assert finding.call == NOT_CALLED and "A- 202A_376G" in finding.reason


def test_mitochondria_have_one_base_or_a_mixture() -> None:
    risk = "increased risk of aminoglycoside-induced hearing loss"
    for haploid in (True, False):
        finding = found("MT-RNR1", person(MT, "m.1555A>G", "m.1555A>G"), "female", haploid)
        assert (finding.diplotypes, finding.phenotypes, finding.call) == (("m.1555A>G",), (risk,), CALLED)
    mixed = found("MT-RNR1", person(MT, "Reference", "m.1555A>G"), "male")
    assert mixed.phenotypes == (risk,) and mixed.call == QUALIFIED and "heteroplasmy" in mixed.reason
    worst = np.maximum(person(MT, "m.827A>G", "m.827A>G"), person(MT, "m.1494C>T", "m.1494C>T"))
    assert found("MT-RNR1", worst, "male").diplotypes == ("m.1494C>T",)
    normal = found("MT-RNR1", np.zeros((len(MT.loci), 2), dtype=np.int8), "male")
    assert normal.phenotypes == ("normal risk of aminoglycoside-induced hearing loss",)


def test_two_copies_everywhere_else() -> None:
    gene = GENES["TPMT"]
    assert copies_of(gene, person(gene, "*1", "*3A"), False, "male").number == 2


def test_ryr1_unclassified_is_said_and_never_normal() -> None:
    gene = GENES["RYR1"]
    assert gene.functions[gene.alleles.index("c.38T>G")] == "Unassigned function"
    unclassified = call(gene, person(gene, "Reference", "c.38T>G"), unphased(gene))
    assert unclassified.phenotypes == ("Indeterminate",) and unclassified.call == QUALIFIED
    assert "c.38T>G: not classified by the source" in unclassified.reason
    both = np.maximum(person(gene, "Reference", "c.38T>G"), person(gene, "Reference", "c.487C>T"))
    worst = call(gene, both, np.zeros(len(gene.loci), dtype=np.int64))
    assert worst.phenotypes == ("Malignant Hyperthermia Susceptibility",) and worst.diplotypes[0].count("c.") == 1
    none = call(gene, np.zeros((len(gene.loci), 2), dtype=np.int8), unphased(gene))
    assert none.phenotypes == ("Uncertain Susceptibility",)


def test_cftr_one_or_two_responsive_variants() -> None:
    gene = GENES["CFTR"]
    responsive, other = "ivacaftor responsive in CF patients", "ivacaftor non-responsive in CF patients"
    reference = gene.alleles[gene.reference]
    assert call(gene, person(gene, reference, reference), unphased(gene)).phenotypes == (other,)
    assert call(gene, person(gene, reference, "G551D"), unphased(gene)).phenotypes == (responsive,)
    two = call(gene, np.maximum(person(gene, reference, "D1270N"), person(gene, reference, "G551D")), unphased(gene))
    assert two.diplotypes == ("D1270N/G551D",) and two.phenotypes == (responsive,)


def test_warfarins_further_position_is_read_beside_cyp2c9() -> None:
    gene = GENES["CYP2C9"]
    rows = gene_rows(gene, person(gene, "*1", "*2"))
    extra = gene.extra[0]
    genotypes = store([*rows, (extra.chrom, extra.pos, extra.ref, extra.alts[0], ["0/1"])], ["P"])
    finding = call_patients({"CYP2C9": gene}, genotypes, ["P"])["P"][0]
    assert finding.diplotypes == ("*1/*2",)
    assert finding.extra == ({"rsid": "rs12777823", "position": "chr10:94645745", "genotype": "G/A"},)
    assert call_patients({"CYP2C9": gene}, store(rows, ["P"]), ["P"])["P"][0].extra[0]["genotype"] == "untested"


@pytest.mark.parametrize("gene", ["CYP2D6", "HLA-A", "HLA-B"])
def test_what_a_vcf_cannot_tell_is_never_called_from_one(gene: str) -> None:
    rows = gene_rows(GENES["TPMT"], person(GENES["TPMT"], "*1", "*1"))
    rows += [("chr22", 42128945, "C", "T", ["1/1"])]  # CYP2D6*4's splice site
    finding = call_patients({gene: GENES[gene]}, store(rows, ["P"]), ["P"])["P"][0]
    assert (finding.call, finding.reason) == (NOT_CALLED, "needs an outside call (kind pgx_calls)")
