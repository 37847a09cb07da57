"""De-identified DICOM copies of one patient's images, and the table of what was taken out of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.store import read_facts, write_facts
from consilium.imaging.privacy import export, profile
from consilium.imaging.privacy.key import Secret
from consilium.imaging.privacy.scrub import Scrubber

if TYPE_CHECKING:
    import pandas as pd

FATES = ("kept", "replaced", "emptied", "removed", "listed")
SUMMARY = "removed.json"
GROUPS = {
    "0008": "study, series, institution", "0010": "patient", "0012": "trial", "0018": "acquisition",
    "0020": "place in study and space", "0028": "pixels", "0032": "study request", "0038": "visit", "0040": "procedure",
    "0054": "nuclear medicine", "0088": "storage, icon", "2050": "presentation", "5200": "frames", "7FE0": "pixel data",
    "private": "private attributes",
}  # fmt: skip


def is_dicom(path: Path) -> bool:
    """A folder, or a file that says it is DICOM."""
    if path.is_dir():
        return True
    with open(path, "rb") as handle:
        return handle.read(132)[128:] == b"DICM"


def one_patient(task: Task, folder: Path, secret: Secret, keep: Path, tags: Path, deface: bool) -> list[Problem]:
    """Copies of every DICOM image of a patient into folder/<sample>/; problems of those without a copy."""
    problems: list[Problem] = []
    counts: dict[str, dict[str, int]] = {}
    rules = profile.read(keep, tags)
    for sample in task.samples:
        scrubber = Scrubber(rules, secret, sample.patient, sample.kind)
        try:
            tally = export.write(sample, scrubber, folder / sample.sample, deface)
        except InputError as error:
            problems += error.problems
            continue
        counts[sample.sample] = {f"{group} {fate}": n for (group, fate), n in sorted(tally.counts.items())}
    write_facts(folder / SUMMARY, {"patient": task.patient, "samples": counts})
    return problems


def removed_table(entries: list[dict[str, Any]]) -> pd.DataFrame:
    """Table "image_deidentified": one row a sample and group of tags; one row says why where there is no copy."""
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for entry in entries:
        patient = str(entry["patient"])
        rows += [(patient, "", "", "", *[None] * len(FATES), p["found"]) for p in entry["problems"]]
        file = Path(entry["folder"]) / SUMMARY
        for sample, counts in (read_facts(file)["samples"] if file.exists() else {}).items():
            for group in sorted({name.split()[0] for name in counts}):
                told = [counts.get(f"{group} {fate}", 0) for fate in FATES]
                rows.append((patient, sample, group, GROUPS.get(group, "other"), *told, ""))
    columns = ["patient", "sample", "group", "content", *FATES, "reason"]
    return pd.DataFrame(rows, columns=columns)
