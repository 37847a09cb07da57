"""Turns a room's stages module into its command line: one command per stage, one option per parameter."""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_type_hints

import typer

from consilium.core.errors import InputError


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


def _as_command(stage: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(stage)
    signature = inspect.signature(stage)

    @functools.wraps(stage)
    def command(**values: Any) -> None:
        stage(**values)

    annotations = {
        name: Annotated[hints[name], typer.Option(option_name(name), show_default=False)]
        for name in signature.parameters
    }
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            p.replace(annotation=annotations[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name, p in signature.parameters.items()
        ],
        return_annotation=None,
    )
    command.__annotations__ = {**annotations, "return": type(None)}
    del command.__wrapped__  # typer would read the undecorated signature through it
    return command


def repeat_list_options(argv: list[str]) -> list[str]:
    """`--x a b c` becomes `--x a --x b --x c`, so that a rule can write `--x {input.x}`."""
    out: list[str] = []
    option, values = "", 0
    for token in argv:
        if token.startswith("--"):
            option, values = token, 0
        else:
            values += 1
            if option and values > 1:
                out.append(option)
        out.append(token)
    return out


def run(module: ModuleType, *by_hand: ModuleType) -> None:
    """Run the command line of `module`; input problems and defects end as one message and exit code 1.

    by_hand: modules of further commands, which no rule runs.
    """
    app = typer.Typer(help=module.__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @app.callback()
    def _room() -> None:
        """Keeps sub-commands even when a room has a single stage."""

    for name, stage in {k: v for m in (module, *by_hand) for k, v in stages_of(m).items()}.items():
        app.command(name.replace("_", "-"))(_as_command(stage))
    try:
        app(args=repeat_list_options(sys.argv[1:]))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        sys.exit(_defect(error, " ".join(sys.argv[1:2])))


def _defect(error: Exception, stage: str) -> str:
    """A defect of the program, not of the input: said in one line, the trace kept in a file for the report."""
    where = Path("logs") / "defects"
    where.mkdir(parents=True, exist_ok=True)
    trace = where / f"{stage or 'start'}.txt"
    trace.write_text("".join(traceback.format_exception(error)))
    return (
        f"stage {stage} failed with {type(error).__name__}: {error}\n"
        f"This is a defect of consilium, not of your data. Please report it with {trace}"
    )
