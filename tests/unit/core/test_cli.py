"""The command line is the stage's signature; whatever fails ends as a message and exit code 1."""

import importlib
import inspect
import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from consilium.core.cli import option_name, parser_of, stages_of

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("ehr", "genomics", "imaging", "learn", "omics", "report", "text", "treatment")


@pytest.mark.parametrize("room", ROOMS)
def test_every_stage_has_an_option_for_each_parameter(room, capsys):
    module = importlib.import_module(f"consilium.{room}.stages")
    commands = stages_of(module)
    for name, stage in commands.items():
        with pytest.raises(SystemExit):
            parser_of(module, commands, name).parse_args([name, "--help"])
        shown = capsys.readouterr().out.split()
        assert {option_name(p) for p in inspect.signature(stage).parameters} <= {w.strip("[],") for w in shown}


@pytest.fixture
def room(tmp_path):
    (tmp_path / "stages_of_test.py").write_text(
        textwrap.dedent(
            '''
            """Room."""
            from pathlib import Path
            from consilium.core.errors import InputError, Problem

            def join(tables: list[Path], out: Path, threads: int = 1, more: list[str] | None = None,
                     rate: float | None = None, flips: bool = False) -> None:
                """Join 100 % of them."""
                out.write_text(f"{[str(t) for t in tables]} {threads} {more} {rate} {flips}")

            def refuse(n: int) -> None:
                """Refuse."""
                raise InputError([Problem("f.tsv", "x", "y", "z", i, "P1") for i in range(n)])

            def fail() -> None:
                """Fail."""
                raise KeyError("odd")

            def write(out: Path) -> None:
                """Write."""
                out.write_text("x" * 100)

            def fill() -> None:
                """Ask for more memory than there is."""
                bytearray(1 << 62)

            def say() -> None:
                """Say much."""
                for i in range(100_000):
                    print(i)
            '''
        )
    )
    (tmp_path / "run.py").write_text("import stages_of_test\nfrom consilium.core.cli import run\nrun(stages_of_test)\n")

    def call(*args: str) -> subprocess.CompletedProcess:
        env = os.environ | {"PYTHONPATH": f"{ROOT / 'workflow'}:{tmp_path}"}
        return subprocess.run([sys.executable, "run.py", *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    return call


@pytest.mark.parametrize("given, read", [
    (["--tables", "a", "b", "--threads", "3"], "['a', 'b'] 3 None None False"),
    (["--tables", "a", "--flips", "--tables", "b", "c", "--more", "", "--rate", "-0.5"],
     "['a', 'b', 'c'] 1 [''] -0.5 True"),
])  # fmt: skip
def test_stages_run_with_their_own_parameters(room, tmp_path, given, read):
    assert room("join", "--out", "o.txt", *given).returncode == 0
    assert (tmp_path / "o.txt").read_text() == read


@pytest.mark.parametrize("given, said", [
    (["join", "--tables", "a"], "required: --out"),
    (["join", "--tables", "a", "--out", "o", "--threads", "x"], "--threads: invalid int value: 'x'"),
    (["join", "--tables", "a", "--out", "o", "--thread", "2"], "unrecognized arguments: --thread"),
    (["part"], "invalid choice: 'part'"),
])  # fmt: skip
def test_a_wrong_command_line_says_what_is_wrong(room, given, said):
    done = room(*given)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("given", [[], ["--help"], ["join", "--help"]])
def test_help_is_given_for_the_room_and_the_stage(room, given):
    done = room(*given)
    assert done.returncode == 0 and "Join 100 % of them" in done.stdout
    assert ("--tables" in done.stdout) == ("join" in given)


def test_input_problems_are_one_message(room):
    done = room("refuse", "--n", "3")
    assert done.returncode == 1 and "3 problems with the input" in done.stderr and "f.tsv:2 [P1]: x" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_is_said_in_one_line_and_its_trace_kept(room, tmp_path):
    done = room("fail")
    assert done.returncode == 1 and "KeyError" in done.stderr and "Traceback" not in done.stderr
    assert "Traceback" in (tmp_path / "logs/defects/fail.txt").read_text()


def test_a_full_disk_and_too_little_memory_are_no_defects(room, tmp_path):
    done = room("write", "--out", "/dev/full")
    assert done.returncode == 1 and done.stderr.startswith("stage write stopped: No space left on device")
    assert "mend: make room on the disk" in done.stderr and "defect" not in done.stderr
    done = room("fill")
    assert done.returncode == 1 and "stage fill had too little memory" in done.stderr and "defect" not in done.stderr
    assert not (tmp_path / "logs").exists()


def test_a_reader_who_leaves_is_no_defect(room, tmp_path):
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'workflow'}:{tmp_path}"}
    asked = f"{shlex.quote(sys.executable)} run.py say | head -n 1"
    done = subprocess.run(["bash", "-c", asked], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == "0\n" and done.stderr == ""
