"""Stage, TNM categories, grade, sizes and node counts as texts write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ROMAN = {"0": 0, "I": 1, "II": 2, "III": 3, "IV": 4}
_STAGE = re.compile(
    r"(?<![TNM] )(?<!end )(?<!end-)\bstag(?:e|ing)\b(?: group(?:ing)?| classification| disease|/prognostic group"
    r"| ?\([^)]{0,40}\)|,? ?(?:pathologic(?:al)?|clinical|ajcc|figo|uicc|tnm|is|of|at least|overall|\w+ edition))*"
    r"\s*[:=-]?\s*(?P<value>(?:IV|III|II|I|[0-4])(?:[A-Da-d]\d?)?)(?![\w/])(?!\s?(?:/|of|-) ?\d)",
    re.IGNORECASE,
)
# Stages of something else than a tumour.
_OTHER = re.compile(r"fibrosis|kidney|renal|ckd|ulcer|decubit|sleep|labor|labour|heart failure|hypertension", re.I)
_T = r"T\s?(?P<T>is|[0-4][a-d]?\d?|[Xx])(?:\([^)]{0,12}\))?"
_N = r"N\s?(?P<N>[0-3O][a-c]?|[Xx])(?:\([^)]{0,12}\))?"
_M = r"M\s?(?P<M>[01O][a-c]?|[Xx])(?:\([^)]{0,12}\))?"
_PREFIX = r"y?[pcr]{0,2}"
_TNM = re.compile(
    rf"(?<![A-Za-z\d]){_PREFIX}{_T}[\s,;./]{{0,3}}{_PREFIX}{_N}"
    rf"(?:[\s,;./]{{0,3}}(?:\(?\d+/\d+\)?[\s,;]*)?{_PREFIX}{_M})?(?![A-Za-z\d])"
)
_SINGLE = re.compile(rf"(?<![A-Za-z\d])(?:y?[pc]{_T}|y?[pc]{_N}|y?[pc]{_M})(?![A-Za-z\d])")
_GRADE = re.compile(
    r"\b(?:(?P<other>nuclear|cytologic) )?(?:histolog(?:ic|ical) |nottingham |who |figo |tumou?r |combined |overall "
    r"|fuhrman |isup |bloom[- ]richardson )*grade(?:\s*[:=-])?(?: \([^)]{0,30}\))?\s*(?:is |of )?:?\s*(?:G ?)?"
    r"(?P<value>[1-4]|IV|III|II|I)\b(?!\s?(?:mm|cm|\.\d))",
    re.I,
)
_SHORT_GRADE = re.compile(r"(?<![A-Za-z\d])G\s?(?P<value>[1-4])(?![A-Za-z\d/-])")
_WORDS = re.compile(
    r"\b(?:(?P<first>well|moderately|poorly)(?:[- ](?:to|and)[- ]|[-/ ]))?"
    r"(?P<value>well|moderately|poorly)[- ]?differentiated"
    r"|\b(?P<none>undifferentiated|anaplastic)\b",
    re.I,
)
_OF_WORDS = {"well": 1, "moderately": 2, "poorly": 3}
_GLEASON = re.compile(r"\bgleason\b[^.;\n]{0,30}?(?P<a>[1-5])\s*\+\s*(?P<b>[1-5])", re.I)
_SIZE = re.compile(
    r"(?P<sizes>\d+(?:[.,]\d+)?(?:\s*(?:x|×|by)\s*\d+(?:[.,]\d+)?){0,2})\s*-?(?P<unit>mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\b",
    re.I,
)
_COUNT = re.compile(r"(?<![\d.])(?P<k>\d{1,2})\s*(?:/|of|out of)\s*(?P<n>\d{1,3})(?![\d/.]\d)", re.I)
_NODES = re.compile(r"\b(?:lymph[- ]?nodes?|nodes?|nodal)\b", re.I)


@dataclass(frozen=True)
class Value:
    """A value read from a sentence: sentence[start:end] says it."""

    concept: str
    value: str
    start: int
    end: int


def values(sentence: str) -> Iterator[Value]:
    """Stage (I to IV with letter), T, N, M category, grade (1-4), Gleason score and node counts of a sentence."""
    yield from _stages(sentence)
    yield from _tnm(sentence)
    yield from _grades(sentence)
    for match in _GLEASON.finditer(sentence):
        yield Value("Gleason score", str(int(match["a"]) + int(match["b"])), match.start(), match.end())


def size_mm(sentence: str, near: int) -> Value | None:
    """The size nearest to position `near`, its largest dimension in mm."""
    best = min(_SIZE.finditer(sentence), key=lambda m: min(abs(m.start() - near), abs(m.end() - near)), default=None)
    if best is None:
        return None
    factor = 10 if best["unit"].lower().startswith("c") else 1
    numbers = [float(x.replace(",", ".")) for x in re.findall(r"\d+(?:[.,]\d+)?", best["sizes"])]
    return Value("nodule size", f"{max(numbers) * factor:g}", best.start(), best.end())


def node_count(sentence: str) -> tuple[int, int, re.Match[str]] | None:
    """(involved, examined, match) of "2/12 lymph nodes" and the like; None where there is none."""
    if not _NODES.search(sentence):
        return None
    for match in _COUNT.finditer(sentence):
        k, n = int(match["k"]), int(match["n"])
        if k <= n and n > 0:
            return k, n, match
    return None


def ordinal(concept: str, value: str) -> float | None:
    """The value as a number for features: stage and grade 1-4, T/N/M category by its digit; None where it has none."""
    if concept == "stage":
        return float(ROMAN[re.sub(r"[A-D]\d?$", "", value)])
    found = re.match(r"\d+(?:\.\d+)?", value)
    return float(found[0]) if found else (0.0 if value == "is" else None)


def _stages(sentence: str) -> Iterator[Value]:
    for match in _STAGE.finditer(sentence):
        around = sentence[max(0, match.start() - 60) : match.end() + 25]
        raw = match["value"]
        roman = re.match(r"(?:IV|III|II|I)", raw)
        if _OTHER.search(around) or (raw[0].isalpha() and not roman):
            continue
        number = roman[0] if roman else {str(v): k for k, v in ROMAN.items()}[raw[0]]
        letter = raw[len(roman[0]) if roman else 1 :].upper()
        yield Value("stage", number + letter, match.start(), match.end())


def _tnm(sentence: str) -> Iterator[Value]:
    whole = list(_TNM.finditer(sentence))
    single = [m for m in _SINGLE.finditer(sentence) if not any(w.start() <= m.start() < w.end() for w in whole)]
    for match in [*whole, *single]:
        for letter, value in match.groupdict().items():
            if value:
                plain = value.replace("O", "0") if letter != "T" else value
                plain = "X" if plain in "Xx" else plain
                yield Value(f"{letter} category", plain, match.start(letter), match.end(letter))


def _grades(sentence: str) -> Iterator[Value]:
    long = list(_GRADE.finditer(sentence))
    for match in long:
        if not match["other"]:
            value = match["value"].upper()
            yield Value("grade", str(ROMAN.get(value, value)), match.start(), match.end())
    for match in _SHORT_GRADE.finditer(sentence):
        if any(m.start() < match.start() < m.end() for m in long):
            continue
        yield Value("grade", match["value"], match.start(), match.end())
    for match in _WORDS.finditer(sentence):
        worst = 4 if match["none"] else max(_OF_WORDS[w.lower()] for w in (match["first"], match["value"]) if w)
        yield Value("grade", str(worst), match.start(), match.end())
