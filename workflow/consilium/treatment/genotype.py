"""From a star-allele call to the keys that guidelines look up: every possibility that the data leave open."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from consilium.treatment.rulebase import NO_RESULT

# Genes whose guidelines are keyed by the activity score, with the scores each phenotype stands for.
# CYP2C9: doi 10.1002/cpt.1830 (CPIC 2020); DPYD: doi 10.1002/cpt.911 (CPIC 2017); CYP2D6: doi 10.1111/cts.12692 (2019),
# where scores tell apart what is advised for intermediate metabolizers only.
_BY_PHENOTYPE = {
    "Normal Metabolizer": ("2",),
    "Intermediate Metabolizer": ("1", "1.5"),
    "Poor Metabolizer": ("0", "0.5"),
}
_CYP2D6 = {
    "Ultrarapid Metabolizer": ("",),
    "Normal Metabolizer": ("",),
    "Intermediate Metabolizer": ("0.25", "0.5", "0.75", "1"),
    "Poor Metabolizer": ("0",),
}
# Said beside a finding, wherever it is printed, by origin of the call.
RESEARCH = {"reads": " from reads (research, judged on simulated reads only)"}
SCORES = {"CYP2C9": _BY_PHENOTYPE, "DPYD": _BY_PHENOTYPE, "CYP2D6": _CYP2D6}


@dataclass(frozen=True)
class Call:
    """One row of pharmacogenes.tsv. Empty lists when not called; score None when there is none or it is ambiguous."""

    gene: str
    diplotypes: tuple[str, ...]
    phenotypes: tuple[str, ...]
    score: float | None
    call: str
    untested: int
    reason: str
    origin: str = "genotypes"


@dataclass(frozen=True)
class State:
    """One possibility: what is printed of it, and the keys under which guidelines may hold it."""

    text: str
    keys: frozenset[str]


def states(call: Call) -> list[State]:
    """Every state the call leaves open; [] when the gene was not called."""
    if call.call == "not_called":
        return []
    out = []
    for diplotype, phenotype in _pairs(call):
        for score in _scores(call, phenotype):
            # HLA: several statements at once, "*15:02 negative, *57:01 positive".
            said = phenotype.split(", ") if call.gene.startswith("HLA-") else [phenotype]
            keys = {k for k in (*said, score, *_spellings(call.gene, diplotype)) if k}
            words = [diplotype, phenotype, f"activity score {score}" if score not in ("", "n/a") else ""]
            named = call.gene + RESEARCH.get(call.origin, "")
            out.append(State(f"{named} " + ", ".join(w for w in words if w), frozenset(keys)))
    return list(dict.fromkeys(out))


def _pairs(call: Call) -> list[tuple[str, str]]:
    """(diplotype, phenotype): with several of both the table does not say which belong together."""
    phenotypes = [_phenotype(call.gene, p) for p in call.phenotypes]
    if len(phenotypes) == 1 and call.diplotypes:
        return [(d, phenotypes[0]) for d in call.diplotypes]
    return [("", p) for p in phenotypes]


def _scores(call: Call, phenotype: str) -> tuple[str, ...]:
    if call.gene not in SCORES:
        return ("",)
    if call.score is not None:
        return (f"{call.score:g}",)
    return SCORES[call.gene].get(phenotype, ("n/a",))


def _phenotype(gene: str, phenotype: str) -> str:
    """VKORC1's promoter genotype is written on either strand; the guideline tables use -1639 with G and A."""
    if gene == "VKORC1":
        found = re.search(r"-1639\s*([AG])[/>]?([AG])\b", phenotype)
        if found:
            return "-1639 " + "".join(sorted(found.groups()))
    return phenotype


def _spellings(gene: str, diplotype: str) -> tuple[str, ...]:
    if not diplotype:
        return ()
    first, _, second = diplotype.partition("/")
    both = (diplotype, f"{second}/{first}") if second else (diplotype,)
    if gene == "VKORC1" and "rs9923231" in diplotype:
        return (*both, ("-1639 GG", "-1639 AG", "-1639 AA")[diplotype.count("variant")])
    return both


def combinations(genes: tuple[str, ...], calls: Mapping[str, Call]) -> list[dict[str, State]]:
    """Product of the possibilities of all genes of a guideline; a gene not called stands as "No Result"."""
    options = []
    for gene in genes:
        found = states(calls[gene]) if gene in calls else []
        options.append(found or [State(f"{gene} not called", frozenset({NO_RESULT}))])
    return [dict(zip(genes, chosen, strict=True)) for chosen in itertools.product(*options)]
