"""Tables that the imaging room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

_LEVELS = "grey levels and their powers, bit for entropies"
# Family of radiomic features, its meaning, its units; single features: docs/methods/imaging/radiomics.md.
RADIOMICS = (
    ("morph", "morphology", "mm and its powers"),
    ("loc", "local intensity peaks", "unit of the image"),
    ("stat", "intensity statistics", "unit of the image and its square"),
    ("ih", "intensity histogram", _LEVELS),
    ("ivh", "intensity-volume histogram", "fraction; unit of the image"),
    ("cm", "grey level co-occurrence", _LEVELS),
    ("rlm", "grey level run lengths", _LEVELS),
    ("szm", "grey level size zones", _LEVELS),
    ("dzm", "grey level distance zones", _LEVELS),
    ("ngt", "neighbourhood grey tone differences", ""),
    ("ngl", "neighbouring grey level dependence", _LEVELS),
)

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
    Table(
        "radiomics",
        "cohort/imaging/radiomics.tsv",
        "Radiomic features (IBSI) of every mask on its image, one row a mask; not written where no mask was supplied.",
        (
            PATIENT,
            C("sample", "str", "sample identifier of the mask"),
            C("image", "str", "kind of the image that was measured", missing="none was"),
            C("n_voxels", "int", "voxels with usable intensities on the grid that was measured", "", "not measured"),
            C("reason", "str", "why there are no features", missing="there are"),
            *(
                C(f"{family}_*", "float", meaning, unit, "undefined, or no features")
                for family, meaning, unit in RADIOMICS
            ),
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
