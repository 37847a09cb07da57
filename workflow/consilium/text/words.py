"""Reports as words that a model may read: in lower case, without names, dates and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import xarray as xr

from consilium.core import blocks
from consilium.core.sheets import Patient
from consilium.text import identifiers
from consilium.text.identifiers import DATE, NAME, NUMBER
from consilium.text.reading import Document

REPORT, STOP = "<report>", "."
MARKS = (NAME, NUMBER, DATE, REPORT)
_PIECE = re.compile(
    r"<name>|[^\W\d_]{1,4}\d{1,2}[^\W\d_]?(?![\w./-])|[^\W_]*\d(?:[\w./:,-]*\w)?|[^\W\d_]+|[.;!?:]|\n\s*"
)
_SHORT_CODE = re.compile(r"[^\W\d_]{1,4}\d{1,2}[^\W\d_]?")  # T2, N0, G3, HER2, p53, CK7: too short for an identifier
_DATE = re.compile(
    "january|february|april|june|july|august|september|october|november|december"
    "|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
)
# Also words or names; dates only beside a number.
_DATE_BY_NUMBER = re.compile("may|march|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun")


def of_patient(documents: Sequence[Document], person: Patient, most: int) -> list[tuple[str, str]]:
    """(document, word) of the first `most` words of the reports not dated after the index date, newest report first.

    A report opens with REPORT; sentences end with STOP. Reports without a date come last.
    """
    mine = [d for d in documents if not _late(d, person)]
    mine.sort(key=lambda d: (d.kind, d.name))
    mine.sort(key=lambda d: d.taken_on, reverse=True)
    texts = [d.text for d in mine]
    hidden = identifiers.hidden(texts, (person.patient, person.family))
    small = frozenset(w for t in texts for w in re.findall(r"\b[^\W\d_A-ZÀ-Þ][^\W\d_]*", t) if w.islower())
    out: list[tuple[str, str]] = []
    for document in mine:
        out += [(document.name, w) for w in (REPORT, *words(document.text, hidden, small))]
        if len(out) >= most:
            break
    return out[:most]


def words(text: str, hidden: frozenset[str] = frozenset(), small: frozenset[str] = frozenset()) -> list[str]:
    """Words of one report in order; hidden, small: see identifiers."""
    pieces = _PIECE.findall(identifiers.without(text))
    out: list[str] = []
    opens = True
    for i, piece in enumerate(pieces):
        if piece == ":" or piece.count("\n") == 1:  # what follows a heading or stands on a line of its own may open
            opens = True
            continue
        word = _word(piece, opens, hidden, small, pieces[max(i - 1, 0) : i + 2])
        opens = word == STOP
        if not (out and out[-1] == word and word in (*MARKS, STOP)):  # a name of three words is one name
            out.append(word)
    return out


def _word(piece: str, opens: bool, hidden: frozenset[str], small: frozenset[str], around: list[str]) -> str:
    plain = piece.lower()
    if piece == NAME or plain in hidden:
        return NAME
    if not piece.strip() or piece in ".;!?":
        return STOP
    if _SHORT_CODE.fullmatch(piece):
        return plain
    if any(c.isdigit() for c in piece):
        return NUMBER
    if _DATE.fullmatch(plain) or (_DATE_BY_NUMBER.fullmatch(plain) and any(c[0].isdigit() for c in around)):
        return DATE
    return NAME if identifiers.is_name(piece, opens, small) else plain


def block(rows: Sequence[tuple[str, str]], reasons: dict[str, str], people: list[Patient], most: int) -> xr.Dataset:
    """Block words from (patient, word) in order; reasons: see tables.reasons."""
    vocabulary = sorted({w for _, w in rows})
    place = {w: i for i, w in enumerate(vocabulary)}
    row_of = {p.patient: i for i, p in enumerate(people)}
    values = np.full((len(people), most), np.nan, dtype=np.float32)
    length = np.zeros(len(people), dtype=int)
    for patient, word in rows:
        i = row_of[patient]
        values[i, length[i]] = place[word]
        length[i] += 1
    why = [reasons.get(p.patient, "not supplied") for p in people]
    return blocks.words("text", "Words of report texts", [p.patient for p in people], values, vocabulary, why)


def _late(document: Document, person: Patient) -> bool:
    return bool(person.index_date and document.taken_on and document.taken_on[:10] > person.index_date[:10])
