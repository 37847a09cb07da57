"""Documents to sections and sentences; every piece knows its offsets in the document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

# A heading: at the start of a line or sentence, words ending in a colon; in capitals it may stand anywhere there.
_HEADING = re.compile(
    r"(?:(?<=\n)|(?<=^)|(?<=[.!?]\s)|(?<=[.!?]\s\s))[ \t]*(?P<name>[A-Z][A-Za-z0-9 ,/&()'-]{2,60}?)\s?:", re.MULTILINE
)
_LINE_HEADING = re.compile(r"^[ \t]*(?P<name>[A-Z][A-Z /&-]{3,40})[ \t]*$", re.MULTILINE)
_END = re.compile(
    r"(?<!\bDr)(?<!\bNo)(?<!\bvs)(?<!\bapprox)(?<!\bMr)(?<!\bMs)(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)"
    r"|\n[ \t]*\n|\n(?=[ \t]*(?:[-*•]|\d+[.)])\s)|;(?=\s*\n)"
)
_BREAK = re.compile(r"\n(?=[ \t]*[A-Z])")
_WRAPPED = 60  # characters from which a line without full stop is taken as wrapped by its width

FAMILY = re.compile(r"family (?:medical )?history|family hx", re.I)
PAST = re.compile(
    r"history|indication|reason for|clinical (?:data|info|information|details|question|diagnosis)"
    r"|pre-?op(?:erative)?|comparison|referral|prior|previous|technique",
    re.I,
)


@dataclass(frozen=True)
class Sentence:
    """text == document[start : start + len(text)]; section: heading above it in lower case, "" without one."""

    text: str
    start: int
    section: str

    @property
    def context(self) -> str:
        """history, family or current, as the section alone says."""
        if FAMILY.search(self.section):
            return "family"
        return "history" if PAST.search(self.section) else "current"


def sentences(document: str) -> list[Sentence]:
    """Sentences in order; headings belong to the sentence they open."""
    out = []
    for start, end, section in _sections(document):
        cuts = [start, *_cuts(document, start, end), end]
        for a, b in pairwise(cuts):
            piece = document[a:b]
            stripped = piece.strip()
            if stripped:
                out.append(Sentence(stripped, a + piece.index(stripped[0]), section))
    return out


def _sections(document: str) -> list[tuple[int, int, str]]:
    heads = [(m.start("name"), m["name"].strip().lower()) for m in _HEADING.finditer(document)]
    heads += [(m.start("name"), m["name"].strip().lower()) for m in _LINE_HEADING.finditer(document)]
    heads = sorted(dict(heads).items())
    if not heads or heads[0][0] > 0:
        heads.insert(0, (0, ""))
    ends = [start for start, _ in heads[1:]] + [len(document)]
    return [(start, end, name) for (start, name), end in zip(heads, ends, strict=True)]


def _cuts(document: str, start: int, end: int) -> list[int]:
    cuts = {m.end() for m in _END.finditer(document, start, end)}
    for match in _BREAK.finditer(document, start, end):
        line = document[document.rfind("\n", 0, match.start()) + 1 : match.start()]
        if len(line) < _WRAPPED or line.rstrip().endswith((".", ":", ";")):
            cuts.add(match.end())
    return sorted(c for c in cuts if start < c < end)
