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
        "segmentation",
        "cohort/imaging/segmentation.tsv",
        "Lesions predicted by the network, one row a patient; by a network that did not learn from this patient.",
        (
            PATIENT,
            C("sample", "str", "image that was read"),
            C(
                "part",
                "str",
                "number of the fold that was held out, final (no mask supplied) or given (a model from another cohort)",
            ),
            C("volume_ml", "float", "volume of the predicted lesion; 0: nothing found", "ml"),
            C("expert_volume_ml", "float", "volume of the expert's mask", "ml", "no mask supplied"),
            C(
                "dice",
                "float",
                "overlap of both over the whole stack, 0 to 1, higher is better",
                "",
                "no mask supplied",
            ),
            C("uncertainty", "float", "mean entropy where the lesion is likely (p > 0.1), lower is surer", "bit"),
            C("n_pieces", "float", "pieces of at least 0.05 ml", "count"),
            C("threshold", "float", "probability from which a voxel counts, chosen in tuning patients"),
            C("smallest_ml", "float", "smaller pieces were dropped, chosen in tuning patients", "ml"),
        ),
    ),
)
