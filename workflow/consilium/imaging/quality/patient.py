"""What the images of one patient say about each other: one head, the same way round, one person in the headers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from consilium.imaging.outcome import Outcome, rounded
from consilium.imaging.quality import relations

Facts = dict[str, Any]


def related(heads: dict[str, Outcome], persons: dict[str, str]) -> Facts:
    """Facts for relations.json: pairs with their numbers, and reasons by sample.

    heads: sample -> outcome of structural images; those not registered are left out. persons: sample -> hash of the
    person that a DICOM header names, kept in memory only. Every registered image is laid on the first of them.
    """
    names = [n for n, o in heads.items() if o.alignment is not None and not o.alignment.reason and o.volume is not None]
    pairs = [_pair(names[0], other, heads) for other in names[1:]]
    reasons: dict[str, list[str]] = {}
    for pair in pairs:
        if pair["finding"]:
            for own, other in ((pair["a"], pair["b"]), (pair["b"], pair["a"])):
                reasons.setdefault(own, []).append(f"compared with {other}: {pair['finding']}")
    for own, other in combinations(sorted(n for n, p in persons.items() if p), 2):
        if persons[own] != persons[other]:
            for one, two in ((own, other), (other, own)):
                reasons.setdefault(one, []).append(f"its DICOM headers name another person than those of {two}")
    return {"pairs": pairs, "reasons": reasons}


def _pair(a: str, b: str, heads: dict[str, Outcome]) -> Facts:
    first, second = heads[a].volume, heads[b].volume
    assert first is not None and second is not None
    found = relations.compare(*first, *second)
    return {
        "a": a,
        "b": b,
        "information": rounded(found.information),
        "mirrored": rounded(found.mirrored),
        "preference": rounded(found.preference),
        "stretches": [rounded(float(s)) for s in np.array(found.stretches)],
        "finding": found.finding,
    }
