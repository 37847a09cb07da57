"""Genomics: VCF, BAM and CRAM to cohort genotypes, their quality, ancestry, kinship, identity and meaning."""

from consilium.genomics.stages.files import check, reads, intake
from consilium.genomics.stages.intake_files import intake_files
from consilium.genomics.stages.cohort import merge, cohort_qc, structure, identity
from consilium.genomics.stages.association import association, hwe_by_ancestry, dropped
from consilium.genomics.stages.depth import depth, reads_tables
from consilium.genomics.stages.findings import phenotypes, consequences, findings
from consilium.genomics.stages.relations import families, homozygosity, genotype_identity
from consilium.genomics.stages.scores import polygenic_reference, polygenic
from consilium.genomics.stages.meaning import pharmacogenes, features

__all__ = [
    "check",
    "reads",
    "intake",
    "intake_files",
    "merge",
    "cohort_qc",
    "structure",
    "identity",
    "association",
    "hwe_by_ancestry",
    "dropped",
    "depth",
    "reads_tables",
    "phenotypes",
    "consequences",
    "findings",
    "families",
    "homozygosity",
    "genotype_identity",
    "polygenic_reference",
    "polygenic",
    "pharmacogenes",
    "features",
]
