"""What a diplotype, phenotype or activity score given from outside means: one phenotype and score, contradictions said.

CYP2D6: the sum of its alleles' activities decides: 0 poor, below 1.25 intermediate, up to 2.25 normal, above
ultrarapid metabolizer (CPIC, doi 10.1111/cts.12692). Copies: `*2x2`; three and more count as `x≥3`, a lower bound.
Tandems (`*36+*10`) are the sum of their parts. HLA: presence of the alleles that guidelines ask for.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from consilium.genomics.stars.phenotypes import INDETERMINATE, NOT_ASSIGNED, phenotype
from consilium.genomics.stars.tables import Gene
from consilium.genomics.stars.wording import allele_of, is_term, phenotype_of

# Alleles whose presence CPIC guidelines ask for (carbamazepine, oxcarbazepine, phenytoin, abacavir, allopurinol).
HLA = {"HLA-A": ("*31:01",), "HLA-B": ("*15:02", "*57:01", "*58:01")}
_CYP2D6 = (
    (0.0, "Poor Metabolizer"), (1.2499, "Intermediate Metabolizer"), (2.25, "Normal Metabolizer"),
    (math.inf, "Ultrarapid Metabolizer"),
)  # fmt: skip


@dataclass(frozen=True)
class Meant:
    """diplotype: in the table's spelling, "" = not given. score: NaN = none or unknown. notes: what the reader must
    know: contradictions, lower bounds, alleles that the table lacks."""

    diplotype: str
    phenotype: str
    score: float
    notes: tuple[str, ...]


def meant(gene: Gene, diplotype: str, given: str, score: float) -> Meant:
    """What counts of an outside call, in the order activity score, phenotype, diplotype."""
    names = [spelled(gene, name) for name in diplotype.split("/")] if diplotype else []
    given = phenotype_of(gene, given)
    notes: list[str] = []
    derived, derived_score = _of_names(gene, names, notes) if names else ("", math.nan)
    by_score = of_score(gene, score)
    result = by_score or given or derived or INDETERMINATE
    final = score
    if math.isnan(score) and (not given or given == derived):
        final = derived_score
    if not math.isnan(score) and not math.isnan(derived_score) and score != derived_score:
        notes.append(f"activity score {score:g} is given, the diplotype has {derived_score:g}")
    if given and not is_term(gene, given):
        notes.append(f"'{given}' is no phenotype of the source")
    if not math.isnan(score) and not by_score and _has_scores(gene):
        notes.append(f"activity score {score:g} is none that the source assigns")
    if given and by_score and given != by_score:
        notes.append(f"'{given}' is given, the activity score means {by_score}")
    if given and derived and derived not in (given, INDETERMINATE, NOT_ASSIGNED):
        notes.append(f"'{given}' is given, the diplotype means {derived}")
    return Meant("/".join(names), result, final, tuple(notes))


def _has_scores(gene: Gene) -> bool:
    return any(not math.isnan(s) for _, s in gene.phenotype_of.values())


def spelled(gene: Gene, name: str) -> str:
    """An allele as the table writes it: without the gene's name, sub-alleles and spaces as far as it knows none."""
    text = name.strip().removeprefix(gene.name).strip()
    if gene.name in HLA:
        text = text.removeprefix(gene.name.removeprefix("HLA-"))
        return ":".join(text.split(":")[:2])
    text = allele_of(gene, text)
    if text in gene.alleles or text.startswith("["):
        return text
    if text == "Reference" and gene.loci:
        return gene.alleles[gene.reference]
    text = re.sub(r"\s*\+\s*", "+", text)
    shorter = re.sub(r"\*(\w+?)\.\d+", r"*\1", text)
    return shorter if gene.name == "CYP2D6" or shorter in gene.alleles else text


def of_score(gene: Gene, score: float) -> str:
    """Phenotype of an activity score; "" where the gene has none, or not this one."""
    if math.isnan(score):
        return ""
    if gene.name == "CYP2D6":
        return next(name for limit, name in _CYP2D6 if score <= limit)
    return next((p for p, s in gene.phenotype_of.values() if s == score), "")


def _of_names(gene: Gene, names: list[str], notes: list[str]) -> tuple[str, float]:
    if gene.name in HLA:
        return _hla(gene, names, notes), math.nan
    if gene.name == "CYP2D6":
        return _cyp2d6(gene, names, notes)
    unknown = [n for n in names if n not in gene.alleles]
    if unknown or len(names) > 2:
        notes.append(f"not in the table: {', '.join(unknown) or '/'.join(names)}")
        return INDETERMINATE, math.nan
    if len(names) == 1 and gene.copies == "2":
        notes.append("one allele only: the other is not known")
    return phenotype(gene, *names)


def _hla(gene: Gene, names: list[str], notes: list[str]) -> str:
    """Every allele that guidelines ask for, positive or negative; with one allele typed, nothing is negative."""
    if len(names) != 2:
        notes.append("one allele only: the other is not known")
    words = []
    for allele in HLA[gene.name]:
        if allele in names:
            words.append(f"{allele} positive")
        elif len(names) == 2:
            words.append(f"{allele} negative")
    return ", ".join(words) or INDETERMINATE


def _cyp2d6(gene: Gene, names: list[str], notes: list[str]) -> tuple[str, float]:
    if len(names) != 2:
        notes.append(f"'{'/'.join(names)}' is not two alleles")
        return INDETERMINATE, math.nan
    values = [_activity(gene, name, notes) for name in names]
    total = math.fsum(values)
    return (of_score(gene, total), total) if not math.isnan(total) else (INDETERMINATE, math.nan)


def _activity(gene: Gene, name: str, notes: list[str]) -> float:
    """Activity of one chromosome's CYP2D6; NaN where one of its genes has none assigned."""
    if "+" in name:
        return math.fsum(_activity(gene, part, notes) for part in name.split("+"))
    copies = re.fullmatch(r"(\*\w+?)x≥?([3-9]|\d\d+)", name)
    if copies and name not in gene.alleles:
        name = f"{copies[1]}x≥3" if f"{copies[1]}x≥3" in gene.alleles else name
    if name not in gene.alleles:
        notes.append(f"{name}: not in the table")
        return math.nan
    value = float(gene.activity[gene.alleles.index(name)])
    if "≥" in name and value:
        notes.append(f"{name}: the activity score is a lower bound")
    if math.isnan(value):
        notes.append(f"{name}: no activity assigned")
    return value
