"""The guideline table as data: which rows a patient's genes select, and in which order they are printed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from consilium.core.errors import InputError, Problem

COLUMNS = ("drugs", "population", "when", "status", "caution", "action", "strength", "beside", "source")
STATUSES = ("action", "standard", "no recommendation", "no entries")
ANY = "any"
NO_RESULT = "No Result"


@dataclass(frozen=True, eq=False)
class Rule:
    """One row of resources/guidelines.tsv, for one drug.

    keys: gene -> accepted keys (phenotype, activity score, diplotype or "any"). caution orders possible actions, most
    cautious first: 3 use another drug, 2 change the dose, 1 watch, 0 as usual; of two alike the later in the table
    comes first. beside: what the guideline also weighs but this workflow does not assess.
    """

    drug: str
    population: str
    keys: Mapping[str, tuple[str, ...]]
    status: str
    caution: int
    action: str
    strength: str
    beside: str
    source: str

    @property
    def genes(self) -> tuple[str, ...]:
        return tuple(self.keys)


def read(path: Path) -> dict[str, list[Rule]]:
    """Drug -> its rules, in the order of the table. Raises InputError naming every line that cannot be used."""
    with open(path, newline="", encoding="utf-8") as handle:
        rows = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = tuple(next(rows, []))
        if header != COLUMNS:
            raise InputError(Problem(str(path), f"columns {header}", ", ".join(COLUMNS), "restore the file", 1))
        problems: list[Problem] = []
        rules: dict[str, list[Rule]] = {}
        for line, cells in enumerate(rows, start=2):
            row = dict(zip(COLUMNS, cells, strict=False))
            if len(cells) != len(COLUMNS) or row["status"] not in STATUSES or not row["caution"].isdigit():
                problems.append(Problem(str(path), "a row this program cannot read",
                                        f"{len(COLUMNS)} cells; status one of {', '.join(STATUSES)}",
                                        "restore the file", line))  # fmt: skip
                continue
            for rule in _rules(row):
                rules.setdefault(rule.drug, []).append(rule)
    if problems:
        raise InputError(problems)
    return rules


def _rules(row: dict[str, str]) -> Iterator[Rule]:
    keys: dict[str, tuple[str, ...]] = {}
    for part in row["when"].split("; "):
        gene, _, values = part.partition("=")
        keys[gene] = tuple(values.split("|"))
    for drug in row["drugs"].split("|"):
        yield Rule(drug, row["population"], keys, row["status"], int(row["caution"]), row["action"], row["strength"],
                   row["beside"], row["source"])  # fmt: skip


def matching(rules: list[Rule], patient: Mapping[str, frozenset[str]]) -> list[Rule]:
    """Rules whose every gene accepts one of the patient's keys; `patient`: gene -> keys of one possible genotype.

    A gene the patient lacks counts as "No Result". Rows that name the diplotype itself replace rows of the phenotype
    (as PharmCAT does: exact diplotypes first).
    """
    hits = []
    for rule in rules:
        have = {gene: patient.get(gene, frozenset({NO_RESULT})) for gene in rule.genes}
        if all(ANY in rule.keys[g] or have[g].intersection(rule.keys[g]) for g in rule.genes):
            hits.append(rule)
    exact = [r for r in hits if any("/" in k for g in r.genes for k in r.keys[g])]
    return exact or hits
