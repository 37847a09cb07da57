"""Calls of a laboratory or another program (sheet kind `pgx_calls`): read, checked, put in place of our own.

A row holds a gene with a diplotype, a phenotype, an activity score, or several of them; what is given counts in the
order activity score, phenotype, diplotype, and where they contradict each other that is said. CYP2D6 and HLA come
from here only: a VCF tells neither copies nor hybrids of CYP2D6, nor HLA types.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from consilium.core.errors import Problem
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.genomics.stars.meant import meant
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, QUALIFIED, Finding
from consilium.genomics.stars.tables import Gene

KIND = "pgx_calls"
COLUMNS = ("gene", "diplotype", "phenotype", "activity_score")
ORIGIN = "outside call"
MORE = "more"


@dataclass(frozen=True)
class OutsideCall:
    """One row. Empty text = not given; score NaN = not given or n/a. file, line: where it stands."""

    patient: str
    gene: str
    diplotype: str
    phenotype: str
    score: float
    file: str
    line: int


def read_calls(
    samples: Iterable[Sample], genes: Mapping[str, Gene], patients: Sequence[str]
) -> tuple[list[OutsideCall], list[Problem]]:
    """Calls of every file of this kind, and what is wrong with them; a bad row is left out, the others count."""
    calls: list[OutsideCall] = []
    problems: list[Problem] = []
    for sample in samples:
        if sample.kind == KIND:
            for line, cells in _rows(sample, problems):
                found = _call(sample, line, cells, genes, set(patients))
                if isinstance(found, Problem):
                    problems.append(found)
                else:
                    calls.append(found)
    return calls, problems


def _rows(sample: Sample, problems: list[Problem]) -> list[tuple[int, dict[str, str]]]:
    """(line, cells by column). Without a header the columns are COLUMNS, as PharmCAT has them."""
    joint = sample.patient == WHOLE_COHORT
    try:
        text = Path(sample.path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte {error.start} is not UTF-8"
        problems.append(Problem(sample.path, found, "UTF-8 text", "save it as UTF-8", 0, sample.patient))
        return []
    lines = [
        (n, [c.strip() for c in cells])
        for n, cells in enumerate(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE), start=1)
        if any(c.strip() for c in cells) and not cells[0].startswith("#")
    ]
    header = [c.lower() for c in lines[0][1]] if lines else []
    wanted = (("patient", *COLUMNS) if joint else COLUMNS) if lines else ()
    if "gene" in header:
        lines = lines[1:]
    elif not joint:
        header = list(COLUMNS)
    lacking = {"patient", "gene"} - set(header) if joint else {"gene"} - set(header)
    if lacking or set(header) - {"patient", *COLUMNS}:
        allowed = "columns " + ", ".join(wanted or COLUMNS)
        problems.append(Problem(sample.path, "another header", allowed, "rename the columns", 1, sample.patient))
        return []
    return [(n, _cells(header, cells)) for n, cells in lines]


def _cells(header: list[str], cells: list[str]) -> dict[str, str]:
    """Cells by column; what stands behind the last column under MORE."""
    row = dict(zip(header, cells + [""] * len(header), strict=False))
    more = [cell for cell in cells[len(header) :] if cell]
    return row | ({MORE: " ".join(more)} if more else {})


def _call(
    sample: Sample, line: int, cells: dict[str, str], genes: Mapping[str, Gene], patients: set[str]
) -> OutsideCall | Problem:
    patient = cells.get("patient", "") or sample.patient

    def bad(found: str, allowed: str, mend: str) -> Problem:
        return Problem(sample.path, found, allowed, mend, line, sample.patient)

    if patient not in patients or (sample.patient not in (WHOLE_COHORT, patient)):
        return bad(f"patient '{patient}'", "a patient of the sheet", "correct the name, or remove the row")
    gene = cells["gene"]
    if gene not in genes:
        return bad(f"gene '{gene}'", ", ".join(sorted(genes)), "write the gene's symbol, or remove the row")
    if MORE in cells:
        return bad(f"'{cells[MORE]}' behind the last column", "columns " + ", ".join(COLUMNS), "remove it")
    diplotype, phenotype, score = (cells.get(c, "") for c in COLUMNS[1:])
    if not (diplotype or phenotype or score):
        return bad(f"{gene} without a result", "a diplotype, phenotype or activity score", "fill in what is known")
    number = re.fullmatch(r"[≥>]?=?\s*(\d+(?:\.\d+)?)", score)
    if score and not number and score.lower() not in ("n/a", "na"):
        return bad(f"activity score '{score}'", "a number such as 1.25, ≥3, n/a or nothing", "correct the cell")
    return OutsideCall(
        patient, gene, diplotype, phenotype, float(number[1]) if number else math.nan, sample.path, line
    )  # fmt: skip


def put_in_place(
    findings: dict[str, list[Finding]], calls: Sequence[OutsideCall], genes: Mapping[str, Gene]
) -> dict[str, list[Finding]]:
    """Findings of every patient, with outside calls in place of our own."""
    given: dict[tuple[str, str], list[OutsideCall]] = {}
    for call in calls:
        given.setdefault((call.patient, call.gene), []).append(call)
    return {
        patient: [
            outside_finding(genes[f.gene], given[patient, f.gene], f) if (patient, f.gene) in given else f for f in own
        ]
        for patient, own in findings.items()
    }


def outside_finding(gene: Gene, calls: Sequence[OutsideCall], own: Finding) -> Finding:
    """One finding from the rows of one person and gene; own: what genotypes or reads say (a contradiction is told)."""
    results = [meant(gene, c.diplotype, c.phenotype, c.score) for c in calls]
    reasons = [note for r in results for note in r.notes]
    phenotypes = _unique(r.phenotype for r in results)
    if len(phenotypes) > 1:
        reasons.append("several outside calls with different phenotypes")
    if own.call != NOT_CALLED and set(own.phenotypes) != set(phenotypes):
        reasons.append(f"the {own.origin} say {' or '.join(own.diplotypes)} ({' or '.join(own.phenotypes)})")
    scores = {r.score for r in results}
    verdict = QUALIFIED if reasons else CALLED
    files = ", ".join(_unique(Path(c.file).name for c in calls))
    return replace(
        own,
        diplotypes=_unique(r.diplotype for r in results if r.diplotype),
        phenotypes=phenotypes,
        activity_score=scores.pop() if len(scores) == 1 else math.nan,
        call=verdict,
        excluded_probability=math.nan,
        untested=(),
        phased=None,
        reason="; ".join(_unique(reasons)),
        source=f"outside call, {files}; {own.source}",
        origin=ORIGIN,
        also_fits=(),
        weighed_by=(),
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
