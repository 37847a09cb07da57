"""What in a report names a person, a place or a number, by rules; what is found is left out of the words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from consilium.text.concepts import LONG_WORDS

NAME, NUMBER, DATE = "<name>", "<number>", "<date>"
# A name or an initial. It starts where a word starts and has a length, else odd texts take quadratic time.
_PART = r"(?<![\w'’-])(?:[A-ZÀ-Þ][\w'’-]{1,40}(?!\w)|[A-ZÀ-Þ]\.?(?!\w))"
_NAMES = rf"({_PART}(?:[ \t]+{_PART}){{0,3}})"
_CAPITALS = 2  # words of a run in capitals that are taken as a name: a whole report may be in capitals
_TITLE = re.compile(rf"\b(?i:drs?|mrs?|ms|miss|prof|professor|doctor|nurse)\b\.?[ \t]+{_NAMES}")
_DEGREE = re.compile(rf"{_NAMES},?[ \t]+(?:M\.?D|D\.?O|Ph\.?D|R\.?N|P\.?A|M\.?B\.?B\.?S|F\.?R\.?C\.?\w*)\b")
_BY = re.compile(
    r"\b(?i:signed|dictated|reported|reviewed|verified|read|transcribed|referred|requested|performed|approved)"
    rf"(?i:[ \t]+electronically)?[ \t]+(?i:by)[: \t]+{_NAMES}"
)
_NAMED = re.compile(
    r"\b(?i:(?:(?:patient|first|last|middle|full)(?:'s)?[ _]?)?names?|surname|physician|doctor|surgeon|radiologist"
    rf"|pathologist|attending|resident|signature)[ \t]*[:=][ \t]*{_NAMES}(?:,[ \t]*{_NAMES})?"
)
# What follows on such a line is left out up to the next full stop.
_FIELD = re.compile(
    r"\b(?:(?:patient|family|first|last|middle|full)(?:'s)?[ _]?names?|name|patient(?: id)?|surname|mrn|ssn|dob"
    r"|date of birth|accession(?: (?:no|number))?|medical record(?: (?:no|number))?|address|street|city|hospital"
    r"|institution|phone|telephone|fax|e-?mail|(?:referring |attending )?(?:physician|doctor|surgeon)|radiologist"
    r"|pathologist|attending|resident|technologist|signature|cc)[ \t]*[:=][ \t]*[^\n.;]{0,80}",
    re.I,
)
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@\S{1,255}|\b(?:https?://|www\.)\S+", re.I)
_LETTERS = re.compile(r"[^\W\d_]+")
_SHORT = 3  # letters from which a name found once is left out wherever the patient's reports have it
_FUNCTION = re.compile("and|are|but|for|had|has|have|her|his|not|she|that|the|this|was|were|who|will|with")
_EPONYM = re.compile(
    "alzheimer|barrett|bosniak|breslow|broca|brodmann|clark|crohn|ewing|fuhrman|gleason|graves|hashimoto|hodgkin"
    "|kaposi|kerley|kupffer|langerhans|mallory|meckel|merkel|monro|nottingham|paget|papanicolaou|parkinson|schwann"
    "|sertoli|warthin|wilms|wilson"
)


def hidden(documents: Iterable[str], known: Iterable[str] = ()) -> frozenset[str]:
    """Words in lower case that are left out wherever the reports of a patient have them.

    Names behind a title, before a degree, after "signed by" or in a field for them, and `known`: names of the patient
    and family in the sheet.
    """
    found = {w.lower() for name in known for w in _LETTERS.findall(name)}
    for text in documents:
        for pattern in (_TITLE, _DEGREE, _BY, _NAMED):
            for match in pattern.finditer(text):
                for run in match.groups(""):
                    found |= {w.lower() for w in _LETTERS.findall(_name(run))}
    return frozenset(w for w in found if len(w) >= _SHORT and w not in LONG_WORDS and not _FUNCTION.fullmatch(w))


def without(text: str) -> str:
    """The report with fields, addresses and names found by the rules replaced by a mark."""
    for pattern in (_ADDRESS, _FIELD):
        text = pattern.sub(f" {NAME} ", text)
    for pattern in (_TITLE, _DEGREE, _BY):
        text = pattern.sub(lambda m: m[0].replace(_name(m[1]), NAME, 1), text)
    return text


def is_name(word: str, opens: bool, small: frozenset[str]) -> bool:
    """Is a word with a capital inside a sentence a name? small: words that the patient's reports have in lower case.

    opens: the word opens a sentence. Words all in capitals are no news.
    """
    plain = word.lower()
    if opens or not word[0].isupper() or (len(word) > 1 and word.isupper()):
        return False
    return plain not in small and plain not in LONG_WORDS and not _EPONYM.fullmatch(plain)


def _name(run: str) -> str:
    """Of a run of words in capitals the first ones, else the whole run."""
    parts = run.split()
    return " ".join(parts[:_CAPITALS]) if run.isupper() and len(parts) > _CAPITALS else run
