"""Renders facts as self-contained HTML: styles inline, pictures as data, no script, nothing from the network.

Adding a section: one template in templates/sections/ (or templates/cohort/) and its name in the list below.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilium.report import svg, words

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
PATIENT_SECTIONS = (
    ("summary", "Summary"),
    ("supplied", "What was supplied"),
    ("quality", "Quality"),
    ("reads", "Reads"),
    ("gene_findings", "Gene findings"),
    ("pharmacogenomics", "Pharmacogenomics"),
    ("risk", "Risk"),
    ("images", "Images"),
    ("labs", "Labs over time"),
    ("findings", "Report texts"),
    ("diagnosis", "Diagnosis"),
    ("treatment", "Treatment options"),
    ("methods", "Methods and versions"),
)
COHORT_SECTIONS = (
    ("summary", "Summary"),
    ("people", "Who is in it"),
    ("files", "Files that could not be used"),
    ("quality", "Quality"),
    ("genomes", "Genomes"),
    ("models", "Models"),
    ("drift", "Drift"),
    ("patients", "Patients"),
    ("methods", "Methods and versions"),
)


@cache
def environment() -> Environment:
    import jinja2

    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        num=words.number, amount=words.amount, pct=words.percent, sentence=words.sentence, capital=words.capital,
        metric=words.metric,
        performance=words.performance, rank=words.rank, moment=words.moment, named=words.named, unit=words.unit,
    )  # fmt: skip
    env.globals.update(interval=words.interval, curve=svg.curve, diverging=svg.diverging, whisker=svg.whisker,
                       strip=svg.strip)  # fmt: skip
    return env


def render_patient(facts: dict[str, Any], base: Path) -> str:
    """The patient's page from report.json; `base`: the patient's folder, where the named pictures lie."""
    from consilium.report.pictures import data_uri

    samples = facts["images"].get("samples", [])
    # All pictures of a page share about one megabyte.
    most = min(250_000, 1_000_000 // max(1, sum(len(s["pictures"]) for s in samples)))
    return environment().get_template("patient.html").render(
        facts=facts, sections=PATIENT_SECTIONS, picture=lambda p: data_uri(base / p["path"], most)
    )  # fmt: skip


def render_failure(patient: str, cohort: str, notice: str, cause: str) -> str:
    """The page in place of one that could not be made: the cohort page's link is never dead."""
    return environment().get_template("failure.html").render(
        patient=patient, cohort=cohort, notice=notice, cause=cause
    )  # fmt: skip


def render_cohort(facts: dict[str, Any]) -> str:
    """The cohort's page; figures are named in the facts and read from `facts["figure_folder"]`."""
    from consilium.report.pictures import data_uri

    folder = Path(facts["figure_folder"])
    return environment().get_template("cohort.html").render(
        facts=facts, sections=COHORT_SECTIONS, figure=lambda name: data_uri(folder / f"{name}.png", most=1 << 21)
    )  # fmt: skip
