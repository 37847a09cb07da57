"""Reports to findings: values, spans that are true, typing errors, the planted truth of the demo grammar."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.simulate import texts
from consilium.text.extract import extract
from consilium.text.sentences import sentences
from consilium.text.spelling import Mended, mended_word
from consilium.text.staging import ordinal, size_mm, values
from hypothesis import given, settings
from hypothesis import strategies as st


def facts(document: str) -> set[tuple[str, str, bool, bool, str]]:
    return {(f.concept, f.value, f.negated, f.uncertain, f.context) for f in extract(document)}


def valued(sentence: str) -> list[tuple[str, str]]:
    return [(v.concept, v.value) for v in values(sentence)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Pathologic stage: IIB.", [("stage", "IIB")]),
        ("AJCC stage III disease", [("stage", "III")]),
        ("Stage group IV", [("stage", "IV")]),
        ("FIGO stage IA2.", [("stage", "IA2")]),
        ("stage 2", [("stage", "II")]),
        ("Pathologic Stage (AJCC): p stage IIA", [("stage", "IIA")]),
        ("Chronic kidney disease, stage 3", []),
        ("periportal fibrosis (stage 2)", []),
        ("end stage IV access", []),
        ("Stage 2 of 4", []),
        ("pT2a N1 M0", [("T category", "2a"), ("N category", "1"), ("M category", "0")]),
        ("pT1b, pN0(i-), pMX", [("T category", "1b"), ("N category", "0"), ("M category", "X")]),
        ("pNO", [("N category", "0")]),
        ("T2-weighted images, block T1", []),
        ("Histologic grade: G2.", [("grade", "2")]),
        ("WHO grade IV", [("grade", "4")]),
        ("Nottingham grade 3 of 3", [("grade", "3")]),
        ("nuclear grade 3", []),
        ("moderately to poorly differentiated", [("grade", "3")]),
        ("Well-differentiated", [("grade", "1")]),
        ("Gleason score 3 + 4 = 7", [("Gleason score", "7")]),
    ],
)
def test_values(sentence: str, expected: list[tuple[str, str]]) -> None:
    assert valued(sentence) == expected


@pytest.mark.parametrize(("value", "number"), [("IIB", 2), ("IV", 4), ("IA2", 1), ("0", 0)])
def test_stage_as_a_number(value: str, number: float) -> None:
    assert ordinal("stage", value) == number


def test_categories_as_numbers() -> None:
    assert [ordinal("T category", v) for v in ("2a", "X", "is")] == [2, None, 0]


@pytest.mark.parametrize(
    ("sentence", "mm"),
    [("A 9 mm nodule", "9"), ("nodule of 1.5 cm", "15"), ("nodule, 2,1 x 3 cm", "30"), ("an 8-mm nodule", "8")],
)
def test_sizes(sentence: str, mm: str) -> None:
    size = size_mm(sentence, sentence.index("nodule"))
    assert size is not None
    assert size.value == mm


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        ("All margins are uninvolved.", ("margin involvement", "absent", True, False, "current")),
        ("Surgical margins: positive.", ("margin involvement", "present", False, False, "current")),
        ("Carcinoma extends to the deep margin.", ("margin involvement", "present", False, False, "current")),
        ("14 lymph nodes, negative (0/14).", ("lymph node metastasis", "absent", True, False, "current")),
        ("Metastasis in 3 of 15 lymph nodes.", ("lymph node metastasis", "present", False, False, "current")),
        ("Axillary nodes 0/7.", ("lymph node metastasis", "absent", True, False, "current")),
        ("The heart is not enlarged.", ("cardiomegaly", "absent", True, False, "current")),
        ("Heart size is normal.", ("cardiomegaly", "absent", True, False, "current")),
        ("Heart is mildly enlarged.", ("cardiomegaly", "present", False, False, "current")),
        ("No plural efusion or pneumothorax.", ("pleural effusion", "absent", True, False, "current")),
        ("INDICATION: Rule out pneumonia.", ("pneumonia", "present", False, True, "history")),
        ("FAMILY HISTORY:\nBreast carcinoma.", ("carcinoma", "present", False, False, "family")),
        ("Pericardial effusion.", ("pericardial effusion", "present", False, False, "current")),
    ],
)
def test_findings(document: str, fact: tuple[str, str, bool, bool, str]) -> None:
    assert fact in facts(document)


def test_the_longer_mention_wins() -> None:
    assert {f[0] for f in facts("Lymph node metastasis.")} == {"lymph node metastasis"}
    assert {f[0] for f in facts("Pericardial effusion.")} == {"pericardial effusion"}


def test_a_heading_gives_its_context_until_the_next_one() -> None:
    report = "HISTORY: Fracture.\nFINDINGS: Effusion.\n"
    assert {(f[0], f[4]) for f in facts(report)} == {("fracture", "history"), ("pleural effusion", "current")}


def test_lines_wrapped_by_their_width_are_one_sentence() -> None:
    long = "There is no radiographic evidence in this examination of any focal\nconsolidation.\n"
    assert len(sentences(long)) == 1
    assert len(sentences("No effusion\nCardiomegaly present\n")) == 2


@pytest.mark.parametrize(
    ("word", "right"),
    [("efusion", "effusion"), ("Pneumotorax", "Pneumothorax"), ("METASTSIS", "METASTASIS"), ("carcnioma", "carcinoma")],
)
def test_typing_errors(word: str, right: str) -> None:
    assert mended_word(word) == right


@pytest.mark.parametrize(
    "word", ["prevent", "diffusion", "macroscopically", "fractured", "infusion", "vertical", "locally"]
)
def test_other_words_stay(word: str) -> None:
    assert mended_word(word) == word


PIECES = [
    "no ", "efusion", "Cardiomegaly", ".\n", "mm 9 nodule", "stage IIB", "\r\n\n", "é ", "pT2 N0", "HISTORY: ",
    "metastsis in 2/3 nodes ", "; ", "?",
]  # fmt: skip


@settings(max_examples=80)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=12))
def test_spans_are_true_whatever_the_text(parts: list[str]) -> None:
    document = " ".join(parts)
    for finding in extract(document):
        assert document[finding.start : finding.end] == finding.span != ""


@given(st.lists(st.sampled_from(["efusion", "no", "carcnioma", "x", "pneumotorax"]), max_size=8))
def test_mended_positions_lead_back(words: list[str]) -> None:
    document = " ".join(words)
    mended = Mended(document)
    at = 0
    for word in words:
        right = mended_word(word)
        start = mended.text.index(right, at)
        a, b = mended.original(start, start + len(right))
        assert document[a:b] == word
        at = start + len(right)


def test_the_planted_truth_of_the_demo_cohort_is_found(tmp_path: Path) -> None:
    """The grammar is this project's own: this shows that the parts fit, not how good the rules are on other texts."""
    rng = np.random.default_rng(0)
    n = 40
    people = pd.DataFrame(
        {
            "patient": [f"P{i}" for i in range(n)],
            "index_date": "2023-01-01",
            "has_text": True,
            "stage": rng.choice(["I", "II", "III", "IV"], n),
            "grade": rng.integers(1, 4, n),
        }
    )
    rows, truth = texts.write(people, tmp_path, 11)
    found = set()
    for row in rows:
        for fact in facts(Path(row["path"]).read_text(encoding="utf-8")):
            found.add((row["patient"], row["kind"], *fact))
    columns = ["patient", "document_kind", "concept", "value", "negated", "uncertain", "context"]
    planted = set(truth["texts"][columns].itertuples(index=False, name=None))
    assert len(planted & found) / len(planted) > 0.98


@pytest.mark.data
def test_openi_labels(real_data: Path) -> None:
    """Micro F1 against the manual labels of every fourth chest report (labels are per report, made by other rules)."""
    table = pd.read_csv(real_data / "text/openi_reports/indiana_reports.csv").iloc[::4]
    pairs = {
        "Cardiomegaly": "cardiomegaly",
        "Pleural Effusion": "pleural effusion",
        "Pneumothorax": "pneumothorax",
        "Pulmonary Atelectasis": "atelectasis",
        "Consolidation": "consolidation",
        "Hernia, Hiatal": "hiatal hernia",
        "Cicatrix": "scarring",
        "Atherosclerosis": "atherosclerosis",
        "Infiltrate": "infiltrate",
    }
    tp = fp = fn = 0
    for row in table.itertuples():
        text = "\n".join(t for t in (row.findings, row.impression) if isinstance(t, str))
        sure = {f.concept for f in extract(text) if not f.negated and not f.uncertain and f.context == "current"}
        labels = set(str(row.Problems).split(";"))
        for label, concept in pairs.items():
            tp += label in labels and concept in sure
            fp += label not in labels and concept in sure
            fn += label in labels and concept not in sure
    assert 2 * tp / (2 * tp + fp + fn) > 0.88
