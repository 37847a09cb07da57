"""What others expect, counted: PharmCAT's expectations and PGxPOP's cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from star_bench.cases import expectations, judged, not_asked
from star_bench.pgxpop import DIFFERENT, pgxpop


def measure(data: Path) -> dict[str, Any]:
    asked: Counter[str] = Counter()
    wrong: list[list[str]] = []
    tests: dict[str, set[tuple[str, str]]] = {"right": set(), "wrong": set()}
    for name, row in expectations(data):
        reason = not_asked(row)
        asked[reason or "asked"] += 1
        if not reason:
            right, found = judged(data, row)
            tests["right" if right else "wrong"].add((row["test_class"], row["test"]))
            if not right:
                wrong.append([name, row["expected"], found])
    cases = pgxpop(data)
    return {
        "asked": dict(asked), "wrong": wrong, "tests": len(tests["right"] | tests["wrong"]),
        "tests_right": len(tests["right"] - tests["wrong"]), "pgxpop": len(cases),
        "pgxpop_right": sum(c.agrees for c in cases),
        "pgxpop_rest": [[c.gene, c.file, c.found, c.combination] for c in cases if not c.agrees],
    }  # fmt: skip


def table(results: dict[str, Any]) -> str:
    asked = dict(results["asked"])
    n = asked.pop("asked")
    lines = [
        f"PharmCAT: {n - len(results['wrong'])} of {n} expectations met, in {results['tests_right']} of "
        f"{results['tests']} tests. Not asked, of {n + sum(asked.values())}: "
        + "; ".join(f"{count} {reason}" for reason, count in sorted(asked.items(), key=lambda x: -x[1])) + ".",
        "",
        *(f"- not met: {name}: expected {expected}, found {found}" for name, expected, found in results["wrong"]),
        f"PGxPOP: {results['pgxpop_right']} of {results['pgxpop']} cases agree after today's names; in the rest the "
        "definitions or the rule have changed:",
        "",
        "| case | today | with combinations | mechanism |",
        "|---|---|---|---|",
        *(f"| {gene} {file} | {found} | {combination} | {DIFFERENT.get(file, 'not explained')} |"
          for gene, file, found, combination in results["pgxpop_rest"]),
    ]  # fmt: skip
    return "\n".join(lines).replace("*", "\\*")
