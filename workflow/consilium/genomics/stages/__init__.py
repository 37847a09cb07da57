"""Genomics: VCF, BAM and CRAM to cohort genotypes, their quality, ancestry, kinship, identity and meaning."""

from consilium.genomics.stages.cohort import cohort_qc, identity, merge, structure
from consilium.genomics.stages.files import check, intake, reads
from consilium.genomics.stages.findings import consequences, findings, phenotypes
from consilium.genomics.stages.meaning import features, pharmacogenes
from consilium.genomics.stages.scores import polygenic, polygenic_reference

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
    "polygenic_reference",
    "phenotypes",
    "consequences",
    "findings",
    "features",
]
