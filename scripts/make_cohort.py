"""Writes the demo cohort: raw files of simulated patients, sheets, config, and the planted truth beside them."""

import os
import sys
from pathlib import Path
from typing import Annotated

# One thread a process: sums of several threads may differ in their last digit.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import typer
from consilium.core.errors import InputError
from consilium.simulate.cohort import make


def main(
    out: Annotated[Path, typer.Option(help="Folder to write; a relative one goes into the sheets as it is.")] = Path(
        "demo"
    ),
    patients: Annotated[int, typer.Option(help="Number of patients.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    faults: Annotated[bool, typer.Option("--faults", help="Add patients X01 ... whose files are broken.")] = False,
) -> None:
    """Write a demo cohort of simulated patients with a known truth."""
    try:
        new = make(out, patients, seed, faults)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    print(f"{out}: {patients} patients, {'written' if new else 'already there'}")


if __name__ == "__main__":
    typer.run(main)
