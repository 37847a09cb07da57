"""Whose allele frequencies count: the patient's ancestry where it is known, the worst of all populations where not."""

import numpy as np
import pandas as pd
import pytest
from consilium.genomics.stars.alleles import match
from consilium.genomics.stars.certainty import hidden_besides, settle
from consilium.genomics.stars.lowest import match_lowest
from consilium.genomics.stars.observed import UNPHASED, UNTESTED, Observed
from consilium.genomics.stars.origins import LEAST, shares_of, weights_of
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, QUALIFIED, call, call_cohort
from hypothesis import given, settings
from hypothesis import strategies as st
from star_fixtures import GENES, person, unphased

GENE = GENES["CYP2C9"]
NAMES = GENE.populations
ONLY = {name: weights_of(NAMES, {n: float(n == name) for n in NAMES}) for name in NAMES}


def without(rsid: str, gene=GENE, *alleles: str) -> np.ndarray:
    codes = person(gene, *(alleles or ("*1", "*1")))
    codes[gene.locus(rsid)] = UNTESTED
    return codes


def test_weights_are_rounded_floored_and_sum_to_one() -> None:
    found = weights_of(NAMES, dict(zip(NAMES, (0.93, 0.04, 0.01, 0.01, 0.01), strict=True)))
    assert found is not None and found.sum() == pytest.approx(1.0)
    assert found == pytest.approx(np.array([0.9, LEAST, LEAST, LEAST, LEAST]) / (0.9 + 4 * LEAST))
    assert weights_of(NAMES, None) is None
    assert weights_of(NAMES, {"X": 0.5, "Y": 0.5}) is None
    assert weights_of(("all",), dict.fromkeys(NAMES, 0.2)) is None


def test_only_people_of_a_population_have_shares() -> None:
    table = pd.DataFrame(
        {"patient": ["in", "out", "few", "gap"], "population": ["EUR", "outside the reference", "not assessed", "EUR"],
         "p_AFR": [0.1, 0.1, np.nan, np.nan], "p_EUR": [0.9, 0.9, np.nan, 0.9]}
    )  # fmt: skip
    assert shares_of(table) == {"in": {"AFR": 0.1, "EUR": 0.9}}
    assert shares_of(table.iloc[:0]) == {}


def test_an_untested_african_allele_matters_to_africans_and_to_those_of_unknown_origin() -> None:
    codes, block = without("rs7900194"), unphased(GENE)  # *8: 5 % of African chromosomes, hardly any of the others
    of = {name: call(GENE, codes, block, weights=w).excluded_probability for name, w in ONLY.items()}
    unknown = call(GENE, codes, block)
    assert of["AFR"] > 0.08 > 0.005 > of["EUR"] > 0
    assert unknown.excluded_probability == pytest.approx(of["AFR"], rel=0.15)
    assert unknown.call in (QUALIFIED, NOT_CALLED) and "*8" in unknown.reason
    by_origin = call(GENE, codes, block, weights=ONLY["EAS"])
    assert by_origin.call == QUALIFIED and "*8 excluded by the inferred ancestry only" in by_origin.reason.replace(
        ", *27", ""
    )
    whole = person(GENE, "*1", "*1")
    assert (
        call(GENE, whole, block, weights=ONLY["EUR"]) == call(GENE, whole, block)
        and call(GENE, whole, block).call == CALLED
    )
    assert call(GENE, codes, block, weights=ONLY["AFR"]).call != CALLED


def test_the_mixture_is_bayes_rule_over_populations() -> None:
    """Worked out by hand: *1/*1 with the position of *8 and *27 untested; what fits is a pair of these three."""
    weights = np.array([0.5, 0.1, 0.1, 0.2, 0.1])
    found = call(GENE, without("rs7900194"), unphased(GENE), weights=weights)
    one, eight, more = (GENE.frequencies[:, GENE.alleles.index(a)] for a in ("*1", "*8", "*27"))
    same, all_pairs = weights @ one**2, weights @ (one + eight + more) ** 2
    assert found.excluded_probability == pytest.approx(1 - same / all_pairs, rel=1e-9)


@settings(max_examples=25)
@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), st.integers(0, len(GENE.loci) - 1))
def test_a_mixture_lies_between_its_populations(parts: list[float], lost: int) -> None:
    codes = person(GENE, "*1", "*2")
    codes[lost] = UNTESTED
    weights = np.array(parts) / sum(parts)
    found = match(GENE, codes, unphased(GENE))
    pure = [settle(GENE, found, 0.0, np.eye(5)[k])[1].p for k in range(5)]
    mixed = settle(GENE, found, 0.0, weights)[1].p
    assert min(pure) - 1e-12 <= mixed <= max(pure) + 1e-12


def test_dpyd_by_origin() -> None:
    gene = GENES["DPYD"]
    codes = np.zeros((len(gene.loci), 2), dtype=np.int8)
    for rsid in ("rs75017182", "rs56038477"):  # HapB3: 2 % of European chromosomes
        codes[gene.locus(rsid)] = UNTESTED
    found = match_lowest(gene, codes, np.full(len(gene.loci), UNPHASED))
    of = {name: settle(gene, found, 0.02, w)[1].p for name, w in ONLY.items()}
    assert of["EUR"] > 0.03 > 0.005 > of["EAS"]
    assert settle(gene, found, 0.02)[1].p >= of["EUR"]
    assert settle(gene, found, 0.02, ONLY["EAS"])[1].anyone == settle(gene, found, 0.02)[1].p


def test_people_of_one_base_pattern_and_two_origins_have_two_answers() -> None:
    codes, block = without("rs7900194"), unphased(GENE)
    seen = Observed(np.stack([codes] * 4), np.stack([block] * 4), np.zeros(4, dtype=bool))
    europe, africa = ONLY["EUR"], ONLY["AFR"]
    found = call_cohort(GENE, seen, weights=[europe, africa, None, europe])
    assert found[0] is found[3] and found[0].excluded_probability < 0.005 < found[1].excluded_probability
    assert dict(found[0].weighed_by)["EUR"] > 0.9 and found[2].weighed_by == ()
    assert found[2].excluded_probability >= found[1].excluded_probability * 0.9
    unknown = call_cohort(GENES["IFNL3"], Observed(np.zeros((1, 1, 2), np.int8), np.zeros((1, 1), np.int64),
                                                   np.zeros(1, dtype=bool)), weights=[europe])  # fmt: skip
    assert unknown[0].weighed_by == ()


def test_further_alleles_beside_a_combination() -> None:
    gene = GENES["CYP2B6"]
    strand = np.zeros(len(gene.loci), dtype=np.int8)
    assert hidden_besides(gene, [strand], (), ONLY["EUR"][: len(gene.populations)]) == 0
    strand[gene.locus("rs3745274")] = UNTESTED  # *9, and with rs2279343 *6 and others
    assert 0 < hidden_besides(gene, [strand], (), None) < 1
    every = range(len(gene.alleles))
    assert hidden_besides(gene, [strand], every, None) == 0
    assert np.isnan(hidden_besides(GENES["IFNL3"], [np.array([UNTESTED], dtype=np.int8)], (), None))
