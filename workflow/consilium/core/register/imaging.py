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
        "fmri_motion",
        "patients/<patient>/imaging/<sample>/motion.tsv",
        "Head motion of an fMRI run, one row a volume: rigid parameters relative to the run's median position.",
        (
            C("volume", "int", "number of the volume in the file, from 0"),
            *(
                C(a, "float", f"translation towards {to}", "mm", "dummy scan")
                for a, to in (("x", "right"), ("y", "anterior"), ("z", "superior"))
            ),
            *(
                C(a, "float", f"rotation about {axis}", "rad", "dummy scan")
                for a, axis in (("pitch", "x"), ("roll", "y"), ("yaw", "z"))
            ),
            C("fd", "float", "framewise displacement (Power), rotations on a 50 mm sphere", "mm", "dummy scan"),
            C("fate", "str", "used, moved (left out of connectivity and activity) or dummy (dropped)"),
        ),
    ),
    Table(
        "fmri_covariance",
        "patients/<patient>/imaging/<sample>/covariance.parquet",
        "Covariance of the regions' cleaned fMRI signals, lower triangle with the diagonal, shrunk (Ledoit and Wolf).",
        (
            C("region_a", "str", "region of the atlas"),
            C("region_b", "str", "region of the atlas, not after region_a"),
            C("covariance", "float", "covariance of the two signals", "(% of the region's mean)²"),
        ),
    ),
)
