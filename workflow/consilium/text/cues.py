"""Words that deny, hedge or place in the past or in the family, and how far they reach.

The method is that of NegEx (10.1006/jbin.2001.1029) and ConText (10.1016/j.jbi.2009.05.002): a cue acts on what
stands before or behind it up to a word that ends its reach. The word lists are this project's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEEN = (
    "seen|identified|present|demonstrated|visuali[sz]ed|noted|evident|found|detected|appreciated|observed|shown|involved"
    "|recogni[sz]ed|suspected|suggested|apparent|felt|performed|palpable|reported|known|enlarged|complaining"
)
# Phrases that look like a denial and are none: they are struck out before cues are sought.
NOT_A_DENIAL = re.compile(
    r"\bno (?:significant |interval |appreciable |acute |major |further |definite )*"
    r"(?:change|increase|decrease|improvement|worsening|progression)\b"
    r"|\bnot (?:only|necessarily|significantly changed|changed|certain (?:if|whether))\b"
    r"|\bgram[- ]negative\b|\bwithout (?:difficulty|change|incident|complications?)\b|\bno longer than\b"
    r"|\bno (?:comparison|prior|previous)s?(?: \w+){0,2}\b|\bnot (?:been )?(?:feeling|doing)\b|\bnegative pressure\b",
    re.I,
)
HEDGE_BEFORE = re.compile(
    r"\b(?:possibl[ey]|possibility of|probabl[ey]|likely|may|might|could|suspicio(?:us|n) (?:for|of)|suspect(?:ed)?"
    r"|concern(?:ing|ed)?(?: for| about| of)?|suggest(?:s|ed|ing|ive)?(?: of)?|question(?:able)?(?: of)?|equivocal"
    r"|(?:can ?not|can't|could not|not|difficult to|unable to) (?:be )?(?:rule out|exclude|completely exclude)"
    r"|rule out|r/o|to exclude|evaluate for|indeterminate|borderline|presumed|presumably|perhaps"
    r"|differential(?: diagnos[ei]s)?|vs\.?|versus"
    r"|if there is|should (?:there|he|she))(?=\W|$)",
    re.I,
)
HEDGE_AFTER = re.compile(
    r"\b(?:can ?not|can't|could not|not) (?:be )?(?:entirely |completely |definitely )?(?:excluded|ruled out)\b"
    r"|\b(?:is|are|was|were|be|also) (?:possible|suspected|likely|questioned|considered|favou?red)\b"
    r"|\bnot excluded\b|\b(?:difficult|hard|impossible) to (?:entirely |completely )?(?:exclude|rule out)\b|\?",
    re.I,
)
DENY_BEFORE = re.compile(
    r"\b(?:no|not|non|without|w/o|den(?:y|ies|ied|ying)|negative|free|absen(?:ce|t)|lack(?:s|ed|ing)?"
    r"|never|neither|nor|none of|fails? to|failed to|ruled out|rules out|unremarkable for|resolved|resolution of"
    r"|clear of|exclud(?:es|ed)|cannot|didn't|doesn't|don't|wasn't|isn't|aren't|hasn't"
    r"|test(?:ed|s)? negative)\b",
    re.I,
)
DENY_AFTER = re.compile(
    rf"\b(?:not|no longer|never)(?: \w+ly)? (?:been )?(?:{_SEEN})\b"
    r"|\b(?:absent|(?:is|are|was|were|been|be|:) ?negative|negative(?= *(?:[.,;)]|$))|ruled out|excluded|none"
    r"|resolved|uninvolved"
    r"|(?:is|are|was|were) den(?:y|ied)|unlikely|disappeared|subsided|free of|unremarkable)\b"
    r"|:\s*no\b(?! )|:\s*(?:no|none|absent|negative|nil|not)\b|\(-\)",
    re.I,
)
HISTORY_BEFORE = re.compile(
    r"\b(?:history(?: of)?|h/o|hx(?: of)?|status[- ]post|s/p|(?:past|previous|prior)(?! (?:study|exam"
    r"|examination|ct|mri"
    r"|films?|radiographs?|x-?rays?|reports?|imaging|studies|scans?|comparison))|previously|remote|in the past"
    r"|as a child"
    r"|years? ago|months? ago)\b",
    re.I,
)
HISTORY_AFTER = re.compile(r"\b(?:in (?:19|20)\d\d|years? ago|in the past|in childhood|as a child)\b", re.I)
FAMILY = re.compile(
    r"\b(?:family (?:medical )?history|family hx|(?:his|her|the patient's)? ?(?:mother|father|brother|sister|aunt|uncle"
    r"|grand(?:mother|father|parents?)|cousins?|siblings?|parents?|maternal|paternal|son|daughter))\b",
    re.I,
)
# Where the reach of a cue ends. "and" does not end it: "no nodes and no masses", "no effusion and consolidation".
STOP = re.compile(
    r"\b(?:but|however|although|though|except(?: for)?|aside from|apart from|other than|nevertheless|yet|still"
    r"|(?:which|who|that) (?:is|are|was|were|has|have|had|show\w*|may|might|could)|because|since|secondary to"
    r"|due to|as a cause"
    r"|there (?:is|are|was|were)|presents? with|presented with|(?:and|,) +(?:he|she|it|they|the patient|patient)"
    r"|he (?:has|had)|she (?:has|had)|consistent with|compatible with|showing|shows?|showed|reveal(?:s|ed)?"
    r"|status[- ]post|s/p"
    r"|developed|positive(?: for)?|now)\b|;|:(?!\d)|\.\s",
    re.I,
)
# A guess reaches over its reasons: "may be due to crowding or edema".
HEDGE_STOP = re.compile(r"\b(?:but|however|although|though|there (?:is|are|was|were))\b|;|:(?!\d)|\.\s", re.I)
# A list after "denies any a, b, c" is denied to its end; a bare "not" reaches only this many words.
SHORT_REACH = re.compile(r"^(?:not|cannot|never|didn't|doesn't|don't|wasn't|isn't|aren't|hasn't)$", re.I)
WORDS_OF_NOT, WORDS_AFTER, WORDS_OF_PAST = 10, 8, 12


@dataclass(frozen=True)
class Status:
    """What a sentence says about a mention; context: current, history or family."""

    negated: bool
    uncertain: bool
    context: str


def status(sentence: str, start: int, end: int, context: str = "current") -> Status:
    """Status of the mention sentence[start:end]; `context` is what its section says."""
    plain = _struck(sentence, NOT_A_DENIAL)
    hedged = _before(plain, start, HEDGE_BEFORE, stop=HEDGE_STOP) or _after(plain, end, HEDGE_AFTER)
    without_hedges = _struck(_struck(plain, HEDGE_AFTER), HEDGE_BEFORE)
    negated = _before(without_hedges, start, DENY_BEFORE) or _after(without_hedges, end, DENY_AFTER)
    if FAMILY.search(plain[:start]) and not re.search(r"\bpatient\b", plain[:start].split(";")[-1], re.I):
        context = "family"
    elif context == "current" and (
        _before(plain, start, HISTORY_BEFORE, WORDS_OF_PAST) or _after(plain, end, HISTORY_AFTER)
    ):
        context = "history"
    return Status(negated, hedged, context)


def _struck(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda m: " " * len(m[0]), text)


def _before(text: str, start: int, cue: re.Pattern[str], most_words: int = 99, stop: re.Pattern[str] = STOP) -> bool:
    """A cue before the mention whose reach does not end before it."""
    for match in cue.finditer(text, 0, start):
        between = text[match.end() : start]
        words = len(between.split())
        limit = WORDS_OF_NOT if SHORT_REACH.match(match[0]) else most_words
        if words <= limit and not stop.search(between):
            return True
    return False


def _after(text: str, end: int, cue: re.Pattern[str]) -> bool:
    match = cue.search(text, end)
    if not match:
        return False
    between = text[end : match.start()]
    return len(between.split()) <= WORDS_AFTER and not STOP.search(between)
