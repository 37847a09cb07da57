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
            C(
                "scanner",
                "str",
                "what compared images share: field or voltage where known, voxel size",
            ),
            C("metric", "str", "metric name (docs/methods.md)"),
            C("value", "float", "its value", "see unit", "could not be computed"),
            C("unit", "str", "unit of the value", missing="dimensionless"),
            C("better", "str", "higher, lower or in range"),
            C(
                "z",
                "float",
                "robust z of the value among images of this kind and scanner",
                "robust SD",
                "fewer than 8 such images, or not compared",
            ),
            C("verdict", "str", "verdict on the whole sample: keep, flag or exclude"),
            C("reason", "str", "why not keep", missing="verdict is keep"),
        ),
    ),
)
