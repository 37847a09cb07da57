"""Families by genotype, and where they and the sheet disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

BARE = "files with hardly any reference call: only looked at for being one person twice"
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
    samples: Sequence[str], kinship: pd.DataFrame, sheet: Mapping[str, str], lacking: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """Table families: one row a patient with genotypes. `sheet`: patient -> family in patients.tsv ("" unknown)."""
    import pandas as pd

    close = kinship[kinship["relationship"].isin(_CLOSE)]
    pairs = list(zip(close["patient_a"], close["patient_b"], close["relationship"], strict=True))
    number = components(samples, [(a, b) for a, b, _ in pairs])
    size = Counter(number.values())
    names = {n: f"F{k + 1}" for k, n in enumerate(sorted(n for n in size if size[n] > 1))}
    relatives: dict[str, dict[str, str]] = {name: {} for name in samples}
    for a, b, degree in pairs:
        relatives[a][b] = relatives[b][a] = degree
    members: dict[str, list[str]] = {}
    for name in samples:
        members.setdefault(sheet.get(name, ""), []).append(name)
    rows = []
    for name, bare in zip(samples, lacking, strict=True):
        own = sheet.get(name, "")
        agrees, reason = _compare(own, relatives[name], sheet, set(members[own]) - {name} if own else set(), bare)
        rows.append((name, names.get(number[name], ""), own, len(relatives[name]), agrees, reason))
    return pd.DataFrame(rows, columns=["patient", "family", "sheet_family", "n_relatives", "agrees", "reason"])


def _compare(
    own: str, relatives: Mapping[str, str], sheet: Mapping[str, str], members: set[str], bare: bool
) -> tuple[str, str]:
    """yes, no or not assessed, and why, for a patient of family `own` with `members` beside the patient."""
    twice = [f"the same genotypes as {o}: one person under two names, or twins" for o, d in relatives.items()
             if d == "duplicate"]  # fmt: skip
    if bare:
        return "no" if twice else "not assessed", "; ".join([*twice, BARE])
    if not any(sheet.values()):
        return "no" if twice else "not assessed", "; ".join(twice or ["no families in the sheet"])
    apart = [f"{o} ({d})" for o, d in relatives.items() if d != "duplicate" and (not own or o not in members)]
    found = [f"related to {', '.join(sorted(apart))}, not of the same family in the sheet"] if apart else []
    if members and not members & relatives.keys():
        found.append(f"related to nobody of family {own} ({', '.join(sorted(members))})")
    return "no" if twice or found else "yes", "; ".join([*twice, *found])
