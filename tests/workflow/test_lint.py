"""Static checks, each a test: format, style, types, import layers, Snakemake's own lint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake_process import snakemake
from test_dry_runs import FILES, ROOT, Place

# What Snakemake's lint says against the design, on purpose:
ACCEPTED = {
    # helpers that one room needs stand beside its rules; common.smk holds what all rooms share and stays short
    "Mixed rules and functions in same snakefile.",
    # stages of the report room read a folder of many files, all of them named as inputs too
    "Param cohort is a prefix of input or output file but hardcoded",
    "Param folder is a prefix of input or output file but hardcoded",
    # the key of de-identified copies must not lie in the results, so the stage is told where they are
    "Param results is a prefix of input or output file but hardcoded",
    "Param patients_folder is a prefix of input or output file but hardcoded",
    "Param trained is a prefix of input or output file but hardcoded",
}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    here = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "workflow"),
    }
    return subprocess.run(command, cwd=ROOT, env=here, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize(
    "command",
    [
        "ruff check .",
        "ruff format --check .",
        "snakefmt --check Snakefile workflow/rules",
        pytest.param("mypy workflow/consilium", marks=pytest.mark.slow),  # from a clean clone it reads every library
        *(pytest.param(f"mypy {where}", marks=pytest.mark.slow) for where in ("benchmarks", "scripts tests/configs")),
        "lint-imports",
    ],
)
def test_clean(command):
    done = run(*command.split())
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.slow
def test_snakemake_lint_has_nothing_beyond_what_the_design_accepts(tmp_path):
    place = Place(tmp_path)
    place.write(tuple(FILES), on_bad_input="stop")  # every rule that a training run can have
    _, said = snakemake("--lint", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path),
                        "--configfile", str(tmp_path / "config.yaml"), cwd=tmp_path)  # fmt: skip
    assert "Traceback" not in said
    found = set(re.findall(r"^ {4}\* (.*?):?:$", said, re.M))
    assert found <= ACCEPTED, said[-4000:]
    assert found or "Congratulations" in said  # the output has the form that this test reads
