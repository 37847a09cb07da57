"""One made-up cohort for the whole folder; tests that change it work on a copy."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import made_cohort
import made_names
from consilium.core.store import write_table
from consilium.report.quarantine import merged
from consilium.report.tables import Cohort, read_cohort


def _read(base: Path, active: str = made_names.ACTIVE, mode: str = "train", only: list[str] | None = None) -> Cohort:
    results = base / "results/made"
    return read_cohort(
        "made", mode, results / "cohort", results / "patients", base / "patients.tsv", base / "samples.tsv", active,
        json.dumps(made_names.TASKS), only,
    )  # fmt: skip


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with sheets and results of 30 made-up patients."""
    folder = tmp_path_factory.mktemp("made")
    cohort = made_cohort.build(folder) / "cohort"
    tables = [cohort / room / "quarantine.tsv" for room in made_names.ROOMS.split(",")]
    write_table(cohort / "quarantine.tsv", "quarantine", merged(tables))
    return folder


@pytest.fixture(scope="session")
def cohort(base: Path) -> Cohort:
    return _read(base)


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> SimpleNamespace:
    """A copy that a test may spoil: its base, its cohort and patients folders, and a reader."""
    shutil.copytree(base, tmp_path / "made")
    folder = tmp_path / "made"
    results = folder / "results/made"
    return SimpleNamespace(
        base=folder,
        cohort=results / "cohort",
        patients=results / "patients",
        manifest=results / "chunks/report_patients/00001.json",
        read=lambda **settings: _read(folder, **settings),
    )
