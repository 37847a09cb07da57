"""The two tables behind written DICOM: what is kept and how, and what PS3.15 says of each attribute."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

RULES = ("number", "term", "uid", "class", "date", "time", "age", "empty", "subject", "kind", "sequence", "pointer",
         "pixels")  # fmt: skip


@dataclass(frozen=True)
class Keep:
    """How one attribute is kept: rule, and the values that rule "term" lets through."""

    rule: str
    terms: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Profile:
    """keep: tag -> how, everything else goes. named: tags that PS3.15 names as identifying (x: any digit)."""

    keep: dict[int, Keep]
    named: frozenset[str]

    def names(self, tag: int) -> bool:
        """Whether the basic profile of PS3.15 lists the attribute."""
        text = f"{tag:08X}"
        return text in self.named or text[:2] in ("50", "60") or f"{text[:2]}xx{text[4:]}" in self.named


def read(keep: Path, named: Path) -> Profile:
    """keep: resources/dicom_keep.tsv. named: resources/dicom_profile.tsv."""
    rules = {}
    for row in _rows(keep):
        if row["rule"] not in RULES:
            raise ValueError(f"{keep}: rule '{row['rule']}' of {row['keyword']}")
        rules[int(row["tag"], 16)] = Keep(row["rule"], frozenset(t for t in row["terms"].split("|") if t))
    return Profile(rules, frozenset(row["tag"] for row in _rows(named)))


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader((line for line in handle if not line.startswith("#")), delimiter="\t"))
