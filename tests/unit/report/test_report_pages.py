"""Patient pages: complete, self-contained, honest about what is lacking, rewritten only when something changed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import made_names
import pytest
from consilium.core.store import read_table, write_table
from consilium.report.facts_genome import NOTHING_TESTED
from consilium.report.page import PATIENT_SECTIONS, TEMPLATES
from consilium.report.pages import write_pages

SOME = ["P001", "P002", "P003", "P011", "P030"]
VOID = {"meta", "img", "br", "rect", "line", "circle", "polyline"}


class Page(HTMLParser):
    """Checks nesting and collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _write(copy, members=tuple(SOME), **settings):
    write_pages(copy.read(only=list(members), **settings), list(members), "title", "digest", copy.manifest)
    return {e["patient"]: e for e in json.loads(copy.manifest.read_text())["patients"]}


def _page(copy, patient: str) -> Page:
    return Page((copy.patients / patient / "report.html").read_text())


def test_pages_are_whole_self_contained_and_accessible(copy):
    entries = _write(copy)
    assert [e["status"] for e in entries.values()] == ["done"] * len(SOME)
    assert not any(e["defects"] for e in entries.values()), entries
    for patient in SOME:
        path = copy.patients / patient / "report.html"
        page = _page(copy, patient)
        assert path.stat().st_size < 1_500_000
        assert "script" not in {t for t, _ in page.tags} and "link" not in {t for t, _ in page.tags}
        for tag, attrs in page.tags:
            assert not re.match("https?:|//", str(attrs.get("src", ""))), attrs
            assert not re.match("https?:|//", str(attrs.get("href", ""))), attrs
            if tag == "img":
                assert attrs["alt"] and attrs["src"].startswith("data:image/")
            if tag == "svg":
                assert attrs["aria-label"]
            if tag == "th":
                assert attrs["scope"]
        assert page.headings[0] == 1 and all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
        assert {a["id"] for t, a in page.tags if t == "section"} == {name for name, _ in PATIENT_SECTIONS}
        assert "research use only" in page.text.lower()
    ids = [a["id"] for t, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))


def test_report_json_is_all_the_page_needs(copy):
    _write(copy, ["P002"])
    facts = json.loads((copy.patients / "P002/report.json").read_text())
    assert facts["schema_version"] == 1
    from consilium.report.page import render_patient

    assert render_patient(facts, copy.patients / "P002") == (copy.patients / "P002/report.html").read_text()


def test_the_first_statements_are_those_that_matter(copy):
    _write(copy)
    facts = {p: json.loads((copy.patients / p / "report.json").read_text()) for p in SOME}
    first = facts["P002"]["summary"]
    assert [m["topic"] for m in first] == ["Identity", "Diagnosis", "Drugs", "Labs", "Risk"]
    assert "P009" in first[0]["text"] and first[0]["level"] == "alert" and "6.9 mmol/L" in first[3]["text"]
    assert any("P011_ct" in m["text"] for m in facts["P011"]["summary"])
    assert any("signal-to-noise" in m["text"] for m in facts["P003"]["summary"])
    assert all(len(f["summary"]) <= 8 and all(m["basis"] for m in f["summary"]) for f in facts.values())


def test_absent_is_never_normal(copy):
    _write(copy)
    page = _page(copy, made_names.EMPTY).text
    assert f"{', '.join(sorted(made_names.GENES))}: not assessed: genome not supplied" in page
    assert "normal metabolizer" not in page.lower() and "No guideline asks" not in page
    assert "not assessed: images not supplied" in page and "no laboratory value" not in page.lower()
    rich = _page(copy, "P002").text
    assert "TPMT not called not assessed: the deciding position is untested" in rich
    assert "rs4244285 (could be *2)" in rich and "all other genes normal" not in rich.lower()


def test_genes_without_any_position_share_one_line(copy):
    path = copy.cohort / "genomics/pharmacogenes.tsv"
    table = read_table(path, "pharmacogenes")
    bare = (table["patient"] == "P002") & table["gene"].isin(["TPMT", "DPYD"])
    table.loc[bare, ["diplotypes", "phenotypes", "call", "reason"]] = "", "", "not_called", NOTHING_TESTED
    write_table(path, "pharmacogenes", table)
    calls = copy.patients / "P002/genomics/pharmacogenes.json"
    calls.write_text(json.dumps([g for g in json.loads(calls.read_text()) if g["gene"] not in ("TPMT", "DPYD")]))
    _write(copy)
    page = _page(copy, "P002").text
    assert f"DPYD, TPMT: not assessed: {NOTHING_TESTED}" in page and page.count("TPMT") == 1


def test_an_outside_call_is_told_apart_and_tests_nothing(copy):
    path = copy.cohort / "genomics/pharmacogenes.tsv"
    table = read_table(path, "pharmacogenes")
    one = (table["patient"] == "P002") & (table["gene"] == "DPYD")
    table.loc[one, ["diplotypes", "phenotypes", "call", "reason", "untested", "origin"]] = (
        "", "Poor Metabolizer", "called", "", 0, "outside call")  # fmt: skip
    write_table(path, "pharmacogenes", table)
    calls = copy.patients / "P002/genomics/pharmacogenes.json"
    calls.write_text(json.dumps([g for g in json.loads(calls.read_text()) if g["gene"] != "DPYD"]))
    _write(copy)
    page = _page(copy, "P002").text
    line = page[page.index("DPYD called") :][:120]
    assert "Poor Metabolizer" in line and "From an outside call, not from these files." in line
    assert "All defining positions" not in line


def test_abstention_and_exclusion_say_why(copy):
    _write(copy)
    page = _page(copy, "P003").text
    assert "no prediction All classes remain possible." in page
    assert "excluded" in page and "signal-to-noise ratio 4.0 below 6" in page
    assert "unit 'bushel' of sodium" in page and "raw/labs.tsv, line 214" in page


def test_only_what_changed_is_rewritten(copy):
    _write(copy)
    before = {p: (copy.patients / p / "report.html").stat().st_mtime_ns for p in SOME}
    first = copy.manifest.read_bytes()
    _write(copy)
    assert {p: (copy.patients / p / "report.html").stat().st_mtime_ns for p in SOME} == before
    assert copy.manifest.read_bytes() == first
    path = copy.cohort / "ehr/alerts.tsv"
    alerts = read_table(path, "alerts")
    write_table(path, "alerts", alerts[alerts["patient"] != "P002"])
    _write(copy)
    after = {p: (copy.patients / p / "report.html").stat().st_mtime_ns for p in SOME}
    assert [p for p in SOME if after[p] != before[p]] == ["P002"]
    (copy.patients / "P001/report.html").write_text("torn")
    _write(copy)
    assert _page(copy, "P001").text


def test_a_new_picture_rewrites_the_page(copy):
    _write(copy, ["P002"])
    old = (copy.patients / "P002/report.html").read_bytes()
    picture = copy.patients / "P002/imaging/T1/preview.png"
    from PIL import Image

    Image.new("RGB", (40, 40), (9, 9, 9)).save(picture)
    _write(copy, ["P002"])
    assert (copy.patients / "P002/report.html").read_bytes() != old


def test_a_broken_section_and_a_broken_patient_stop_nobody(copy, monkeypatch):
    (copy.patients / "P002/genomics/pharmacogenes.json").write_text("{ not json")
    entries = _write(copy)
    assert entries["P002"]["status"] == "done" and "pharmacogenomics" in entries["P002"]["defects"][0]
    page = _page(copy, "P002").text
    assert "This section could not be made" in page and "Potassium critically high" in page
    from consilium.report import pages

    collect = pages.collect

    def breaks(cohort, patient, *rest):
        if patient == "P003":
            raise RuntimeError("planted")
        return collect(cohort, patient, *rest)

    monkeypatch.setattr(pages, "collect", breaks)
    entries = _write(copy)
    assert entries["P003"]["status"] == "failed" and entries["P011"]["status"] == "done"
    assert "could not be made" in _page(copy, "P003").text


def test_words_from_outside_cannot_become_markup(copy):
    path = copy.cohort / "text/findings.tsv"
    table = read_table(path, "findings")
    table.loc[table["patient"] == "P002", "span"] = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    write_table(path, "findings", table)
    _write(copy, ["P002"])
    page = _page(copy, "P002")
    assert "script" not in {t for t, _ in page.tags} and "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize("rooms", ["", "ehr", "genomics", "imaging,text"])
def test_any_room_may_be_missing(copy, rooms):
    entries = _write(copy, ["P002"], active=rooms)
    assert entries["P002"]["defects"] == [] and entries["P002"]["status"] == "done"
    _page(copy, "P002")


def test_a_room_that_is_not_active_is_not_read(copy):
    (copy.cohort / "genomics/pharmacogenes.tsv").write_text("left from an earlier run")
    assert _write(copy, ["P002"], active="ehr")["P002"]["defects"] == []
    assert "CYP2C19" not in json.loads((copy.patients / "P002/report.json").read_text())["pharmacogenomics"]["genes"]


def test_many_large_pictures_stay_within_the_page(copy):
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (900, 1400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(copy.patients / "P002/imaging/T1/preview.png")
    _write(copy, ["P002"])
    assert (copy.patients / "P002/report.html").stat().st_size < 1_500_000


def test_every_section_has_one_template():
    assert {p.stem for p in (TEMPLATES / "sections").glob("*.html")} == {name for name, _ in PATIENT_SECTIONS}


def test_same_data_same_bytes(copy, base, tmp_path):
    _write(copy, ["P002"])
    one = (copy.patients / "P002/report.html").read_bytes()
    for name in ("report.html", "report.json"):
        (copy.patients / "P002" / name).unlink()
    _write(copy, ["P002", "P001"])
    assert (copy.patients / "P002/report.html").read_bytes() == one
    assert str(tmp_path).encode() not in one and str(Path.cwd()).encode() not in one


def test_drugs_still_taken_come_before_stopped_ones(copy):
    path = copy.cohort / "treatment/guidelines.tsv"
    table = read_table(path, "guidelines")
    mine = table["patient"] == "P002"
    table.loc[mine, ["status", "action"]] = ["action", "choose another drug"]
    table.loc[mine & (table["drug"] == "clopidogrel"), "reason"] = "stopped on 2023-01-02; one position untested"
    write_table(path, "guidelines", table)
    _write(copy, ["P002"])
    drugs = [
        m for m in json.loads((copy.patients / "P002/report.json").read_text())["summary"] if m["topic"] == "Drugs"
    ]
    assert [m["level"] for m in drugs] == ["alert", "alert", "caution"]
    assert drugs[2]["text"] == "Clopidogrel (stopped on 2023-01-02): choose another drug."


def test_a_limit_is_shown_as_reported_and_a_brand_beside_its_generic_name(copy):
    path = copy.cohort / "ehr/observations.parquet"
    table = read_table(path, "observations")
    crp = table[(table["patient"] == "P002") & (table["analyte"] == "CRP")].sort_values("taken_on").index
    table.loc[crp[-1], ["value", "source_value", "censored"]] = [0.25, 0.5, "<"]
    write_table(path, "observations", table)
    path = copy.cohort / "ehr/drugs.tsv"
    table = read_table(path, "drugs")
    table.loc[(table["patient"] == "P002") & (table["drug"] == "clopidogrel"), "supplied_as"] = "Plavix"
    write_table(path, "drugs", table)
    _write(copy, ["P002"])
    page = _page(copy, "P002").text
    assert "Latest < 0.5 mg/L on" in page and f"1 of {len(crp)} given as a limit (< or >) only." in page
    assert "clopidogrel written Plavix" in page and page.count("written Plavix") == 1
