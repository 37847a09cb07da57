"""What an image is by its header: sequence, component, body part; in closed words, whatever the header's texts say.

The defined terms and the timing decide (echo, repetition and inversion times of clinical protocols; Bushberg et al.,
The Essential Physics of Medical Imaging, ch. 12-13). Where they are silent, a closed list of words is looked for in the
series' description, which itself goes no further than this module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from consilium.imaging.intake import deidentify

NOT_TOLD = "not told by the header"
CONTRASTS = ("T1", "T2", "FLAIR", "PD", "T2*")
COMPONENTS = {"M": "magnitude", "MAGNITUDE": "magnitude", "P": "phase", "PHASE": "phase", "PHASE MAP": "phase",
              "R": "real", "REAL": "real", "I": "imaginary", "IMAGINARY": "imaginary"}  # fmt: skip
GE_COMPONENT = {0: "magnitude", 1: "phase", 2: "real", 3: "imaginary"}  # (0043,102F)
DIFFUSION = {"DIFFUSION", "ADC", "FA", "TRACEW", "TRACE", "DTI", "EADC", "AVDC"}
PERFUSION = {"ASL", "PERFUSION", "CBF", "CBV", "MTT", "TTP", "RELCBF"}
MAPS = {"T1 MAP", "T2 MAP", "T2_STAR MAP", "R2 MAP", "B0 MAP", "B1 MAP", "FIELD_MAP"}
WORDS = (  # in the order in which they are believed; (word in the description, kind)
    ("LOCALI[SZ]ER|SCOUT|SURVEY|PLANE.?LOC", "localizer"),
    ("DWI|DTI|DIFF|TRACEW?|ADC", "DWI"),
    ("ASL|PERF(USION)?|PCASL|PASL", "perfusion"),
    ("TOF|ANGIO|MRA|MRV", "angiography"),
    ("BOLD|FMRI|RESTING|RSFMRI|RS.FMRI", "fMRI"),
    ("T1.?FLAIR|T1W?|MPRAGE|MP.?RAGE|BRAVO|SPGR|FSPGR|T1TFE", "T1"),
    ("FLAIR|DARK.?FLUID", "FLAIR"),
    ("SWI|SWAN|T2.?STAR|T2\\*|MERGE|HEMO", "T2*"),
    ("T2W?|T2TSE", "T2"),
    ("PDW?", "PD"),
)
BODY_PARTS = {
    "head": ("HEAD", "BRAIN", "SKULL", "HEADNECK", "IAC", "ORBIT", "SELLA", "PITUITARY", "TEMPORALLOBE"),
    "neck": ("NECK", "CSPINE", "CAROTID", "THYROID"),
    "chest": ("CHEST", "LUNG", "THORAX", "HEART", "BREAST", "TSPINE", "MEDIASTINUM"),
    "abdomen": ("ABDOMEN", "LIVER", "KIDNEY", "PANCREAS", "LSPINE", "SPLEEN"),
    "pelvis": ("PELVIS", "PROSTATE", "BLADDER", "UTERUS", "HIP", "RECTUM"),
    "limb": ("EXTREMITY", "LEG", "ARM", "KNEE", "FOOT", "ANKLE", "HAND", "WRIST", "ELBOW", "SHOULDER", "THIGH"),
    "whole body": ("WHOLEBODY", "CHESTABDPELVIS", "CHESTABDOMEN", "ABDOMENPELVIS"),
}


@dataclass(frozen=True)
class Facts:
    """What a header tells of the sequence; times in ms, None where not said. hint: kind by the description's words."""

    modality: str
    image_type: frozenset[str] = frozenset()
    sequence: frozenset[str] = frozenset()
    echo_ms: float | None = None
    repetition_ms: float | None = None
    inversion_ms: float | None = None
    flip: float | None = None
    b_value: float | None = None
    angiography: bool = False
    component: str = ""
    body_part: str = NOT_TOLD
    hint: str = ""

    @property
    def localizer(self) -> bool:
        return "LOCALIZER" in self.image_type or (self.modality == "MR" and self.hint == "localizer")

    @property
    def derived(self) -> bool:
        return "DERIVED" in self.image_type


def facts_of(dataset: Any) -> Facts:
    """Facts of one DICOM header (classic, or enhanced: the first frame and the shared groups)."""
    groups = [dataset, *_inner(dataset)]
    image_type = frozenset(str(v).upper() for v in (dataset.get("ImageType") or []))
    sequence = dataset.get("ScanningSequence") or []
    spoken = {sequence} if isinstance(sequence, str) else set(sequence)
    if str(_first(groups, "EchoPulseSequence") or "").upper() in ("SPIN", "BOTH"):
        spoken.add("SE")
    if str(_first(groups, "EchoPulseSequence") or "").upper() in ("GRADIENT", "BOTH"):
        spoken.add("GR")
    if str(_first(groups, "EchoPlanarPulseSequence") or "").upper() == "YES":
        spoken.add("EP")
    echo = deidentify.number(dataset, "EchoTime")
    return Facts(
        modality=deidentify.modality(dataset),
        image_type=image_type,
        sequence=frozenset(str(s).upper() for s in spoken),
        echo_ms=_number(groups, "EffectiveEchoTime") if echo is None else echo,
        repetition_ms=_number(groups, "RepetitionTime"),
        inversion_ms=_number(groups, "InversionTime") or _number(groups, "InversionTimes"),
        flip=_number(groups, "FlipAngle"),
        b_value=_b_value(dataset, groups),
        angiography=str(dataset.get("AngioFlag", "") or "").upper() == "Y",
        component=_component(dataset, image_type),
        body_part=_body_part(dataset),
        hint=_hint(dataset),
    )


def _inner(dataset: Any) -> list[Any]:
    """The functional groups of an enhanced image: shared ones, and those of the first frame."""
    out = []
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for element in (dataset.get(name) or [])[:1]:
            out += [item for group in element if group.VR == "SQ" for item in (group.value or [])[:1]]
    return out


def _first(groups: list[Any], tag: str) -> Any:
    return next((g.get(tag) for g in groups if g.get(tag) is not None), None)


def _number(groups: list[Any], tag: str) -> float | None:
    return next((n for g in groups if (n := deidentify.number(g, tag)) is not None), None)


def _b_value(dataset: Any, groups: list[Any]) -> float | None:
    """Standard tag, else that of Siemens (0019,100C)."""
    said = _number(groups, "DiffusionBValue")
    private = dataset.get((0x0019, 0x100C)) if "SIEMENS" in str(dataset.get("Manufacturer", "")).upper() else None
    return said if said is not None or private is None else deidentify.number({"b": private.value}, "b")


def _component(dataset: Any, image_type: frozenset[str]) -> str:
    private = dataset.get((0x0043, 0x102F)) if "GE " in str(dataset.get("Manufacturer", "")).upper() else None
    if private is not None:
        return GE_COMPONENT.get(int(deidentify.number({"c": private.value}, "c") or 0), "")
    said = str(dataset.get("ComplexImageComponent", "") or "").upper()
    kinds = [COMPONENTS[w] for w in (said, *sorted(image_type)) if w in COMPONENTS]
    return kinds[0] if kinds else ""


def _body_part(dataset: Any) -> str:
    said = re.sub("[^A-Z]", "", str(dataset.get("BodyPartExamined", "") or "").upper())
    return next((part for part, terms in BODY_PARTS.items() if said in terms), NOT_TOLD)


def _hint(dataset: Any) -> str:
    texts = [str(dataset.get(t, "") or "").upper() for t in ("SeriesDescription", "ProtocolName")]
    for text in texts:
        for words, kind in WORDS:
            if re.search(rf"(?<![A-Z0-9])({words})(?![A-Z])", text):
                return kind
    return ""


def kind_of(facts: Facts, volumes: int) -> tuple[str, str]:
    """(kind, what told so). Kind: one of the sheet's, another sequence in closed words, or "" where nothing tells."""
    if facts.localizer:
        return "localizer", "image type"
    if facts.modality in ("CT", "PT"):
        return ("PET" if facts.modality == "PT" else "CT"), "modality"
    if facts.modality != "MR":
        return "", ""
    special = _special(facts)
    if special:
        return special, "image type"
    if "EP" in facts.sequence or facts.image_type & {"EPI", "MOSAIC", "FMRI"}:
        gradient = "GR" in facts.sequence or "SE" not in facts.sequence
        if volumes > 1 and gradient and facts.hint in ("", "fMRI", "T2*"):
            return "fMRI", f"gradient-echo EPI of {volumes} volumes"
    else:
        kind = _contrast(facts)
        if kind:
            return kind, timing(facts)
    return (facts.hint, "words of its description") if facts.hint else ("", "")


def _special(facts: Facts) -> str:
    if facts.image_type & DIFFUSION or (facts.b_value or 0) > 0:
        return "DWI"
    if facts.image_type & PERFUSION:
        return "perfusion"
    if facts.image_type & MAPS:
        return "quantitative map"
    if facts.angiography or "TOF" in facts.image_type:
        return "angiography"
    return ""


def _contrast(facts: Facts) -> str:
    """Weighting by the timing; "" between the clear cases."""
    te, tr, ti = facts.echo_ms, facts.repetition_ms, facts.inversion_ms or 0.0
    if te is None or tr is None or not 0 < te < 1000 or tr <= 0:
        return ""
    spin = "SE" in facts.sequence
    if te >= 60:
        return "FLAIR" if ti >= 1400 else "T2" if tr >= 1500 and ti == 0 else ""
    if te < 35 and 200 <= ti < 1400:
        return "T1"
    if spin and ti == 0:
        return "" if te >= 35 else "T1" if tr <= 1000 else "PD" if tr >= 1500 else ""
    if "GR" in facts.sequence and ti == 0:
        if te >= 12:
            return "T2*"
        return "T1" if tr <= 700 and (facts.flip or 0) >= 7 else ""
    return ""


def timing(facts: Facts) -> str:
    """The times as a message may print them: TE 90 ms, TR 5000 ms."""
    said = (("TE", facts.echo_ms), ("TR", facts.repetition_ms), ("TI", facts.inversion_ms))
    return ", ".join(f"{name} {value:.4g} ms" for name, value in said if value)
