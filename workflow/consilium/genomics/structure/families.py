"""Families by genotype, and where they and the sheet disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

BARE = "files with hardly any reference call: only looked at for being one person twice"
ENOUGH_SITES = 500  # called in both, from which parents, children and siblings are hardly missed
_CLOSE = ("duplicate", "first degree", "second degree")  # make a family; third degree is too often chance


def components(samples: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Sample -> number of its connected component, numbered by first appearance."""
    root = {name: name for name in samples}

    def top(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for a, b in pairs:
        root[top(b)] = top(a)
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(top(name), len(numbers)) for name in samples}


def table(
    samples: Sequence[str], kinship: pd.DataFrame, sheet: Mapping[str, str], lacking: npt.NDArray[np.bool_],
    shared: Callable[[str, str], int],
) -> pd.DataFrame:  # fmt: skip
    """Table families: one row a patient with genotypes. `sheet`: patient -> family in patients.tsv ("" unknown).

    `shared`: number of kinship's sites called in both of two patients. A family member counts as unrelated only from
    ENOUGH_SITES of them on.
    """
    import pandas as pd

    close = kinship[kinship["relationship"].isin(_CLOSE)]
    pairs = list(zip(close["patient_a"], close["patient_b"], close["relationship"], strict=True))
    number = components(samples, [(a, b) for a, b, _ in pairs])
    size = Counter(number.values())
    names = {n: f"F{k + 1}" for k, n in enumerate(sorted(n for n in size if size[n] > 1))}
    relatives: dict[str, dict[str, str]] = {name: {} for name in samples}
    for a, b, degree in pairs:
        relatives[a][b] = relatives[b][a] = degree
    listed = {frozenset(pair) for pair in zip(kinship["patient_a"], kinship["patient_b"], strict=True)}
    members: dict[str, list[str]] = {}
    for name in samples:
        members.setdefault(sheet.get(name, ""), []).append(name)
    rows = []
    for name, bare in zip(samples, lacking, strict=True):
        own = sheet.get(name, "")
        family = set(members[own]) - {name} if own else set()
        unseen = set() if any({name, o} in listed for o in family) else family  # a listed cousin is family, too
        few = {o: n for o in unseen if (n := shared(name, o)) < ENOUGH_SITES}
        agrees, reason = _compare(own, relatives[name], sheet, family, unseen, few, bare)
        rows.append((name, names.get(number[name], ""), own, len(relatives[name]), agrees, reason))
    return pd.DataFrame(rows, columns=["patient", "family", "sheet_family", "n_relatives", "agrees", "reason"])


def _compare(
    own: str, relatives: Mapping[str, str], sheet: Mapping[str, str], members: set[str], unseen: set[str],
    few: Mapping[str, int], bare: bool,
) -> tuple[str, str]:  # fmt: skip
    """yes, no or not assessed, and why, for a patient of family `own` with `members` beside the patient.

    unseen: all the members, where none of them is among the kin; few: those with too few sites to tell (sites).
    """
    twice = [f"the same genotypes as {o}: one person under two names, or twins" for o, d in relatives.items()
             if d == "duplicate"]  # fmt: skip
    if bare:
        return "no" if twice else "not assessed", "; ".join([*twice, BARE])
    if not any(sheet.values()):
        return "no" if twice else "not assessed", "; ".join(twice or ["no families in the sheet"])
    apart = [f"{o} ({d})" for o, d in relatives.items() if d != "duplicate" and (not own or o not in members)]
    found = [f"related to {', '.join(sorted(apart))}, not of the same family in the sheet"] if apart else []
    if unseen and not few:
        found.append(f"related to nobody of family {own} ({', '.join(sorted(unseen))})")
    if twice or found or not few:
        return "no" if twice or found else "yes", "; ".join([*twice, *found])
    told = ", ".join(f"{few[o]} with {o}" for o in sorted(few))
    return "not assessed", f"too few sites called in both to tell relatives of family {own} ({told})"
