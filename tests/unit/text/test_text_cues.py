"""Denied, hedged, past, somebody else's: own sentences, and the NegEx test sentences where they are present."""

from pathlib import Path

import pytest
from consilium.text.cues import status
from consilium.text.sentences import sentences


def said(sentence: str):  # type: ignore[no-untyped-def]
    """Status of the words between * *."""
    before, mention, after = sentence.split("*")
    return status(before + mention + after, len(before), len(before) + len(mention))


@pytest.mark.parametrize(
    ("sentence", "negated"),
    [
        ("No evidence of *effusion*.", True),
        ("Negative for *fracture*.", True),
        ("The lungs are free of *nodules*.", True),
        ("*Pneumothorax* is not identified.", True),
        ("*Perineural invasion*: absent.", True),
        ("*Metastasis* was ruled out.", True),
        ("No nausea, vomiting, or *pain*.", True),
        ("She denies any fever, chills, night sweats and *cough*.", True),
        ("No effusion but a small *nodule*.", False),
        ("No pneumothorax; *effusion* on the left.", False),
        ("No effusion, there is a *nodule*.", False),
        ("No change in the *nodule*.", False),
        ("No significant interval change of the *mass*.", False),
        ("Not only *edema*.", False),
        ("Gram negative *pneumonia*.", False),
        ("*Effusion* has increased.", False),
        ("COMPLICATIONS: None. DIAGNOSIS: *hernia*.", False),
        ("A *nodule* is seen. No effusion.", False),
    ],
)
def test_denial(sentence: str, negated: bool) -> None:
    assert said(sentence).negated is negated


@pytest.mark.parametrize(
    ("sentence", "uncertain", "negated"),
    [
        ("Possible *infarct*.", True, False),
        ("*Consolidation* cannot be excluded.", True, False),
        ("Opacity suspicious for *carcinoma*.", True, False),
        ("Changes that may be due to crowding or *edema*.", True, False),
        ("Cannot rule out *fracture*.", True, False),
        ("*Atelectasis* vs scar.", False, False),
        ("Scar vs *atelectasis*.", True, False),
        ("Differential diagnosis includes *edema*.", True, False),
        ("Definite *infarct*.", False, False),
    ],
)
def test_hedging(sentence: str, uncertain: bool, negated: bool) -> None:
    assert (said(sentence).uncertain, said(sentence).negated) == (uncertain, negated)


@pytest.mark.parametrize(
    ("sentence", "context"),
    [
        ("History of *pneumonia* in 2015.", "history"),
        ("Status post *fracture*.", "history"),
        ("*Infarct* ten years ago.", "history"),
        ("Compared with the prior study, the *nodule* has grown.", "current"),
        ("His mother had *carcinoma*.", "family"),
        ("Family history: *diabetes*.", "family"),
        ("Mother well; the patient has *edema*.", "current"),
        ("There is *edema*.", "current"),
    ],
)
def test_context(sentence: str, context: str) -> None:
    assert said(sentence).context == context


@pytest.mark.data
def test_negex_sentences(real_data: Path) -> None:
    """F1 of "negated" on the open half of the NegEx annotations; a one-page rule reaches .950."""
    counts = {"tp": 0, "fp": 0, "fn": 0}
    lines = (real_data / "text/negex/annotations_open.txt").read_text(encoding="utf-8").split("\n")[1:]
    for line in lines:
        if not line.strip():
            continue
        _, concept, sentence, truth, *_ = (c.strip().strip('"') for c in line.split("\t"))
        at = sentence.find(concept.upper())
        found = False
        for piece in sentences(sentence):
            if at >= 0 and piece.start <= at < piece.start + len(piece.text):
                start = at - piece.start
                found = status(piece.text, start, min(start + len(concept), len(piece.text))).negated
        true = truth == "Negated"
        counts["tp"] += found and true
        counts["fp"] += found and not true
        counts["fn"] += true and not found
    f1 = 2 * counts["tp"] / (2 * counts["tp"] + counts["fp"] + counts["fn"])
    assert f1 > 0.96, counts
