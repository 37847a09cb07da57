"""Writes the demo cohort: raw files of simulated patients, sheets, config, and the planted truth beside them."""

import argparse
import os
import sys
from pathlib import Path

# One thread a process: sums of several threads may differ in their last digit.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

from consilium.core.errors import InputError
from consilium.simulate.cohort import make


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a demo cohort of simulated patients with a known truth.")
    parser.add_argument("--out", type=Path, default=Path("demo"),
                        help="folder to write; a relative one goes into the sheets as it is")  # fmt: skip
    parser.add_argument("--patients", type=int, default=60, help="number of patients")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes")
    parser.add_argument("--faults", action="store_true", help="add patients X01 ... whose files are broken")
    parser.add_argument("--imaged", type=int, help="only the first so many patients have images (default: all may)")
    given = parser.parse_args()
    try:
        new = make(given.out, given.patients, given.seed, given.faults, given.imaged)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    print(f"{given.out}: {given.patients} patients, {'written' if new else 'already there'}")


if __name__ == "__main__":
    main()
