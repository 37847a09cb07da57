"""Radiomic features as the Image Biomarker Standardisation Initiative defines them (doi:10.1148/radiol.2020191145)."""
