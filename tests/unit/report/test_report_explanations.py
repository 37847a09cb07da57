"""Pages show explanations that passed and say why others are withheld; strata with what may be concluded."""

from pathlib import Path

from consilium.report import facts_explanations
from consilium.report.cohort_facts import cohort_facts
from consilium.report.facts import collect
from consilium.report.figures import strata
from consilium.report.page import render_cohort, render_patient


def _html(copy, patient: str) -> str:
    facts, defects = collect(copy.read(), patient, "t", "c")
    assert not defects
    return render_patient(facts, Path(copy.patients) / patient)


def test_a_patients_page_names_features_with_value_place_and_sign(copy):
    page = _html(copy, "P001")
    assert "crp.last" in page and "+0.420" in page and "−0.130" in page and ">91<" in page.replace("\n", "")
    assert "12.5 mg/dL" in page and "not measured" in page
    assert "explanation withheld: E4 (stability): too low" in page


def test_nothing_is_explained_where_nothing_was_made(copy):
    (copy.cohort / "learn/diagnosis/explanation_gates.json").unlink()
    assert "not assessed: no explanations were made for this task" in _html(copy, "P001")
    task = copy.read().tasks[0]
    applied = facts_explanations.explanations(copy.read(mode="apply"), "P001", task)
    assert "another cohort" in applied["why"] and not applied["modalities"]


def test_the_cohorts_page_lists_tests_importance_and_strata(copy):
    page = render_cohort(cohort_facts(copy.read(), [], [], "t", "c"))
    assert "1 of 2 passed their tests" in page and "withheld: E4 (stability): too low" in page
    assert "0.0800" in page and page.count("alt.mean") == 0  # its interval holds zero
    assert "2 stable strata" in page and "overlap 0.93" in page and "not used" in page


def test_the_figure_says_when_there_are_no_strata(copy):
    cohort = copy.read()
    drawn = strata.strata(cohort.table("diagnosis/strata"), cohort.facts["diagnosis/strata"])
    assert [t.get_text() for t in drawn.axes[0].get_legend().get_texts()] == ["stratum 1, n = 20", "stratum 2, n = 10"]
    empty = strata.strata(cohort.table("diagnosis/strata").iloc[:0], {"reason": "3 patients, fewer than 30"})
    assert "3 patients, fewer than 30" in empty.axes[0].texts[0].get_text()
