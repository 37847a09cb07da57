"""Turns a room's stages module into its command line: one command per stage, one option per parameter.

argparse, as every job pays for its start: a fuller library costs a quarter of a second each time.
"""

from __future__ import annotations

import argparse
import errno
import inspect
import os
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Union, get_args, get_origin, get_type_hints

from consilium.core.errors import InputError

# What a machine may lack, and how to mend it.
LACKS = {errno.ENOSPC: "make room on the disk", errno.EDQUOT: "make room, or have the quota raised",
         errno.EACCES: "give yourself the right", errno.EPERM: "give yourself the right",
         errno.EROFS: "name another folder", errno.EMFILE: "raise the limit of open files (ulimit -n)"}  # fmt: skip


def stages_of(module: ModuleType) -> dict[str, Callable[..., None]]:
    """Public functions defined in `module` itself or, where it is a package, in its files: the stages."""
    return {
        name: obj
        for name, obj in vars(module).items()
        if inspect.isfunction(obj)
        and f"{obj.__module__}.".startswith(f"{module.__name__}.")
        and not name.startswith("_")
    }


def option_name(parameter: str) -> str:
    return "--" + parameter.replace("_", "-")


def _add_options(command: argparse.ArgumentParser, stage: Callable[..., None]) -> None:
    """One option a parameter: a list takes one or more values and may come several times; X | None may be left out."""
    hints = get_type_hints(stage)
    for name, parameter in inspect.signature(stage).parameters.items():
        hint = _without_none(hints[name])
        how: dict[str, Any] = {"type": hint}
        if hint is bool:
            how = {"action": argparse.BooleanOptionalAction}
        elif get_origin(hint) is list:
            how = {"type": get_args(hint)[0], "nargs": "+", "action": "extend"}
        if parameter.default is inspect.Parameter.empty:
            command.add_argument(option_name(name), required=True, **how)
        else:
            command.add_argument(option_name(name), default=parameter.default, **how)


def _without_none(hint: Any) -> Any:
    """X of X | None; other types as they are."""
    if get_origin(hint) not in (types.UnionType, Union):
        return hint
    (only,) = [a for a in get_args(hint) if a is not type(None)]
    return only


def parser_of(module: ModuleType, commands: dict[str, Callable[..., None]], asked: str) -> argparse.ArgumentParser:
    """The parser of the room; options are those of the command `asked`, the others being named alone."""
    parser = argparse.ArgumentParser(description=module.__doc__, allow_abbrev=False)
    under = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, stage in commands.items():
        what = inspect.getdoc(stage) or ""
        command = under.add_parser(name, help=what.split("\n\n")[0].replace("%", "%%"), allow_abbrev=False)
        command.description, command.formatter_class = what, argparse.RawDescriptionHelpFormatter
        if name == asked:
            _add_options(command, stage)
    return parser


def run(module: ModuleType, *by_hand: ModuleType) -> None:
    """Run the command line of `module`; input problems and defects end as one message and exit code 1.

    by_hand: modules of further commands, which no rule runs.
    """
    commands = {name.replace("_", "-"): f for m in (module, *by_hand) for name, f in stages_of(m).items()}
    asked = next(iter(sys.argv[1:]), "--help")
    named = {asked: commands[asked]} if asked in commands else commands  # each parser costs half a millisecond
    values = vars(parser_of(module, named, asked).parse_args(sys.argv[1:] or [asked]))
    try:
        commands[asked](**values)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except BrokenPipeError:  # whoever read what is printed, head say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        sys.exit(_lack(error, asked) or _defect(error, asked))


def _lack(error: Exception, stage: str) -> str:
    """What the machine did not give, and how to mend it; "" where that is not why it failed."""
    if isinstance(error, MemoryError):
        said = f" ({error})" if str(error) else ""
        return f"stage {stage} had too little memory{said}; mend: run fewer jobs at once, or on a larger machine"
    if not isinstance(error, OSError) or error.errno not in LACKS:
        return ""
    where = f" ({error.filename})" if error.filename else ""
    return (
        f"stage {stage} stopped: {error.strerror}{where}; mend: {LACKS[error.errno]}, and run again: what is done stays"
    )


def _defect(error: Exception, stage: str) -> str:
    """A defect of the program, not of the input: said in one line, the trace kept in a file for the report."""
    trace = Path("logs") / "defects" / f"{stage}.txt"
    told = "".join(traceback.format_exception(error))
    try:
        trace.parent.mkdir(parents=True, exist_ok=True)
        trace.write_text(told)
        told = str(trace)
    except OSError:  # a folder that cannot be written
        told = f"this:\n{told}"
    return (
        f"stage {stage} failed with {type(error).__name__}: {error}\n"
        f"This is a defect of consilium, not of your data. Please report it with {told}"
    )
