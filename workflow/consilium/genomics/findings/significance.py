"""What ClinVar's words say: classification, conflict, review stars; every spelling from 2012 to today."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONFLICTING = "conflicting"
# https://www.ncbi.nlm.nih.gov/clinvar/docs/review_status/; the second half are the spellings before 2017.
_STARS = {
    "practice guideline": 4,
    "reviewed by expert panel": 3,
    "criteria provided, multiple submitters, no conflicts": 2,
    "criteria provided, multiple submitters": 2,
    "criteria provided, single submitter": 1,
    "criteria provided, conflicting classifications": 1,
    "criteria provided, conflicting interpretations": 1,
    "guideline": 4,
    "exp": 3,
    "mult": 2,
    "single": 1,
    "conf": 1,
    "no criteria": 0,
    "no assertion": 0,
}
_CODES = {"0": "uncertain significance", "1": "not provided", "2": "benign", "3": "likely benign",
          "4": "likely pathogenic", "5": "pathogenic", "6": "drug response", "7": "histocompatibility",
          "255": "other"}  # fmt: skip
_CLASSES = {"pathogenic": "P", "likely pathogenic": "LP"}
_COUNTED = re.compile(r"([^|()]+?)\((\d+)\)")
_LOW = ", low penetrance"


@dataclass(frozen=True)
class Significance:
    """kind: P, LP, P/LP or conflicting. text: ClinVar's words. low_penetrance: every P or LP in it is of that sort."""

    kind: str
    text: str
    low_penetrance: bool = False


def words(text: str) -> str:
    """A value of an INFO field as people write it: blanks for underscores, escapes undone."""
    for escape, character in (("%2C", ","), ("\\x2c", ","), ("%3B", "|"), ("\\x3b", "|")):
        text = text.replace(escape, character)
    return text.replace("_", " ").strip()


def significance(clnsig: str, clnsigconf: str = "") -> Significance | None:
    """Classification of an aggregate record; None when nobody calls it pathogenic or likely pathogenic.

    `clnsig` as in the file: words joined by | and /, with qualifiers such as risk_factor, or the number codes of the
    first releases. A conflict counts when P or LP is among the submissions of `clnsigconf`, or these are not given.
    """
    parts = [_CODES.get(p.strip(), p.strip()) for p in words(clnsig).split("|")]
    if any(p.lower().startswith("conflicting") for p in parts):
        counts = conflict(clnsigconf)
        if counts and not any(name.lower().removesuffix(_LOW) in _CLASSES for name in counts):
            return None
        return Significance(CONFLICTING, "; ".join(parts))
    found = [c.strip().lower() for p in parts for c in p.split("/")]
    named = [c for c in found if c.removesuffix(_LOW) in _CLASSES]
    if not named:
        return None
    if _is_code(clnsig) and {"uncertain significance", "benign", "likely benign"} & set(found):
        return Significance(CONFLICTING, "; ".join(dict.fromkeys(parts)))
    kinds = {_CLASSES[c.removesuffix(_LOW)] for c in named}
    return Significance("/".join(sorted(kinds, reverse=True)), "; ".join(dict.fromkeys(parts)),
                        all(c.endswith(_LOW) for c in named))  # fmt: skip


def _is_code(clnsig: str) -> bool:
    return all(p in _CODES for p in clnsig.split("|"))


def conflict(clnsigconf: str) -> dict[str, int]:
    """Submissions by classification, as CLNSIGCONF=Pathogenic(2)|Uncertain_significance(1); several separators."""
    return {name.strip(" ,"): int(n) for name, n in _COUNTED.findall(words(clnsigconf))}


def stars(clnrevstat: str) -> int:
    """Review stars, 0 to 4, higher is better reviewed; a status without criteria or of unknown name has none."""
    return max((_STARS.get(s.strip(), 0) for s in words(clnrevstat).split("|")), default=0)
