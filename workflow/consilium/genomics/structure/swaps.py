"""Whose genotypes are these? Sex, parents, families and reads of the sheet against each patient's genotypes.

A conflict is a statement of the sheet that the genotypes under that name contradict. Two patients whose conflicts
vanish when their genotypes change places were probably exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from consilium.core.sheets import Patient
from consilium.genomics.structure.mendel import PARENT_IBS0

if TYPE_CHECKING:
    import pandas as pd

_SEXES = ("female", "male")
MOST_MISSING = 0.5  # share of cohort sites without a call, up to which somebody's parents can be told
_MOST_SUSPECTS = 60  # of either kind; every pair of them is tried


@dataclass(frozen=True)
class Evidence:
    """What genotypes say, by the name that they carry.

    sex: from X heterozygosity. assessed: names whose kinship can be told. close: pairs of first degree and closer;
    parental: those of them that can be parent and child; same: pairs of one person. reads: patient -> the name whose
    genotypes fit the patient's reads, where that was told.
    """

    sex: Mapping[str, str]
    assessed: frozenset[str]
    close: frozenset[frozenset[str]] = frozenset()
    parental: frozenset[frozenset[str]] = frozenset()
    same: frozenset[frozenset[str]] = frozenset()
    reads: Mapping[str, str] = field(default_factory=dict)


def evidence(
    sexes: Mapping[str, str], assessed: Sequence[str], kinship: pd.DataFrame, identity: pd.DataFrame | None
) -> Evidence:
    """From tables samples_qc (sex_inferred), kinship and identity."""
    close, parental, same = set(), set(), set()
    for row in kinship.itertuples():
        pair = frozenset((row.patient_a, row.patient_b))
        if row.relationship == "duplicate":
            same.add(pair)
        elif row.relationship == "first degree":
            close.add(pair)
            if row.ibs0 < PARENT_IBS0:
                parental.add(pair)
    reads = {}
    for row in identity.itertuples() if identity is not None else ():
        if row.verdict == "match":
            reads[row.patient] = row.patient
        elif row.verdict == "swap":
            reads[row.patient] = row.likely_patient
    return Evidence(sexes, frozenset(assessed), frozenset(close), frozenset(parental), frozenset(same), reads)


def conflicts(people: Mapping[str, Patient], known: Evidence, carried: Mapping[str, str]) -> dict[str, list[str]]:
    """Patient -> what contradicts the sheet when patient p has the genotypes that carry the name carried[p]."""
    out: dict[str, list[str]] = {name: [] for name in carried}
    for name, label in carried.items():
        person = people[name]
        sex = known.sex.get(label, "unknown")
        if person.sex in _SEXES and sex in _SEXES and sex != person.sex:
            out[name].append(f"sex by genotype is {sex}, in the sheet {person.sex}")
        for role, parent in (("father", person.father), ("mother", person.mother)):
            other = carried.get(parent, "")
            if {label, other} <= known.assessed and frozenset((label, other)) not in known.parental:
                out[name].append(f"{role} {parent} does not fit")
                out[parent].append(f"no {role} of {name} by genotype")
        fits = known.reads.get(name)
        if fits is not None and fits != label:
            out[name].append(f"the patient's reads fit {f'the genotypes of {fits}' if fits else 'nobody'}")
    for a, b in _unexpected(people, known, carried):
        if people[a].family and people[b].family:
            out[a].append(f"first-degree relative of {b}, who is of another family in the sheet")
            out[b].append(f"first-degree relative of {a}, who is of another family in the sheet")
    return out


def _unexpected(
    people: Mapping[str, Patient], known: Evidence, carried: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Pairs of first-degree relatives whom the sheet does not give one family."""
    owner = {label: name for name, label in carried.items()}
    for pair in sorted(map(sorted, known.close)):
        a, b = (owner.get(label, "") for label in pair)
        if a and b and (not people[a].family or people[a].family != people[b].family):
            yield a, b


def exchanged(people: Mapping[str, Patient], known: Evidence) -> dict[str, str]:
    """Patient -> patient with whom the genotypes were probably exchanged.

    Tried: pairs of somebody in conflict and somebody in conflict or with relatives whom the sheet does not know.
    Taken: those whose exchange leaves neither with a conflict and makes none for others, unless another such exchange
    has one of the two or explains the same conflicts (father and son, or mother and daughter: the pedigree upside
    down). One that explains only a part of them does not count: where the children of two families were exchanged,
    so would, for one half, the exchange of the fathers.
    """
    carried = {name: name for name in people}
    found = conflicts(people, known, carried)
    suspects = [name for name in sorted(found) if found[name]][:_MOST_SUSPECTS]
    others = {name for pair in _unexpected(people, known, carried) for name in pair}
    candidates = sorted({*suspects, *sorted(others)[:_MOST_SUSPECTS]})
    total = sum(map(len, found.values()))
    solutions = {}
    for a, b in combinations(candidates, 2):
        if not found[a] and not found[b]:
            continue
        after = conflicts(people, known, {**carried, a: b, b: a})
        if not after[a] and not after[b] and sum(map(len, after.values())) <= total - len(found[a]) - len(found[b]):
            solutions[a, b] = {name for name in suspects if not after[name]}
    unique = [
        pair for pair, solved in solutions.items()
        if not any(other != pair and solved & rival and not rival < solved for other, rival in solutions.items())
    ]  # fmt: skip
    return {x: y for a, b in unique for x, y in ((a, b), (b, a))}


def table(
    people: Mapping[str, Patient], known: Evidence, sex_by_depth: Mapping[str, str], impure: Mapping[str, Any]
) -> pd.DataFrame:
    """Table genotype_identity: one row a patient with genotypes; `impure`: patient -> foreign share by depths."""
    import pandas as pd

    found = conflicts(people, known, {name: name for name in people})
    partner = exchanged(people, known)
    rows = []
    for name, person in people.items():
        twins = sorted(other for pair in known.same if name in pair for other in pair - {name})
        remarks = [*found[name], *(f"the same genotypes as {t}" for t in twins)]
        depth = sex_by_depth.get(name, "unknown")
        if depth in _SEXES and person.sex in _SEXES and depth != person.sex:
            remarks.append(f"sex by depth of reads is {depth}, in the sheet {person.sex}")
        told = known.sex.get(name, "unknown") in _SEXES or name in known.reads or name in known.assessed
        verdict = "swap" if name in partner else "doubt" if remarks else "consistent" if told else "not assessed"
        if verdict == "not assessed":
            remarks = ["neither sex nor kinship nor reads could be compared"]
        rows.append(
            {"patient": name, "sex_sheet": person.sex, "sex_genotypes": known.sex.get(name, "unknown"),
             "sex_depth": depth, "n_conflicts": len(found[name]), "verdict": verdict,
             "likely_patient": partner.get(name, ""), **_purity(impure.get(name)), "reason": "; ".join(remarks)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _purity(row: Any) -> dict[str, Any]:
    if row is None:
        return {"contamination": float("nan"), "contamination_sites": 0, "contamination_verdict": "not assessed",
                "contamination_reason": "no file with allele depths (AD) at the reference's sites"}  # fmt: skip
    return {
        k: row[k] for k in ("contamination", "contamination_sites", "contamination_verdict", "contamination_reason")
    }
