"""Polygenic scores on the page: place, risk with its sources, spread, and why not."""

from __future__ import annotations

import json

import pytest
from consilium.report.facts_scores import polygenic
from consilium.report.pages import write_pages
from test_report_pages import Page


@pytest.fixture
def pages(copy):
    members = [f"P{i:03d}" for i in range(1, 31)]
    write_pages(copy.read(only=members), members, "title", "digest", copy.manifest)
    assert not any(e["defects"] for e in json.loads(copy.manifest.read_text())["patients"])
    return {p: Page((copy.patients / p / "report.html").read_text()).text for p in members}


def test_each_page_says_the_place_or_why_not(copy, pages):
    cohort = copy.read()
    seen = set()
    for patient, text in pages.items():
        for score in polygenic(cohort, patient, "")["scores"]:
            place, risk = score["reference"], score["risk"]
            if place["why"]:
                assert "not assessed: ancestry: outside the reference" in text
                seen.add("nowhere")
                continue
            assert f"of 258 people of {place['population']}" in text and "Z at this ancestry" in text
            assert "2 scores of breast cancer lie between percentile 10 and" in text
            assert ("scores disagree" in text) == (place["percentile"] - 10 > 25)
            assert "prevalence 12 %, AUC 0.64 in" in text and "a register" in text
            assert ("14 %" in text) if not risk["why"] else ("prevalence and AUC are of AFR" in text)
            seen.add("risk" if not risk["why"] else "no risk")
    assert seen == {"nowhere", "risk", "no risk"}


def test_without_a_reference_the_page_says_so(copy):
    (copy.cohort / "genomics/polygenic_adjusted.tsv").unlink()
    facts = polygenic(copy.read(), "P002", "")
    assert facts["traits"] == [] and "not compared with reference people" in facts["scores"][0]["reference"]["why"]
