"""The command line is the stage's signature; whatever fails ends as a message and exit code 1."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from consilium.core.cli import repeat_list_options

ROOT = Path(__file__).resolve().parents[3]


def test_list_options_are_repeated():
    assert repeat_list_options(["s", "--a", "1", "2", "--b", "3"]) == ["s", "--a", "1", "--a", "2", "--b", "3"]


@pytest.fixture
def room(tmp_path):
    (tmp_path / "stages_of_test.py").write_text(
        textwrap.dedent(
            '''
            """Room."""
            from pathlib import Path
            from consilium.core.errors import InputError, Problem

            def join(tables: list[Path], out: Path, threads: int = 1) -> None:
                """Join."""
                out.write_text(" ".join(map(str, tables)) + f" {threads}")

            def refuse(n: int) -> None:
                """Refuse."""
                raise InputError([Problem("f.tsv", "x", "y", "z", i, "P1") for i in range(n)])

            def fail() -> None:
                """Fail."""
                raise KeyError("odd")
            '''
        )
    )
    (tmp_path / "run.py").write_text("import stages_of_test\nfrom consilium.core.cli import run\nrun(stages_of_test)\n")

    def call(*args: str) -> subprocess.CompletedProcess:
        env = os.environ | {"PYTHONPATH": f"{ROOT / 'workflow'}:{tmp_path}"}
        return subprocess.run([sys.executable, "run.py", *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    return call


def test_stages_run_with_their_own_parameters(room, tmp_path):
    assert room("join", "--tables", "a", "b", "--out", "o.txt", "--threads", "3").returncode == 0
    assert (tmp_path / "o.txt").read_text() == "a b 3"


def test_input_problems_are_one_message(room):
    done = room("refuse", "--n", "3")
    assert done.returncode == 1 and "3 problems with the input" in done.stderr and "f.tsv:2 [P1]: x" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_is_said_in_one_line_and_its_trace_kept(room, tmp_path):
    done = room("fail")
    assert done.returncode == 1 and "KeyError" in done.stderr and "Traceback" not in done.stderr
    assert "Traceback" in (tmp_path / "logs/defects/fail.txt").read_text()
