"""What importing costs, and who imports whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ehr", "genomics", "imaging", "learn", "omics", "report", "text", "treatment")
# Libraries whose import every job of the room would pay, were they imported with the stages (measured: 0.3 to 3 s).
HEAVY = ("allel", "bio2zarr", "dask", "lightgbm", "matplotlib", "nibabel", "nilearn", "numpy", "pandas", "scipy",
         "sklearn", "SimpleITK", "torch", "xarray", "zarr")  # fmt: skip


def loaded_by(*modules: str) -> set[str]:
    code = f"import sys, {', '.join(modules)}; print(' '.join(sys.modules))"
    here = {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("room", ROOMS)
def test_stages_import_nothing_heavy(room):
    """The command line of a stage (and its --help) starts at once; a stage imports what it needs itself."""
    assert loaded_by(f"consilium.{room}.stages") & set(HEAVY) == set()


def test_core_imports_nothing_heavy():
    core = ROOT / "workflow" / "consilium" / "core"
    apart = ("__init__", "cli", "statistics")  # statistics: arithmetic on arrays, which stages import when they run
    names = [f"consilium.core.{f.stem}" for f in core.glob("*.py") if f.stem not in apart]
    assert loaded_by(*names) & set(HEAVY) == set()


def test_rooms_are_one_name_in_seven_places():
    package = ROOT / "workflow" / "consilium"
    found = {p.name for p in package.iterdir() if (p / "__init__.py").exists()} - {"core", "simulate"}
    assert found == set(ROOMS)
    for room in ROOMS:
        places = (f"workflow/rules/{room}.smk", f"scripts/{room}.py", f"envs/{room}.yaml", f"tests/unit/{room}")
        assert [p for p in places if not (ROOT / p).exists()] == []
    schema = (ROOT / "config" / "schemas" / "config.schema.json").read_text(encoding="utf-8")
    assert [room for room in ROOMS if f'"{room}": {{' not in schema] == []
