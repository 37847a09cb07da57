"""What is printed for one patient: called, ambiguous, not called, not supplied; drug names as records write them."""

from __future__ import annotations

import csv
from dataclasses import replace

import pandas as pd
import pytest
from consilium.treatment import guidelines, rulebase
from consilium.treatment.advice import NOT_SUPPLIED, advise
from consilium.treatment.genotype import SCORES, Call, states
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def rules(root):
    return rulebase.read(root / "resources" / "guidelines.tsv")


def call(gene, diplotypes, phenotypes, score=None, quality="called", reason="", untested=0):
    return Call(gene, tuple(diplotypes), tuple(phenotypes), score, quality, untested, reason)


def calls(*of):
    return {c.gene: c for c in of}


def test_a_call_from_reads_is_called_research_wherever_it_is_printed(rules):
    own = call("CYP2D6", ["*1/*4"], ["Intermediate Metabolizer"], 1.0, "qualified", "research")
    told, lab = (advise("codeine", rules, calls(replace(own, origin=o))) for o in ("reads", "outside call"))
    assert [a.action for a in told] == [a.action for a in lab] and told[0].status == "action"
    assert all("research, judged on simulated reads only" in a.finding for a in told)
    assert all("research" not in a.finding for a in lab)


def test_clopidogrel_poor_metabolizer_is_told_for_every_indication(rules):
    found = advise("clopidogrel", rules, calls(call("CYP2C19", ["*2/*2"], ["Poor Metabolizer"])))
    assert [(a.status, a.strength) for a in found] == [
        ("action", "Strong"),
        ("action", "Moderate"),
        ("action", "Moderate"),
    ]
    assert all("avoid" in a.action for a in found)
    assert found[0].finding == "CYP2C19 *2/*2, Poor Metabolizer"
    assert "PMID 35034351" in found[0].source


def test_two_possible_phenotypes_give_both_actions_most_cautious_first(rules):
    phenotypes = ["Intermediate Metabolizer", "Normal Metabolizer"]
    ambiguous = call("CYP2C19", ["*1/*1", "*1/*2"], phenotypes, None, "qualified", "untested: rs4244285")
    found = [a for a in advise("clopidogrel", rules, calls(ambiguous)) if a.action.startswith("acute")]
    assert [a.status for a in found] == ["action", "standard"]
    assert all("2 possible entries" in a.reason and "rs4244285" in a.reason for a in found)


def test_an_ambiguous_score_lists_the_action_of_every_score_of_the_phenotype(rules):
    found = advise("fluorouracil", rules, calls(call("DPYD", ["a/b"], ["Poor Metabolizer"], None, "qualified", "why")))
    assert [a.finding.rsplit(" ")[-1] for a in found] == ["0", "0.5"]
    assert all("avoid" in a.action for a in found)


def test_unknown_score_is_never_zero(rules):
    found = advise("ibuprofen", rules, calls(call("CYP2C9", ["*1/*7"], ["Indeterminate"], None)))
    assert [(a.status, a.action) for a in found] == [("not assessed", "")]
    assert "no recommendation" in found[0].reason


def test_not_called_is_not_assessed_with_the_reason_of_the_caller(rules):
    missing = call("CYP2C19", [], [], None, "not_called", "rs4244285 untested")
    found = advise("clopidogrel", rules, calls(missing))
    assert [(a.status, a.action) for a in found] == [("not assessed", "")]
    assert found[0].reason == "CYP2C19 not called: rs4244285 untested"


def test_one_of_two_genes_missing_is_said_and_still_gives_the_row_for_no_result(rules):
    found = advise("azathioprine", rules, calls(call("TPMT", ["*1/*1"], ["Normal Metabolizer"])))
    assert [a.status for a in found] == ["action"]
    assert "watch closely" in found[0].action and "NUDT15 not called" in found[0].reason


def test_warfarin_is_an_algorithm_not_a_table(rules):
    both = calls(call("CYP2C9", ["*1/*3"], ["Intermediate Metabolizer"], 1.0), call("VKORC1", ["a"], ["-1639 AG"]))
    (row,) = advise("warfarin", rules, both)
    assert "algorithm" in row.action and "no dose by table" in row.action and "CYP4F2" in row.reason
    (row,) = advise("warfarin", rules, {"VKORC1": both["VKORC1"]})
    assert row.status == "not assessed" and row.reason == "CYP2C9 not called"


def test_phenytoin_says_that_hla_b_was_not_looked_at(rules):
    found = advise("phenytoin", rules, calls(call("CYP2C9", ["*3/*3"], ["Poor Metabolizer"], 0.0)))
    assert len(found) == 1 and "50 %" in found[0].action and "HLA-B*15:02" in found[0].reason


def test_siponimod_goes_by_diplotype_before_phenotype(rules):
    intermediate = advise("siponimod", rules, calls(call("CYP2C9", ["*2/*2"], ["Intermediate Metabolizer"], 1.0)))
    assert [a.action for a in intermediate] == ["no change needed"]
    swapped = advise("siponimod", rules, calls(call("CYP2C9", ["*3/*1"], ["Intermediate Metabolizer"], 1.0)))
    assert "50 %" in swapped[0].action


def test_no_guideline_differs_from_a_gene_that_is_not_with_entries(rules):
    assert advise("metformin", rules, {})[0].status == "no guideline"
    (row,) = advise("neomycin", rules, {}, NOT_SUPPLIED)
    assert row.status == "not assessed" and "MT-RNR1" in row.reason


@pytest.mark.parametrize(
    ("gene", "text"),
    [("VKORC1", "-1639 AA"), ("VKORC1", "rs9923231 variant (T)/rs9923231 variant (T)"), ("VKORC1", "-1639 A/A")],
)
def test_vkorc1_spellings(rules, gene, text):
    diplotype = text if "rs" in text else ""
    found = advise("phenprocoumon", rules, calls(call(gene, [diplotype] if diplotype else [], [text])))
    assert "50 %" in found[0].action


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("clopidogrel", ["clopidogrel"]), ("ezetimibe/simvastatin", ["ezetimibe", "simvastatin"]),
        ("sulfamethoxazole and trimethoprim", ["sulfamethoxazole", "trimethoprim"]), ("", [""]), ("/", ["/"]),
        ("brandy", ["brandy"]),
    ],
)  # fmt: skip
def test_combinations_are_taken_apart(written, expected):
    assert guidelines.substances(written) == expected


def test_every_drug_of_the_table_has_a_generic_name_that_records_are_mapped_to(rules, root):
    with open(root / "resources" / "drug_names.tsv", encoding="utf-8") as handle:
        generics = {row["generic"] for row in csv.DictReader(handle, delimiter="\t")}
    with_entries = {d for d, of_drug in rules.items() if of_drug[0].status != "no entries"}
    assert with_entries - generics <= {"flucytosine", "tegafur"}


@settings(max_examples=80)
@given(st.data())
def test_every_open_possibility_is_listed(rules, data):
    """Union over the phenotypes of an ambiguous call = rows of each phenotype alone."""
    gene = data.draw(st.sampled_from(["CYP2C19", "CYP2C9", "DPYD", "SLCO1B1", "CYP3A5"]))
    drug = {"CYP2C19": "voriconazole", "CYP2C9": "celecoxib", "DPYD": "capecitabine", "SLCO1B1": "simvastatin",
            "CYP3A5": "tacrolimus"}[gene]  # fmt: skip
    possible = ["Normal Function", "Poor Function", "Decreased Function"]
    if gene != "SLCO1B1":
        possible = ["Normal Metabolizer", "Poor Metabolizer", "Intermediate Metabolizer"]
    some = data.draw(st.lists(st.sampled_from(possible), min_size=1, max_size=3, unique=True))
    together = {a.action for a in advise(drug, rules, calls(call(gene, [], some, None, "qualified")))}
    apart = {a.action for p in some for a in advise(drug, rules, calls(call(gene, [], [p], None, "qualified")))}
    assert together == apart
    assert len(states(call(gene, [], some))) == sum(len(SCORES.get(gene, {}).get(p, ("",))) for p in some)


def test_rows_of_a_cohort(rules):
    drug_list = pd.DataFrame(
        [
            ("P1", "clopidogrel", ""),
            ("P1", "clopidogrel", "2020-01-01"),
            ("P2", "codeine", "2021-05-05"),
            ("P3", "xyz", ""),
        ],
        columns=["patient", "drug", "stop"],
    )
    genes = pd.DataFrame(
        [("P1", "CYP2C19", "*1/*17", "Rapid Metabolizer", float("nan"), "called", 0, "")],
        columns=["patient", "gene", "diplotypes", "phenotypes", "activity_score", "call", "untested", "reason"],
    )
    own = guidelines.calls_by_patient(genes.assign(origin="genotypes"))
    out = pd.DataFrame(guidelines.rows(["P1", "P2", "P3", "P4"], drug_list, own, rules))
    assert list(out["patient"].unique()) == ["P1", "P2", "P3"]  # P4: no drug list, no row
    assert len(out[out["patient"] == "P1"]) == 3  # three indications, one substance; still taken
    assert not out.loc[out["patient"] == "P1", "reason"].str.contains("stopped").any()
    assert "stopped on 2021-05-05" in out.loc[out["patient"] == "P2", "reason"].item()
    assert out.loc[out["patient"] == "P3", "status"].item() == "no guideline"


def test_hla_says_several_things_at_once(rules):
    typed = call("HLA-B", ["*02:01/*57:01"], ["*15:02 negative, *57:01 positive, *58:01 negative"])
    assert [a.action for a in advise("abacavir", rules, calls(typed))] == ["do not give abacavir"]
    assert [a.status for a in advise("allopurinol", rules, calls(typed))] == ["standard"]
    half = call("HLA-B", ["*58:01"], ["*58:01 positive"])
    assert [a.status for a in advise("allopurinol", rules, calls(half))] == ["action"]
    assert [a.status for a in advise("abacavir", rules, calls(half))] == ["not assessed"]


def test_unclassified_ryr1_is_never_reassuring(rules):
    for phenotype, expected in (("Indeterminate", "not assessed"), ("Uncertain Susceptibility", "action")):
        of_ryr1 = call("RYR1", ["Reference/c.38T>G"], [phenotype])
        assert {a.status for a in advise("sevoflurane", rules, calls(of_ryr1))} == {expected}


def test_g6pd_variable_asks_for_the_enzyme(rules):
    found = advise("rasburicase", rules, calls(call("G6PD", ["B (reference)/Chatham"], ["Variable"])))
    assert len(found) == 1 and "measure the enzyme" in found[0].action


def test_cyp2d6_goes_by_phenotype_and_where_scores_tell_more_by_score(rules):
    (poor,) = advise("codeine", rules, calls(call("CYP2D6", ["*4/*4"], ["Poor Metabolizer"], 0.0)))
    assert poor.status == "action" and poor.strength == "Strong" and "avoid" in poor.action
    (many,) = advise("codeine", rules, calls(call("CYP2D6", ["*1/*2x≥3"], ["Ultrarapid Metabolizer"], 4.0)))
    assert "toxicity" in many.action
    (one,) = advise("tamoxifen", rules, calls(call("CYP2D6", ["*10/*41"], ["Intermediate Metabolizer"], 0.5)))
    assert one.strength == "Moderate"
    open_score = advise("tamoxifen", rules, calls(call("CYP2D6", [], ["Intermediate Metabolizer"])))
    assert {a.strength for a in open_score} == {"Moderate", "Optional"}
    (unknown,) = advise("codeine", rules, calls(call("CYP2D6", ["*1/*200"], ["Indeterminate"])))
    assert unknown.status == "not assessed" and "no recommendation" in unknown.reason


def test_tricyclics_weigh_both_genes_and_say_when_cyp2d6_is_missing(rules):
    normal = call("CYP2C19", ["*1/*1"], ["Normal Metabolizer"])
    (alone,) = advise("amitriptyline", rules, calls(normal, call("CYP2D6", [], [], quality="not_called", reason="no")))
    assert alone.status == "standard" and "CYP2D6 not called" in alone.reason
    (both,) = advise("amitriptyline", rules, calls(normal, call("CYP2D6", ["*4/*4"], ["Poor Metabolizer"], 0.0)))
    assert "50 %" in both.action and both.strength == "Strong"


def test_rosuvastatin_weighs_abcg2(rules):
    found = [call("ABCG2", ["a/a"], ["Poor Function"]), call("SLCO1B1", ["*5/*15"], ["Poor Function"])]
    (row,) = advise("rosuvastatin", rules, calls(*found))
    assert "10 mg" in row.action
    (alone,) = advise("rosuvastatin", rules, calls(found[1]))
    assert "20 mg" in alone.action and "ABCG2 not called" in alone.reason
