"""Genomics: VCF, BAM and CRAM to cohort genotypes, their quality, ancestry, kinship, identity and meaning."""

from consilium.genomics.stages.association import association, dropped, hwe_by_ancestry
from consilium.genomics.stages.cohort import cohort_qc, identity, merge, structure
from consilium.genomics.stages.depth import depth, reads_tables
from consilium.genomics.stages.files import check, intake, reads
from consilium.genomics.stages.findings import consequences, findings, phenotypes
from consilium.genomics.stages.intake_files import intake_files
from consilium.genomics.stages.meaning import features, pharmacogenes
from consilium.genomics.stages.relations import families, genotype_identity, homozygosity
from consilium.genomics.stages.scores import polygenic, polygenic_reference
from consilium.genomics.stages.windows import windows

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
    "windows",
    "features",
]
