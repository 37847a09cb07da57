"""Cohort figures and page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import made_names
import pytest
from consilium.core.store import read_table, write_facts, write_table
from consilium.report import stages
from consilium.report.catalogue import ENTRIES, figure_names
from consilium.report.draw import _ANALYSIS, _COHORT, _TASK, draw, draw_all
from consilium.report.facts_judged import control_verdict, fusion_verdict, signal_verdict
from consilium.report.figures import style

ROOMS = made_names.ROOMS.split(",")
FIGURES = figure_names(ROOMS, made_names.TASKS, "train", analyses=made_names.ANALYSES[:1])


def _settings(copy, **more):
    return {
        "patients": copy.base / "patients.tsv", "samples": copy.base / "samples.tsv", "cohort": copy.cohort,
        "patients_folder": copy.patients, "active": made_names.ACTIVE, "tasks": json.dumps(made_names.TASKS),
        "mode": "train", "name": "made", **more,
    }  # fmt: skip


def test_catalogue_drawing_and_captions_name_the_same_figures(root):
    assert {e.name for e in ENTRIES} == set(_COHORT) | set(_TASK) | set(_ANALYSIS)
    captions = {p.stem: " ".join(p.read_text().split()) for p in (root / "workflow/report").glob("*.rst")}
    assert {e.name: e.caption for e in ENTRIES} == {k: v for k, v in captions.items() if k != "cohort"}


def test_only_figures_with_inputs_are_wanted():
    assert "roc__diagnosis" in FIGURES and "survival__survival" in FIGURES and "roc__survival" not in FIGURES
    assert figure_names([], [], "train", effect=False) == ["missing_map", "quarantine"]
    assert not [f for f in figure_names(ROOMS, made_names.TASKS, "apply") if "__" in f]
    assert "polygenic" not in figure_names(ROOMS, [], "train", scores=False)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_and_of_how_many(cohort, name):
    with style.applied():
        figure = draw(cohort, name, 1)
    said = " ".join(t.get_text() for ax in figure.axes for t in [ax.title, ax._left_title, ax._right_title])
    assert "Not assessed" not in said
    assert re.search(r"n = \d+|\d+ of \d+|: \d+", said), said


def test_figures_are_the_same_bytes_and_stale_ones_go(cohort, tmp_path):
    names = ["roc__diagnosis", "ancestry"]
    for folder in ("a", "b"):
        draw_all(cohort, names, tmp_path / folder, 1)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
        assert not re.search(rb"20\d\d-\d\d-\d\dT|Matplotlib", file.read_bytes()), file.name
    (tmp_path / "a/old.png").write_bytes(b"x")
    draw_all(cohort, names[1:], tmp_path / "a", 1)
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["ancestry.png", "ancestry.svg"]


def test_figures_without_data_say_so(copy):
    empty = replace(copy.read(active=""), blocks=())
    for table in list(empty.tables):
        empty.tables[table] = empty.tables[table].iloc[:0]
    for name in FIGURES:
        with style.applied():
            figure = draw(empty, name, 1)
        said = [t.get_text() for t in figure.axes[0].texts]
        assert any("Not assessed" in s for s in said), name


def test_runs_that_nobody_has_were_looked_for(copy):
    """Assessed and nothing found is not "not assessed"."""
    none = copy.read()
    table = none.tables["homozygosity"]
    none.tables["homozygosity"] = table.assign(**dict.fromkeys(("n_runs", "n_long"), table["n_runs"] * 0))
    with style.applied():
        figure = draw(none, "homozygosity", 1)
    known = int(table["f_roh"].notna().sum())
    said = figure.axes[0].texts[0].get_text()
    assert said == f"Nobody has a run of 1.5 Mb or longer (n = {known}, {len(table) - known} not assessed)."


def _row(role, value, modalities, model="m", better="higher", width=0.05):
    return {"model": model, "modalities": modalities, "better": better, "value": value, "lower": value - width,
            "upper": value + width, "n": 50, "role": role}  # fmt: skip


def test_fusion_is_judged_plainly():
    single = _row("baseline", 0.7, "ehr/summary")
    both = "ehr/summary, imaging/ct"
    assert "beats every single modality" in fusion_verdict([single, _row("shipped", 0.8, both)], "auc")["text"]
    assert "does not exclude a tie" in fusion_verdict([single, _row("shipped", 0.72, both)], "auc")["text"]
    assert "does not beat" in fusion_verdict([single, _row("shipped", 0.66, both)], "auc")["text"]
    assert "alone" in fusion_verdict([single, _row("shipped", 0.8, "ehr/summary")], "auc")["text"]
    lower = [_row("baseline", 3.0, "ehr/summary", better="lower"), _row("shipped", 2.0, both, better="lower")]
    assert "beats every single modality" in fusion_verdict(lower, "mae")["text"]
    assert fusion_verdict([], "auc")["level"] == "none"


def test_no_signal_is_said_plainly():
    nothing = {"answer": "none", "text": "no signal found: auc_within_folds 0.480, 95 % interval 0.4 to 0.55"}
    found = signal_verdict(nothing, "")
    assert found["level"] == "caution" and found["text"].startswith("No signal found: AUC within folds 0.480")
    assert "Do not use" in found["text"]
    assert "great care" in signal_verdict({"answer": "weak", "text": "a weak signal at best"}, "")["text"]
    assert signal_verdict({"answer": "found", "text": "a signal was found"}, "")["level"] == "info"
    assert "too few" in signal_verdict({}, "too few patients")["text"]


def test_control_that_leaks_is_an_alert():
    assert control_verdict([_row("control", 0.52, "x")], "auc")["level"] == "info"
    assert control_verdict([_row("control", 0.75, "x")], "auc")["level"] == "alert"
    assert "not assessed" in control_verdict([], "auc")["text"]


def _cohort_page(copy, figures, **more) -> str:
    settings = _settings(copy, **more)
    (copy.base / "analytes.tsv").write_text("analyte\ttitle\nCRP\tC-reactive protein\n")
    stages.patients(
        chunk=",".join(made_names.IDS), title="t", config_digest="d", manifest=copy.manifest,
        analytes=copy.base / "analytes.tsv", measures=made_names.MEASURES, **settings
    )  # fmt: skip
    stages.figures(seed=1, figures=",".join(figures), folder=copy.cohort / "figures", **settings)
    out = copy.cohort / "report.html"
    stages.cohort(
        title="t", config_digest="d", manifests=[copy.manifest], figures=",".join(figures), out=out, **settings
    )
    return out.read_text()


def test_cohort_page_links_everybody_and_says_what_is_wrong(copy):
    page = _cohort_page(copy, ["missing_map", "leaderboard__diagnosis"])
    links = re.findall(r'href="(\.\./patients/[^"]+)"', page)
    assert {Path(copy.cohort, link).resolve() for link in links} == {
        (copy.patients / p / "report.html").resolve() for p in made_names.IDS
    }
    wanted = ["P002", "swap", "contaminated", "duplicate", "sex mismatch", "raw/P011_ct", "tie"]
    wanted += ["Lambda 1.012", "2 cases and 28 controls", "chr2:1500000", "neither a cause", "rarer allele"]
    for said in [*wanted, "Permuted outcomes give chance", "Research use only", "run_summary.tsv"]:
        assert said in page, said
    assert page.count("data:image/png;base64,") == 2 and "http" not in re.sub(r"data:[^\"]+", "", page)


def test_cohort_page_of_an_applied_model_has_no_leaderboard(copy):
    at_training = {"role": "shipped", "metric": "auc", "better": "higher", "n": 58}
    at_training |= {"value": 0.55, "lower": 0.4, "upper": 0.7}
    signal = {"answer": "none", "text": "no signal found: auc 0.55"}
    for task in ("diagnosis", "survival"):
        (copy.cohort / "learn" / task / "leaderboard.tsv").unlink()
        gates = {"gates": [], "signal_at_training": signal, "performance_at_training": [at_training]}
        write_facts(copy.cohort / "learn" / task / "gates.json", gates)
    withheld = copy.cohort / "learn" / "survival" / "predictions.tsv"
    table = read_table(withheld, "predictions")
    write_table(withheld, "predictions", table.assign(abstained=True, reason="far from everybody"))
    page = _cohort_page(copy, ["missing_map"], mode="apply", active="ehr")
    assert "applies a model of another cohort" in page and "The shipped model against every other" not in page
    assert "At training: No signal found: AUC 0.55. Do not use the predictions." in page
    patient = (copy.patients / "P002" / "report.html").read_text()
    assert "At training AUC 0.55 (0.40 to 0.70) in 58 patients it had not seen, not shown to be better" in patient
    assert re.search(r"Predictions for [1-9]\d* of \d+ patients; the others", page)
    assert f"Predictions for 0 of {len(table)} patients" in page and "predicts nothing of anybody here" in page
    assert "Not supplied for anybody: Genome, Images, Omics, Report texts" in page
