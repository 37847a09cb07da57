"""Imports, extras, lock and the rooms' environments say the same."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ehr", "genomics", "imaging", "learn", "omics", "report", "text", "treatment")
# Asked for without an import: what needs it, and what for.
NOT_IMPORTED = {
    "pyarrow": "pandas writes Parquet with it",
    "numpy": "core hands out its arrays; every room uses them",
    "onnx": "torch writes ONNX with it",
    "onnxscript": "torch writes ONNX with it",
    "tensorboard": "torch writes event files with it",
}


def _script():
    spec = importlib.util.spec_from_file_location("update_envs", ROOT / "scripts" / "update_envs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def envs():
    return _script()


@pytest.fixture(scope="module")
def extras(envs) -> dict[str, set[str]]:
    return {
        name: {canonicalize_name(Requirement(r).name) for r in requirements}
        for name, requirements in envs.extras(ROOT / "pyproject.toml").items()
    }


@cache
def imported(folder: Path) -> dict[str, set[str]]:
    """Top-level package -> files that import it: statements, and names given to importlib's functions."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        for name in _names(ast.parse(file.read_text(encoding="utf-8"))):
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top != "consilium":
                found.setdefault(top, set()).add(file.name)
    return found


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            if node.func.attr in ("import_module", "find_spec", "files") and isinstance(first, ast.Constant):
                yield str(first.value)


@cache
def installed() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def distributions(top: str) -> set[str]:
    return {canonicalize_name(d) for d in installed().get(top, [top])}


@pytest.mark.parametrize("room", [*ROOMS, "core", "simulate"])
def test_a_room_imports_only_what_its_extra_and_core_name(room, extras):
    allowed = extras[room] | extras["core"]
    strange = {
        top: files
        for top, files in imported(ROOT / "workflow" / "consilium" / room).items()
        if not distributions(top) & allowed
    }
    assert strange == {}


@pytest.mark.parametrize("room", [*ROOMS, "core", "simulate"])
def test_an_extra_names_only_what_is_imported(room, extras):
    used = {d for top in imported(ROOT / "workflow" / "consilium" / room) for d in distributions(top)}
    assert extras[room] - used - set(NOT_IMPORTED) == set()


@pytest.fixture(scope="module")
def wanted(envs) -> dict[str, str]:
    """What the script would write; worked out once."""
    return envs.texts(ROOT / "pyproject.toml")


def test_lock_and_environments_are_current(envs, wanted, monkeypatch):
    monkeypatch.setattr(envs, "texts", lambda pyproject: wanted)
    monkeypatch.setattr(sys, "argv", ["update_envs.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        envs.main()
    assert ended.value.code in (0, None)


def test_the_lock_pins_everything_exactly_and_without_local_builds(envs):
    lines = [x for x in (ROOT / "envs" / "lock.txt").read_text().splitlines() if not x.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.!]*", line) for line in lines)
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names))
    asked = {canonicalize_name(Requirement(r).name) for rs in envs.extras(ROOT / "pyproject.toml").values() for r in rs}
    assert asked <= set(names)
    assert {"torch", "uv", "snakemake"} <= set(names)


@pytest.mark.parametrize("room", ROOMS)
def test_an_environment_is_whole_and_pinned_as_the_lock(room, extras):
    """Inlined pins only: Snakemake copies the file elsewhere before it builds the environment."""
    lock = set((ROOT / "envs" / "lock.txt").read_text().splitlines())
    dependencies = yaml.safe_load((ROOT / "envs" / f"{room}.yaml").read_text())["dependencies"]
    assert dependencies[:2] == ["python=3.11", "pip"]
    pins = dependencies[2]["pip"]
    assert set(pins) <= lock
    assert extras[room] | extras["core"] <= {pin.split("==")[0] for pin in pins}


def test_what_a_package_needs_is_in_the_environment(envs):
    """Extras of packages and platform markers are followed: bio2zarr[vcf] brings cyvcf2, no other system's packages."""
    pins = envs.closure(["bio2zarr[vcf]", "torch"])
    assert "cyvcf2" in pins and "colorama" not in pins and "pywin32" not in pins
    assert not [name for name in pins if name.startswith("nvidia")]
    assert "+" not in "".join(pins.values())


def test_a_stale_file_is_noticed(tmp_path, envs, wanted, monkeypatch):
    monkeypatch.setattr(envs, "ROOT", tmp_path)
    monkeypatch.setattr(envs, "texts", lambda pyproject: wanted)
    monkeypatch.setattr(sys, "argv", ["update_envs.py"])
    envs.main()
    monkeypatch.setattr(sys, "argv", ["update_envs.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        envs.main()
    assert ended.value.code in (0, None)
    stale = tmp_path / "envs" / "treatment.yaml"
    stale.write_text(stale.read_text().replace("python=3.11", "python=3.12"))
    with pytest.raises(SystemExit, match=r"stale: treatment\.yaml"):
        envs.main()
