"""Genomics: VCF, BAM and CRAM to cohort genotypes, their quality, ancestry, kinship, identity and meaning."""

from consilium.genomics.stages.cohort import cohort_qc, identity, merge, structure
from consilium.genomics.stages.files import check, intake, reads
from consilium.genomics.stages.intake_files import intake_files
from consilium.genomics.stages.meaning import features, pharmacogenes
from consilium.genomics.stages.scores import polygenic, polygenic_reference
from consilium.genomics.stages.meaning import features, pharmacogenes, polygenic
from consilium.genomics.stages.relations import families, genotype_identity, homozygosity

__all__ = [
    "check",
    "reads",
    "intake",
    "intake_files",
    "merge",
    "cohort_qc",
    "structure",
    "identity",
    "polygenic_reference",
    "families",
    "homozygosity",
    "genotype_identity",
    "pharmacogenes",
    "polygenic",
    "pharmacogenes",
    "features",
]
