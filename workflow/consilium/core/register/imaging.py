"""Tables that the imaging room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "image_qc",
        "cohort/imaging/qc.tsv",
        "Image quality, one row a sample and metric.",
        (
            PATIENT,
            C("sample", "str", "sample identifier"),
            C("kind", "str", "T1, T2, FLAIR, CT, PET, fMRI or mask"),
            C("metric", "str", "metric name (docs/methods.md)"),
            C("value", "float", "its value", "see unit", "could not be computed"),
            C("unit", "str", "unit of the value", missing="dimensionless"),
            C("better", "str", "higher, lower or in range"),
            C("verdict", "str", "verdict on the whole sample: keep, flag or exclude"),
            C("reason", "str", "why not keep", missing="verdict is keep"),
        ),
    ),
    Table(
        "image_deidentified",
        "cohort/imaging/deidentified.tsv",
        "What became of the attributes in de-identified DICOM copies, one row a sample and group of tags; no values.",
        (
            PATIENT,
            C("sample", "str", "sample identifier", missing="row says why a sample has no copy"),
            C("group", "str", "first half of the tags, or private", missing="as sample"),
            C("content", "str", "what the group is about", missing="as sample"),
            C("kept", "int", "attributes kept as they were, over all files", "attributes", "as sample"),
            C("replaced", "int", "UIDs, dates, ages, names made anew", "attributes", "as sample"),
            C("emptied", "int", "attributes whose value was taken out", "attributes", "as sample"),
            C("removed", "int", "attributes left out", "attributes", "as sample"),
            C("listed", "int", "of the last three, those that PS3.15 lists as identifying", "attributes", "as sample"),
            C("reason", "str", "why there is no copy", missing="there is one"),
        ),
    ),
)
