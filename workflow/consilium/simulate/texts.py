"""Pathology and radiology reports of the demo cohort, from a grammar with negation, hedging and typing errors.

Every planted statement is kept in the truth with its value, negation, uncertainty and context.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from

PRESENT, DENIED, HEDGED = "present", "denied", "hedged"

# concept -> state -> sentences. {n}: nodes examined, {k}: nodes involved, {mm}: a size in mm.
PATHOLOGY: dict[str, dict[str, tuple[str, ...]]] = {
    "margin involvement": {
        PRESENT: ("Tumor is present at the resection margin.", "The deep margin is involved by tumor."),
        DENIED: ("Surgical margins are free of tumor.", "All margins are uninvolved.", "Margins: negative."),
        HEDGED: ("Possible involvement of the lateral margin.",),
    },
    "lymph node metastasis": {
        PRESENT: (
            "Metastatic carcinoma in {k} of {n} lymph nodes ({k}/{n}).",
            "Lymph node metastasis in {k}/{n} nodes.",
        ),
        DENIED: (
            "No evidence of lymph node metastasis (0/{n}).",
            "{n} lymph nodes, all negative for metastasis (0/{n}).",
        ),
        HEDGED: ("Findings suspicious for lymph node metastasis.",),
    },
    "lymphovascular invasion": {
        PRESENT: ("Lymphovascular invasion is present.", "There is lymphovascular invasion."),
        DENIED: ("Lymphovascular invasion is not identified.", "No lymphovascular invasion."),
        HEDGED: ("Lymphovascular invasion cannot be excluded.",),
    },
    "perineural invasion": {
        PRESENT: ("Perineural invasion is seen.",),
        DENIED: ("Perineural invasion: absent.", "Without perineural invasion."),
        HEDGED: ("Questionable perineural invasion.",),
    },
    "necrosis": {
        PRESENT: ("Areas of necrosis are noted.",),
        DENIED: ("There is no necrosis.",),
        HEDGED: ("Focal changes that may represent necrosis.",),
    },
}
RADIOLOGY: dict[str, dict[str, tuple[str, ...]]] = {
    "nodule": {
        PRESENT: (
            "A {mm} mm nodule is seen in the right upper lobe.",
            "There is a nodule of {mm} mm in the left lower lobe.",
        ),
        DENIED: ("No pulmonary nodule is identified.", "The lungs are free of nodules."),
        HEDGED: ("A possible nodule projects over the left apex.",),
    },
    "pleural effusion": {
        PRESENT: ("Small left pleural effusion.", "Bilateral pleural effusions are present."),
        DENIED: ("No pleural effusion.", "There is no evidence of pleural effusion or pneumothorax."),
        HEDGED: ("Blunted costophrenic angle, suggestive of a small pleural effusion.",),
    },
    "consolidation": {
        PRESENT: ("Consolidation in the right lower lobe.",),
        DENIED: ("Lungs are clear without focal consolidation.", "Negative for consolidation."),
        HEDGED: ("Right basal opacity, consolidation cannot be excluded.",),
    },
    "cardiomegaly": {
        PRESENT: ("There is cardiomegaly.", "The heart is enlarged."),
        DENIED: ("No cardiomegaly.", "The heart is not enlarged."),
        HEDGED: ("Borderline heart size, possible cardiomegaly.",),
    },
    "atrophy": {
        PRESENT: ("Mild hippocampal atrophy.", "There is generalized cerebral atrophy."),
        DENIED: ("No significant atrophy.", "Brain volume is normal without atrophy."),
        HEDGED: ("Questionable temporal atrophy.",),
    },
    "infarct": {
        PRESENT: ("Chronic lacunar infarct in the left thalamus.",),
        DENIED: ("No acute infarct.", "There is no sign of infarction."),
        HEDGED: ("Small focus that may represent an infarct.",),
    },
}
HISTORY = (
    ("pneumonia", "history", "History of pneumonia in 2015."),
    ("fracture", "history", "Status post rib fracture."),
    ("carcinoma", "family", "Family history: mother with breast carcinoma."),
    ("infarct", "family", "Father had a cerebral infarct."),
)
GRADE_WORDS = {1: "Well differentiated", 2: "Moderately differentiated", 3: "Poorly differentiated"}
T_OF_STAGE = {"I": "1", "II": "2", "III": "3", "IV": "4"}


@dataclass
class Report:
    """A report being written: its lines and what they claim."""

    patient: str
    kind: str
    lines: list[str] = field(default_factory=list)
    truth: list[dict[str, object]] = field(default_factory=list)

    def claim(
        self, concept: str, value: str, negated: bool = False, uncertain: bool = False, context: str = "current"
    ) -> None:
        self.truth.append({"patient": self.patient, "document_kind": self.kind, "concept": concept, "value": value,
                           "negated": negated, "uncertain": uncertain, "context": context})  # fmt: skip


def write(people: pd.DataFrame, root: Path, seed: int) -> tuple[list[dict[str, str]], dict[str, pd.DataFrame]]:
    """Write raw/text/<patient>_{pathology,radiology}.txt for patients with `has_text`; truth `texts`: every claim."""
    folder = Path(root) / "raw" / "text"
    folder.mkdir(parents=True, exist_ok=True)
    samples, truth = [], []
    for person in people[people["has_text"]].to_dict("records"):
        rng = np.random.default_rng(seed_from(seed, "texts", person["patient"]))
        for kind, compose in (("pathology", _pathology), ("radiology", _radiology)):
            report = Report(str(person["patient"]), kind)
            compose(person, report, rng)
            path = folder / f"{person['patient']}_{kind}.txt"
            path.write_text(_typed("\n".join(report.lines) + "\n", rng), encoding="utf-8")
            samples.append(_row(person, kind, path, int(rng.integers(3, 60))))
            truth += report.truth
    return samples, {"texts": pd.DataFrame(truth)}


def faults(people: pd.DataFrame, root: Path, seed: int) -> tuple[list[dict[str, str]], dict[str, pd.DataFrame]]:
    """Write a report in Latin-1, an empty one and a binary one for the patients named X… (or the first patient)."""
    extra = people[people["patient"].str.startswith("X")]
    person = (extra if len(extra) else people).iloc[0].to_dict()
    folder = Path(root) / "raw" / "text"
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "latin1": ("Befund: kein Hinweis für Fraktur, Stadium II.\n".encode("latin-1"), "not UTF-8"),
        "empty": (b"", "empty"),
        "binary": (b"\x00\x01\x02PK\x03\x04 report \x00\x00", "binary"),
    }
    samples, known = [], []
    for name, (content, what) in contents.items():
        path = folder / f"{person['patient']}_{name}.txt"
        path.write_bytes(content)
        samples.append(_row(person, "radiology", path, 20))
        known.append({"file": str(path), "line": 0, "what": what})
    return samples, {"faults": pd.DataFrame(known)}


def _row(person: dict[str, object], kind: str, path: Path, days_before: int) -> dict[str, str]:
    taken = np.datetime64(str(person["index_date"]), "D") - np.timedelta64(days_before, "D")
    return {
        "patient": str(person["patient"]),
        "modality": "text",
        "kind": kind,
        "path": str(path),
        "taken_on": str(taken),
    }


def _pathology(person: dict[str, object], report: Report, rng: np.random.Generator) -> None:
    stage, grade = str(person["stage"]), int(person["grade"])  # type: ignore[call-overload]
    report.lines += ["SURGICAL PATHOLOGY REPORT", "", "CLINICAL HISTORY:"]
    _history(report, rng)
    report.lines += ["", "GROSS DESCRIPTION:", "Received fresh, a specimen of 4.5 x 3.0 x 2.1 cm.", "", "DIAGNOSIS:"]
    report.lines.append(_pick(rng, (
        f"{GRADE_WORDS[grade]} adenocarcinoma.",
        f"Adenocarcinoma, histologic grade {grade}.",
        f"Adenocarcinoma, G{grade}.",
    )))  # fmt: skip
    report.claim("grade", str(grade))
    advanced = {"I": 0.05, "II": 0.3, "III": 0.8, "IV": 0.85}[stage]
    nodes = PRESENT if rng.random() < advanced else DENIED
    _statements(report, {"lymph node metastasis": PATHOLOGY["lymph node metastasis"]}, rng, nodes)
    _statements(report, {k: v for k, v in PATHOLOGY.items() if k != "lymph node metastasis"}, rng)
    n, m = ("1" if nodes == PRESENT else "0"), ("1" if stage == "IV" else "0")
    if rng.random() < 0.5:
        report.lines.append(f"TNM: pT{T_OF_STAGE[stage]} N{n} M{m}.")
        for concept, value in (("T category", T_OF_STAGE[stage]), ("N category", n), ("M category", m)):
            report.claim(concept, value)
    report.lines.append(_pick(rng, (f"AJCC stage {stage}.", f"Pathologic stage: {stage}.", f"Stage group {stage}")))
    report.claim("stage", stage)


def _radiology(person: dict[str, object], report: Report, rng: np.random.Generator) -> None:
    report.lines += ["RADIOLOGY REPORT", "", "INDICATION:"]
    _history(report, rng)
    report.lines += ["", "COMPARISON: None.", "", "FINDINGS:"]
    _statements(report, RADIOLOGY, rng)
    report.lines += ["", "IMPRESSION:", "Correlate with clinical findings."]


def _history(report: Report, rng: np.random.Generator) -> None:
    concept, context, sentence = HISTORY[int(rng.integers(len(HISTORY)))]
    report.lines.append("Routine examination." if rng.random() < 0.5 else sentence)
    if report.lines[-1] == sentence:
        report.claim(concept, "present", context=context)


def _statements(
    report: Report, grammar: dict[str, dict[str, tuple[str, ...]]], rng: np.random.Generator, fixed: str = ""
) -> None:
    for concept, sentences in grammar.items():
        state = fixed or str(rng.choice([PRESENT, DENIED, HEDGED, ""], p=[0.3, 0.4, 0.1, 0.2]))
        if not state:
            continue
        n = int(rng.integers(6, 25))
        size = int(rng.integers(4, 28))
        sentence = _pick(rng, sentences[state]).format(n=n, k=int(rng.integers(1, 6)), mm=size)
        report.lines.append(sentence)
        report.claim(concept, "absent" if state == DENIED else "present", state == DENIED, state == HEDGED)
        if "mm" in sentence:
            report.claim("nodule size", str(size))
        if "or pneumothorax" in sentence:
            report.claim("pneumothorax", "absent", True)


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _typed(text: str, rng: np.random.Generator) -> str:
    """One typing error (two inner letters swapped, or one lost) in a long word of every third report."""
    words = [w for w in sorted(set(text.split())) if w.isalpha() and w.islower() and len(w) >= 8]
    if not words or rng.random() > 0.33:
        return text
    word = _pick(rng, tuple(words))
    at = int(rng.integers(2, len(word) - 2))
    wrong = word[:at] + word[at + 1] + word[at] + word[at + 2 :] if rng.random() < 0.5 else word[:at] + word[at + 1 :]
    return text.replace(word, wrong, 1)
