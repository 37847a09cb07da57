"""Star alleles held against independent answers; writes benchmarks/star_alleles.json and the tables of the method page.

python benchmarks/star_alleles.py --data DATA/genomics [--only getrm dropped builds synthetic cases speed]

getrm: 1000 Genomes people against the GeT-RM consensus. dropped: the same with 5, 10 and 25 % of positions lost, 20
seeds, beside PharmCAT's and PyPGx's rules. builds: everybody in both builds. synthetic: every pair of alleles of ten
genes, phased and not. cases: expectations of PharmCAT and PGxPOP. speed: 3,202 people with phenotypes and JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "benchmarks")]

from star_bench import builds, consensus, expected, speed, synthetic  # noqa: E402

RESULTS = Path(__file__).with_suffix(".json")
PAGE = ROOT / "docs" / "methods" / "pharmacogenes.md"
Part = tuple[Callable[[Path], Any], Callable[[Any], str]]
PARTS: dict[str, Part] = {
    "getrm": (consensus.measure, consensus.table),
    "dropped": (consensus.measure_dropped, consensus.dropped_table),
    "builds": (builds.measure, builds.table),
    "synthetic": (synthetic.measure, synthetic.table),
    "cases": (expected.measure, expected.table),
    "speed": (speed.measure, speed.table),
}


def filled(text: str, name: str, content: str) -> str:
    """The page with what lies between the marks of a part replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in text:
        sys.exit(f"{PAGE}: no mark {begin}")
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{content}\n{end}", text, flags=re.S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder genomics of the real data")
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), default=list(PARTS))
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.only:
        measure, table = PARTS[name]
        results[name] = measure(options.data)
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        print(f"== {name}\n{table(results[name])}\n", flush=True)
        PAGE.write_text(filled(PAGE.read_text(), name, table(results[name])))


if __name__ == "__main__":
    main()
