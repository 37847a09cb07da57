"""Imaging: DICOM or NIfTI -> de-identified volumes, quality, regional features, connectivity, CT and PET features."""

from consilium.imaging.stages.images import check, features, process
from consilium.imaging.stages.privacy import deidentified, deidentify

__all__ = ["check", "process", "features", "deidentify", "deidentified"]
