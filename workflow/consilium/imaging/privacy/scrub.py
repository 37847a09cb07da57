"""A fresh DICOM data set from an old one: only attributes of the keep-list, each made anew by its rule, at any depth.

After DICOM PS3.15 Annex E, basic profile, with the options: modified dates, patient characteristics (sex, age, size,
weight), and clean pixels as far as intake refuses images with text in them. Private attributes, overlays, curves,
icons, free texts, names, places, devices and codes never come through: they are not on the list.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from consilium.imaging.privacy.key import Secret
from consilium.imaging.privacy.profile import Keep, Profile

OLDEST = 90  # years; older people are few enough to be known by their age (45 CFR 164.514(b)(2))
MAX_TIME = 240000.0
MAX_INTEGER_DIGITS, MAX_DIGITS = 6, 9  # before the point: doses in Bq are the longest numbers
METHOD = "consilium keep-list after DICOM PS3.15 E"
# Code, meaning (PS3.16, context group 7050).
BASIC = ("113100", "Basic Application Confidentiality Profile")
NO_FACE = ("113102", "Clean Recognizable Visual Features Option")
DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
PERSON = ("113108", "Retain Patient Characteristics Option")


@dataclass
class Tally:
    """What became of the attributes, by tag group ("private" for odd ones): Counter of (group, fate).

    Fates: kept, replaced, emptied, removed; listed: of the emptied, replaced and removed, those that PS3.15 names.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, tag: int, fate: str, listed: bool) -> None:
        group = "private" if (tag >> 16) % 2 else f"{tag >> 16:04X}"
        self.counts[(group, fate)] += 1
        if listed and fate != "kept":
            self.counts[(group, "listed")] += 1


@dataclass(frozen=True)
class Scrubber:
    """patient: as in the sheet, what the copy is called. kind: of the sheet, the series description of the copy."""

    profile: Profile
    secret: Secret
    patient: str
    kind: str

    def clean(self, dataset: Any, tally: Tally) -> Any:
        """The fresh data set; `tally` counts what became of each attribute. Pixels come over as they are."""
        from pydicom.dataset import Dataset

        out = Dataset()
        for tag in dataset.keys():  # noqa: SIM118 - iterating a data set itself would decode every value
            how = self.profile.keep.get(int(tag))
            value, fate = (None, "removed") if how is None else self._value(dataset, tag, how, tally)
            tally.add(int(tag), fate, self.profile.names(int(tag)))
            if fate != "removed":
                out.add_new(tag, dataset[tag].VR, value)
        return out

    def _value(self, dataset: Any, tag: Any, how: Keep, tally: Tally) -> tuple[Any, str]:
        """(value, fate) of one attribute; whatever cannot be read or does not fit its rule is removed."""
        try:
            element = dataset[tag]
            return self._by_rule(element, how, tally)
        except Exception:  # a value that breaks its own representation can be anything
            return None, "removed"

    def _by_rule(self, element: Any, how: Keep, tally: Tally) -> tuple[Any, str]:
        if how.rule == "sequence":
            return [self.clean(item, tally) for item in element.value], "kept"
        if how.rule == "empty":
            return "", "emptied"
        if how.rule in ("subject", "kind"):
            return (self.patient if how.rule == "subject" else self.kind), "replaced"
        if how.rule == "pixels":
            return element.value, "kept"
        values = list(element.value) if element.VM > 1 else [element.value] if element.VM else []
        made = [self._single(v, element.VR, how) for v in values]
        if any(v is None for v in made):
            return None, "removed"
        changed = how.rule in ("uid", "date", "age") and made != [str(v) for v in values]
        return (made[0] if len(made) == 1 else made or None), "replaced" if changed else "kept"

    def _single(self, value: Any, vr: str, how: Keep) -> Any:
        """One value made anew, None where it does not fit its rule."""
        from pydicom.uid import UID_dictionary

        text = str(value).strip()
        if how.rule == "number":
            return _number(value, vr)
        if how.rule == "pointer":
            return value if int(value) in self.profile.keep else None
        if how.rule == "term":
            return text if text in how.terms else text.upper() if text.upper() in how.terms else None
        if how.rule == "class":
            return text if text in UID_dictionary else None
        if how.rule == "uid":
            return self.secret.uid(text)
        if how.rule == "age":
            return _age(text)
        if how.rule == "time":
            return text if re.fullmatch(r"\d{6}(\.\d{1,6})?", text) and float(text) < MAX_TIME else None
        return moved(text, self.secret.shift(self.patient))


def moved(text: str, by: datetime.timedelta) -> str | None:
    """A DICOM date (YYYYMMDD) or date and time, `by` earlier; None where it is neither."""
    found = re.fullmatch(r"(\d{8})(\d{6}(?:\.\d{1,6})?)?([+-]\d{4})?", text)
    if found is None:
        return None
    try:
        day = datetime.datetime.strptime(found.group(1), "%Y%m%d") - by
    except (ValueError, OverflowError):
        return None
    return f"{day:%Y%m%d}{found.group(2) or ''}{found.group(3) or ''}"


def _number(value: Any, vr: str) -> Any:
    """The number; None where its text is more than a number, or an integer too long for a measure (a file number)."""
    if vr not in ("DS", "IS"):
        return value if math.isfinite(float(value)) else None
    text = str(getattr(value, "original_string", value)).strip()
    plain = re.fullmatch(r"[+-]?(\d+)?\.?\d*([eE][+-]?\d{1,2})?", text)
    if not plain or len(text) > 16 or not math.isfinite(float(text)):
        return None
    digits = len((plain.group(1) or "").lstrip("0"))
    return text if digits <= (MAX_INTEGER_DIGITS if vr == "IS" else MAX_DIGITS) else None


def _age(text: str) -> str | None:
    if not re.fullmatch(r"\d{3}[DWMY]", text):
        return None
    return f"{OLDEST:03d}Y" if text.endswith("Y") and int(text[:3]) > OLDEST else text


def mark(dataset: Any, faceless: bool) -> None:
    """Say in the copy that, and by which options, it was de-identified (PS3.15 E.1.1, PS3.3 C.7.1.1)."""
    from pydicom.dataset import Dataset

    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.BurnedInAnnotation = "NO"
    if faceless:
        dataset.RecognizableVisualFeatures = "NO"
    codes = []
    for code, meaning in (BASIC, *([NO_FACE] if faceless else []), DATES, PERSON):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
        codes.append(item)
    dataset.DeidentificationMethodCodeSequence = codes
