"""Named-allele matching on made-up people whose true diplotype is known."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from consilium.genomics.stars.alleles import diplotype, match, natural
from consilium.genomics.stars.observed import HALF_CALL, UNDOCUMENTED, UNTESTED, observe
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, QUALIFIED, call, call_cohort
from consilium.genomics.stars.phenotypes import phenotype
from consilium.genomics.stars.tables import Gene
from hypothesis import given, settings
from hypothesis import strategies as st
from star_bench.synthetic import GENES as GENES_ROUND_TRIP
from star_bench.synthetic import judged, people
from star_fixtures import GENES, gene_rows, person, sequence, store, together, unphased

NAMED = [g for g in GENES.values() if g.strategy == "named"]


@pytest.mark.parametrize("gene", NAMED, ids=lambda g: g.name)
def test_a_phased_diplotype_is_found_with_its_phenotype(gene: Gene) -> None:
    """60 pairs of alleles a gene; every pair of ten genes is tried in benchmarks/star_bench/synthetic.py."""
    every = list(combinations_with_replacement(range(len(gene.alleles)), 2))
    chosen = np.random.default_rng(3).choice(len(every), size=min(60, len(every)), replace=False)
    for a, b in (every[i] for i in chosen):
        codes = np.stack([sequence(gene, a), sequence(gene, b)], axis=1)
        found = match(gene, codes, together(gene))
        true = phenotype(gene, gene.alleles[a], gene.alleles[b])
        values = {phenotype(gene, gene.alleles[x], gene.alleles[y]) for x, y in found.pairs}
        assert (a, b) in found.pairs or diplotype(gene, (a, b)) in {diplotype(gene, p) for p in found.pairs}
        assert {str(v) for v in values} == {str(true)}, (gene.alleles[a], gene.alleles[b])


@pytest.mark.parametrize("gene", NAMED, ids=lambda g: g.name)
def test_an_unphased_diplotype_is_right_or_flagged(gene: Gene) -> None:
    """Every pair of alleles of the 8 most frequent ones: the phenotype is reported, or the call is not 'called'."""
    common = np.argsort(-gene.frequencies.max(axis=0), kind="stable")[:8]
    for a, b in combinations_with_replacement(sorted(common), 2):
        codes = np.stack([sequence(gene, a), sequence(gene, b)], axis=1)
        finding = call(gene, codes, unphased(gene))
        true = phenotype(gene, gene.alleles[a], gene.alleles[b])[0]
        assert true in finding.phenotypes or finding.call != CALLED or finding.excluded_probability > 0, finding
        if finding.phased:
            assert finding.phenotypes == (true,)


def test_the_common_pair_wins_over_the_rare_one_and_says_that_phase_is_unknown() -> None:
    gene = GENES["TPMT"]
    finding = call(gene, person(gene, "*1", "*3A"), unphased(gene))
    assert (finding.diplotypes, finding.phased, finding.call) == (("*1/*3A",), False, CALLED)
    assert 0 < finding.excluded_probability < 0.02  # *3B/*3C
    trans = call(gene, person(gene, "*3B", "*3C"), together(gene))
    assert (trans.diplotypes, trans.phenotypes) == (("*3B/*3C",), ("Poor Metabolizer",))


def test_reference_of_the_build_is_not_star_one_in_cyp2c19() -> None:
    gene = GENES["CYP2C19"]
    zero = np.zeros((len(gene.loci), 2), dtype=np.int8)
    assert call(gene, zero, unphased(gene)).diplotypes == ("*38/*38",)
    zero[gene.locus("rs3758581")] = 1
    assert call(gene, zero, unphased(gene)).diplotypes == ("*1/*1",)


def test_a_missing_deciding_site_is_never_taken_for_reference() -> None:
    gene = GENES["CYP3A5"]
    codes = person(gene, "*1", "*1")
    codes[gene.locus("rs776746")] = UNTESTED
    finding = call(gene, codes, unphased(gene))
    assert finding.call == NOT_CALLED and finding.diplotypes == ()
    assert finding.excluded_probability > 0.5 and "*3" in finding.reason
    assert finding.untested == ({"position": "chr7:99672916", "rsid": "rs776746", "could_be": ["*3"]},)


def test_a_rare_untested_site_is_listed_and_the_gene_called() -> None:
    gene = GENES["CYP3A5"]
    codes = person(gene, "*3", "*3")
    codes[gene.locus("rs28383479")] = UNTESTED  # *9
    finding = call(gene, codes, unphased(gene))
    assert (finding.call, finding.diplotypes, len(finding.untested)) == (CALLED, ("*3/*3",), 1)


def test_an_untested_site_of_middling_frequency_qualifies() -> None:
    gene = GENES["CYP2C19"]
    codes = person(gene, "*1", "*1")
    codes[gene.locus("rs6413438")] = UNTESTED  # *10
    codes[gene.locus("rs4986893")] = UNTESTED  # *3: 5.5 % in East Asia
    finding = call(gene, codes, unphased(gene))
    assert finding.call in (QUALIFIED, NOT_CALLED) and "*3" in finding.reason
    assert finding.excluded_probability > 0.02


def test_the_linked_second_site_saves_star_two() -> None:
    """rs4244285 alternative on both strands, its companion untested: *2/*2, not the reference allele."""
    gene = GENES["CYP2C19"]
    codes = person(gene, "*2", "*2")
    codes[gene.locus("rs12769205")] = UNTESTED
    assert call(gene, codes, unphased(gene)).diplotypes == ("*2/*2",)


def test_nothing_tested_and_half_calls_and_odd_bases() -> None:
    tpmt, cyp = GENES["TPMT"], GENES["CYP2C9"]
    none = call(cyp, np.full((len(cyp.loci), 2), UNTESTED, dtype=np.int8), unphased(cyp))
    assert (none.call, none.reason) == (NOT_CALLED, "no defining position was called")
    assert len(none.untested) == len(cyp.loci) and {"*2", "*3"} <= {a for u in none.untested for a in u["could_be"]}
    half = person(cyp, "*1", "*2")
    half[0] = HALF_CALL
    assert call(cyp, half, unphased(cyp)).reason.startswith("half call at chr10:")
    odd = person(cyp, "*1", "*1")
    odd[3, 1] = UNDOCUMENTED
    assert call(cyp, odd, unphased(cyp)).call == NOT_CALLED
    odd = person(tpmt, "*1", "*3C")
    odd[5, 1] = UNDOCUMENTED
    finding = call(tpmt, odd, unphased(tpmt))
    assert (finding.call, finding.diplotypes) == (QUALIFIED, ("*1/*3C",)) and "unverified" in finding.reason


def test_slco1b1_falls_back_to_the_deciding_variant() -> None:
    gene = GENES["SLCO1B1"]
    codes = person(gene, "*9", "*5")
    codes[:, 1] = np.maximum(codes[:, 0], codes[:, 1])  # a combination that no allele has
    finding = call(gene, codes, together(gene))
    assert finding.call == QUALIFIED and "rs4149056" in finding.reason
    assert finding.phenotypes == ("Decreased Function",)


def test_phase_sets_split_what_is_known() -> None:
    gene = GENES["TPMT"]
    codes = person(gene, "*1", "*3A")
    block = together(gene)
    block[gene.locus("rs1142345")] = 7
    assert len(match(gene, codes, block).strands) == 2
    assert len(match(gene, codes, together(gene)).strands) == 1


def test_same_people_are_worked_out_once_and_in_order() -> None:
    gene = GENES["CYP2C9"]
    pairs = [("*1", "*2"), ("*3", "*1"), ("*1", "*2"), ("*1", "*1")] * 50
    rows = [gene_rows(gene, person(gene, *p), "|") for p in pairs]
    joined = [(*site[0][:4], [r[4][0] for r in site]) for site in zip(*rows, strict=True)]
    found = call_cohort(gene, observe(store(joined, [f"p{i}" for i in range(len(pairs))]), gene))
    assert [f.diplotypes[0] for f in found[:4]] == ["*1/*2", "*1/*3", "*1/*2", "*1/*1"]
    assert found[0] is found[2]


@settings(max_examples=60)
@given(st.data())
def test_dropping_sites_never_loses_the_truth(data: st.DataObject) -> None:
    """Whatever is untested: the true phenotype is reported, or the call is not 'called', or p says so."""
    gene = GENES[data.draw(st.sampled_from([g.name for g in NAMED]))]
    common = [int(i) for i in np.argsort(-gene.frequencies.max(axis=0), kind="stable")[:8]]
    a, b = data.draw(st.sampled_from(common)), data.draw(st.sampled_from(common))
    codes = np.stack([sequence(gene, a), sequence(gene, b)], axis=1)
    gone = data.draw(st.lists(st.integers(0, len(gene.loci) - 1), max_size=len(gene.loci)))
    codes[gone] = UNTESTED
    finding = call(gene, codes, together(gene))
    true = phenotype(gene, gene.alleles[a], gene.alleles[b])[0]
    assert true in finding.phenotypes or finding.call == NOT_CALLED or finding.excluded_probability > 0
    assert len(finding.untested) == len(set(gone))


def test_natural_order() -> None:
    assert sorted(["*10", "*2", "*1"], key=natural) == ["*1", "*2", "*10"]


def test_frequencies_are_those_of_the_panel() -> None:
    """Published frequencies (gnomAD, CPIC tables) to within a factor: a swapped REF and ALT would show here."""
    for gene, allele, population, low, high in [
        ("CYP2C19", "*2", "EUR", 0.12, 0.17), ("CYP2C19", "*17", "EUR", 0.18, 0.25),
        ("CYP2C9", "*3", "SAS", 0.08, 0.14),
        ("CYP3A5", "*3", "EUR", 0.9, 0.97), ("NUDT15", "*3", "EAS", 0.04, 0.1), ("NUDT15", "*1", "AFR", 0.97, 1.0),
        ("TPMT", "*3A", "EUR", 0.02, 0.05), ("DPYD", "c.1905+1G>A (*2A)", "EUR", 0.003, 0.01),
        ("DPYD", "c.85T>C (*9A)", "EUR", 0.17, 0.27), ("VKORC1", "rs9923231 variant (T)", "EAS", 0.8, 0.95),
    ]:  # fmt: skip
        record = GENES[gene]
        value = record.frequencies[record.populations.index(population), record.alleles.index(allele)]
        assert low < value < high, (gene, allele, population, value)


def test_what_else_fits_is_named_however_improbable() -> None:
    gene = GENES["TPMT"]
    finding = call(gene, person(gene, "*1", "*3A"), unphased(gene))
    assert finding.call == CALLED and "*3B/*3C (Poor Metabolizer)" in finding.also_fits
    assert call(gene, person(gene, "*1", "*3A"), together(gene)).also_fits == ()


def test_statistical_phase_that_fits_nothing_is_disregarded_but_phase_of_reads_is_not() -> None:
    """UGT1A1 *27 and *28 on one strand: no allele has both."""
    gene = GENES["UGT1A1"]
    codes = person(gene, "*1", "*1")
    codes[:, 1] = np.maximum(sequence(gene, gene.alleles.index("*27")), sequence(gene, gene.alleles.index("*28")))
    statistical = call(gene, codes, together(gene))
    assert statistical.diplotypes == ("*27/*28",) and statistical.call == QUALIFIED
    assert "disregarded" in statistical.reason
    assert call(gene, codes, np.full(len(gene.loci), 77)).call == NOT_CALLED


def test_star_80_without_its_repeat_is_doubted() -> None:
    gene = GENES["UGT1A1"]
    alone = call(gene, person(gene, "*1", "*80"), together(gene))
    assert alone.call == QUALIFIED and "repeat may be misread" in alone.reason
    assert call(gene, person(gene, "*1", "*80+*28"), together(gene)).call == CALLED


@pytest.mark.parametrize("name", GENES_ROUND_TRIP)
def test_a_sample_of_the_round_trip(name: str) -> None:
    """Every pair of alleles is read back in benchmarks/star_bench/synthetic.py; here 12 of each gene, unphased."""
    gene = GENES[name]
    made = people(gene)
    for i in np.random.default_rng(5).choice(len(made), size=min(12, len(made)), replace=False):
        counts = judged(gene, *made[i], phased=False)
        assert counts["true_in_set"] and counts["said"], made[i]
