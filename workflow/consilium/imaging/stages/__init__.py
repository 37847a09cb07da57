"""Imaging: DICOM or NIfTI -> de-identified volumes, quality, regional features, connectivity, CT and PET features."""

from consilium.imaging.stages.images import check, features, process
from consilium.imaging.stages.privacy import deidentified, deidentify
from consilium.imaging.stages.radiomics import radiomics
from consilium.imaging.stages.segmentation import (
    segment_collect,
    segment_join,
    segment_predict,
    segment_store,
    segment_train,
)

__all__ = [
    "check",
    "process",
    "features",
    "radiomics",
    "deidentify",
    "deidentified",
    "segment_store",
    "segment_train",
    "segment_join",
    "segment_predict",
    "segment_collect",
]
