"""Mends single typing errors in long medical words, keeping where each character came from."""

from __future__ import annotations

import re
from functools import cache

from consilium.text.concepts import LONG_WORDS

SHORTEST = 7  # letters; shorter words have too many neighbours
_WORD = re.compile(r"[A-Za-z]{6,}")


class Mended:
    """text: the document with errors mended; original(start, end): offsets in the document of a span of it."""

    def __init__(self, document: str) -> None:
        pieces: list[str] = []
        self._shifts: list[tuple[int, int, int, int]] = []  # mended start, mended end, document start, document end
        at = length = 0
        for match in _WORD.finditer(document):
            right = mended_word(match[0])
            if right == match[0]:
                continue
            pieces += [document[at : match.start()], right]
            length += match.start() - at
            self._shifts.append((length, length + len(right), match.start(), match.end()))
            length += len(right)
            at = match.end()
        self.text = "".join([*pieces, document[at:]])

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Document offsets of text[start:end]; a mended word counts as a whole."""
        return self._place(start, False), self._place(end, True)

    def _place(self, position: int, is_end: bool) -> int:
        shift = 0
        for m_start, m_end, d_start, d_end in self._shifts:
            if position <= m_start if is_end else position < m_start:
                break
            if position <= m_end if is_end else position < m_end:
                return d_end if is_end else d_start
            shift = d_end - m_end
        return position + shift


@cache
def mended_word(word: str) -> str:
    """`word`, or the one long medical word that is a single letter away (capitals kept roughly)."""
    plain = word.lower()
    if len(plain) < SHORTEST - 1 or plain in LONG_WORDS:
        return word
    near = {w for w in _neighbours(plain) if w in LONG_WORDS and len(w) >= SHORTEST}
    if len(near) != 1:
        return word
    (right,) = near
    if _only_ending_differs(plain, right):  # another form of the word, no error: fractures, fractured
        return word
    return right.upper() if word.isupper() else right.capitalize() if word[0].isupper() else right


def _only_ending_differs(a: str, b: str) -> bool:
    """Alike up to the last letter of the longer one."""
    return a[: max(len(a), len(b)) - 1] == b[: max(len(a), len(b)) - 1]


def _neighbours(word: str) -> set[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    out = {a + b[1:] for a, b in cuts if b}
    out |= {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    out |= {a + c + b[1:] for a, b in cuts if b for c in letters}
    out |= {a + c + b for a, b in cuts for c in letters}
    return out - {word}
