"""Reports: input gate, quarantine list, run summary, cohort figures, one page per patient, one page of the cohort."""

from __future__ import annotations

from pathlib import Path


def gate(checks: list[Path], out: Path) -> None:
    """Read the input checks of every room; write OUT only when no file is broken.

    Used with on_bad_input: stop, before any other job. Raises InputError with every problem of every room.
    """
    from consilium.core.store import write_text
    from consilium.report.quarantine import merged, refuse_any

    refuse_any(merged(checks))
    write_text(out, f"{len(checks)} rooms checked, no problem found\n")


def quarantine(tables: list[Path], out: Path) -> None:
    """Merge the rooms' quarantine tables into one list and print it."""
    from consilium.core.store import write_table
    from consilium.report.quarantine import merged, readable

    table = merged(tables)
    write_table(out, "quarantine", table)
    print(readable(table))


def accept(quarantine: Path, out: Path) -> None:
    """Used with on_bad_input: stop, at the end: OUT is written only when no step refused any input.

    A stage of its own, since the list of a failed job would be removed with its other outputs.
    """
    from consilium.core.store import read_table, write_text
    from consilium.report.quarantine import refuse_any

    refuse_any(read_table(quarantine, "quarantine"))
    write_text(out, "no input was refused\n")


def summary(
    patients: Path,
    samples: Path,
    cohort: Path,
    patients_folder: Path,
    active: str,
    tasks: str,
    mode: str,
    name: str,
    config_digest: str,
    out: Path,
) -> None:
    """Write the run summary: patients, data supplied and usable, folds, shipped models, versions. No times."""
    from consilium.core.store import write_table
    from consilium.report.run_summary import run_summary
    from consilium.report.tables import read_cohort

    data = read_cohort(name, mode, cohort, patients_folder, patients, samples, active, tasks)
    write_table(out, "run_summary", run_summary(data, config_digest))


def figures(
    patients: Path,
    samples: Path,
    cohort: Path,
    patients_folder: Path,
    active: str,
    tasks: str,
    mode: str,
    name: str,
    seed: int,
    figures: str,
    folder: Path,
) -> None:
    """Draw the cohort FIGURES (comma-separated names) as PNG and SVG into FOLDER; other pictures there are removed."""
    from consilium.report.draw import draw_all
    from consilium.report.tables import read_cohort

    data = read_cohort(name, mode, cohort, patients_folder, patients, samples, active, tasks)
    draw_all(data, [f for f in figures.split(",") if f], folder, seed)


def patients(
    chunk: str,
    patients: Path,
    samples: Path,
    analytes: Path,
    measures: Path,
    cohort: Path,
    patients_folder: Path,
    active: str,
    tasks: str,
    mode: str,
    name: str,
    title: str,
    config_digest: str,
    manifest: Path,
) -> None:
    """Write report.json and report.html of every patient in CHUNK (comma-separated); what has not changed stays.

    A patient whose page cannot be made gets a page that says so; the others go on; the manifest lists it.
    """
    from consilium.report.pages import write_pages
    from consilium.report.tables import read_cohort, read_titles

    members = [p for p in chunk.split(",") if p]
    titles = read_titles(analytes, measures)
    data = read_cohort(name, mode, cohort, patients_folder, patients, samples, active, tasks, members, titles)
    write_pages(data, members, title, config_digest, manifest)


def cohort(
    patients: Path,
    samples: Path,
    cohort: Path,
    patients_folder: Path,
    active: str,
    tasks: str,
    mode: str,
    name: str,
    title: str,
    config_digest: str,
    manifests: list[Path],
    figures: str,
    out: Path,
) -> None:
    """Write the self-contained page of the cohort, with its figures and links to every patient's page."""
    from consilium.core.store import write_text
    from consilium.report.cohort_facts import cohort_facts
    from consilium.report.page import render_cohort
    from consilium.report.tables import read_cohort

    data = read_cohort(name, mode, cohort, patients_folder, patients, samples, active, tasks)
    wanted = [f for f in figures.split(",") if f]
    write_text(out, render_cohort(cohort_facts(data, manifests, wanted, title, config_digest)))
