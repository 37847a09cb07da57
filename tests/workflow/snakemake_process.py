"""Runs Snakemake's command line in a fork of the tests' process: loading Snakemake for every dry run costs more."""

from __future__ import annotations

import os
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

from consilium.core.provenance import code_digest
from consilium.core.sheets import KINDS


@cache
def _loaded() -> None:
    """What every run needs and no run changes: the program, and the digests of the code."""
    for name in ("snakemake.cli", "snakemake.report.html_reporter", "jsonschema", "smart_open",
                 "consilium.core.settings", "consilium.core.chunks", "consilium.report.catalogue"):  # fmt: skip
        import_module(name)
    for room in (*KINDS, "learn", "treatment", "report"):
        code_digest(room)


def snakemake(*arguments: str, cwd: Path) -> tuple[int, str]:
    """(exit status, everything printed) of `snakemake <arguments>`, called in folder `cwd`."""
    _loaded()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            _run(arguments, cwd, said.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return status, said.read().decode()


def _run(arguments: tuple[str, ...], cwd: Path, said: int) -> None:
    """The forked process: never returns."""
    from snakemake.cli import main

    status = 1
    try:
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        sys.argv = ["snakemake", *arguments]
        os.environ["XDG_CACHE_HOME"] = str(cwd / "cache")
        os.chdir(cwd)
        main(list(arguments))
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
