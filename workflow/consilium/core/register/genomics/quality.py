"""Tables of the genomics room. Genotype quality."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "samples_qc",
        "cohort/genomics/samples_qc.tsv",
        "Genotype quality per patient.",
        (
            PATIENT,
            C("source", "str", "vcf, joint (cohort VCF) or reads (called from BAM/CRAM)"),
            C("n_sites", "int", "cohort sites"),
            C("n_called", "int", "sites with a full call"),
            C("missing_rate", "float", "share of cohort sites without a call; lower is better", "fraction"),
            C("het_rate", "float", "heterozygous share of called autosomal sites", "fraction", "no call"),
            C(
                "titv",
                "float",
                "transitions per transversion among non-reference calls",
                "",
                "no transversion",
            ),
            C("n_singletons", "int", "non-reference alleles seen in this patient alone"),
            C(
                "x_het_rate",
                "float",
                "heterozygous share of non-PAR X calls",
                "fraction",
                "fewer X sites than needed",
            ),
            C("sex_sheet", "str", "sex in patients.tsv"),
            C("sex_inferred", "str", "female, male or unknown, from non-PAR X heterozygosity"),
            C("verdict", "str", "keep, flag or exclude"),
            C("reason", "str", "why not keep", missing="verdict is keep"),
        ),
    ),
    Table(
        "variants_qc",
        "cohort/genomics/variants_qc.tsv",
        "Genotype quality per variant of the cohort.",
        (
            C("chrom", "str", "chromosome, chr1 to chr22, chrX, chrY, chrM"),
            C("pos", "int", "1-based position, GRCh38"),
            C("ref", "str", "reference allele"),
            C("alt", "str", "alternative allele", missing="every call is the reference base"),
            C("rsid", "str", "name given in the input", missing="none given"),
            C("n_called", "int", "patients with a full call"),
            C(
                "missing_rate",
                "float",
                "share of patients with genotypes who have no call; lower is better",
                "fraction",
            ),
            C("alt_freq", "float", "frequency of the alternative allele", "fraction", "no call"),
            C("hwe_p", "float", "exact Hardy-Weinberg test (women only on X)", "", "chrY, chrM or nobody to test"),
            C("filter", "str", "pass or flag"),
            C("reason", "str", "why flagged", missing="pass"),
        ),
    ),
)
