"""One document to findings: what is said, denied or hedged, about whom and when, and where it says so."""

from __future__ import annotations

from dataclasses import dataclass

from consilium.text import staging
from consilium.text.concepts import compiled
from consilium.text.cues import DENY_BEFORE, Status, status
from consilium.text.sentences import Sentence, sentences
from consilium.text.spelling import Mended


@dataclass(frozen=True, order=True)
class Finding:
    """document[start:end] == span. value: present or absent, or the stage, grade, size … itself."""

    start: int
    end: int
    concept: str
    value: str
    negated: bool
    uncertain: bool
    context: str
    span: str


@dataclass(frozen=True)
class _Mention:
    concept: str
    start: int
    end: int
    status: Status


def extract(document: str) -> list[Finding]:
    """Findings in the order of their spans. Offsets count the characters of the decoded document."""
    mended = Mended(document)
    out = set()
    for sentence in sentences(mended.text):
        for concept, value, start, end, said in _of_sentence(sentence):
            a, b = mended.original(sentence.start + start, sentence.start + end)
            out.add(Finding(a, b, concept, value, said.negated, said.uncertain, said.context, document[a:b]))
    return sorted(out)


def _of_sentence(sentence: Sentence) -> list[tuple[str, str, int, int, Status]]:
    text = sentence.text
    out = []
    mentions = _by_node_count(text, _mentions(sentence), sentence.context)
    for m in mentions:
        out.append((m.concept, "absent" if m.status.negated else "present", m.start, m.end, m.status))
        if m.concept == "nodule" and not m.status.negated:
            size = staging.size_mm(text, m.start)
            if size:
                out.append((size.concept, size.value, size.start, size.end, m.status))
    for v in staging.values(text):
        said = status(text, v.start, v.end, sentence.context)
        out.append((v.concept, v.value, v.start, v.end, Status(False, said.uncertain, said.context)))
    return out


def _mentions(sentence: Sentence) -> list[_Mention]:
    """Mentions of concepts; one inside a longer one of its own sentence is dropped."""
    text = sentence.text
    found: list[_Mention] = []
    for concept, pattern in compiled(denied=True):
        for hit in pattern.finditer(text):
            said = status(text, hit.start(), hit.end(), sentence.context)
            # "not negative", "no clear margins": too knotty to read, hence uncertain rather than affirmed
            knotty = Status(True, said.uncertain or said.negated, said.context)
            found.append(_Mention(concept, hit.start(), hit.end(), knotty))
    for concept, pattern in compiled():
        for hit in pattern.finditer(text):
            said = status(text, hit.start(), hit.end(), sentence.context)
            inside = DENY_BEFORE.search(text, hit.start() + 1, hit.end())
            said = Status(said.negated or bool(inside), said.uncertain, said.context)
            found.append(_Mention(concept, hit.start(), hit.end(), said))
    found.sort(key=lambda m: (m.start - m.end, m.start))
    kept: list[_Mention] = []
    for m in found:
        if not any(k.start <= m.start and m.end <= k.end for k in kept):
            kept.append(m)
    return kept


def _by_node_count(text: str, mentions: list[_Mention], context: str) -> list[_Mention]:
    """Where a sentence counts lymph nodes, the count decides: 0/14 denies, 2/14 affirms a node metastasis."""
    count = staging.node_count(text)
    if count is None or context != "current":
        return mentions
    involved, _, match = count
    decided = Status(involved == 0, False, context)
    nodes = [m for m in mentions if m.concept == "lymph node metastasis"]
    others = [m for m in mentions if m.concept not in ("lymph node metastasis", "metastasis")]
    if not nodes:
        return [*others, _Mention("lymph node metastasis", match.start(), match.end(), decided)]
    return [*others, *(_Mention(m.concept, m.start, m.end, decided) for m in nodes[:1])]
