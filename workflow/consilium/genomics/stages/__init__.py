"""Genomics: VCF, BAM and CRAM to cohort genotypes, their quality, ancestry, kinship, identity and meaning."""

from consilium.genomics.stages.association import association, dropped, hwe_by_ancestry
from consilium.genomics.stages.cohort import cohort_qc, identity, merge, structure
from consilium.genomics.stages.files import check, intake, reads
from consilium.genomics.stages.meaning import features, pharmacogenes, polygenic

__all__ = [
    "check",
    "reads",
    "intake",
    "merge",
    "cohort_qc",
    "structure",
    "identity",
    "pharmacogenes",
    "polygenic",
    "features",
    "association",
    "hwe_by_ancestry",
    "dropped",
]
