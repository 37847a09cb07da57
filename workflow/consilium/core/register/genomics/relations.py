"""Tables of the genomics room. Families, inheritance, homozygosity, and whose genotypes they are."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "families",
        "cohort/genomics/families.tsv",
        "Families by kinship (second degree and closer), and where the sheet says otherwise.",
        (
            PATIENT,
            C("family", "str", "family by genotypes", missing="no close relative in the cohort"),
            C("sheet_family", "str", "family in patients.tsv", missing="none given"),
            C("n_relatives", "int", "relatives of second degree and closer"),
            C("agrees", "str", "yes, no or not assessed: kinship and sheet"),
            C("reason", "str", "disagreement, or why not assessed", missing="they agree"),
        ),
    ),
    Table(
        "mendel",
        "cohort/genomics/mendel.tsv",
        "Mendelian errors of every trio: of the sheet, or found by kinship.",
        (
            C("child", "str", "patient"),
            C("father", "str", "patient"),
            C("mother", "str", "patient"),
            C("basis", "str", "sheet or kinship: who says that they are a trio"),
            C("n_sites", "int", "autosomal single-base sites called in all three"),
            C("n_errors", "int", "of them with a genotype of the child that the parents do not allow"),
            C("error_rate", "float", "errors over sites; lower is better", "fraction", "not assessed"),
            C("father_ibs0", "float", "opposite homozygotes of child and father", "fraction", "not assessed"),
            C("mother_ibs0", "float", "opposite homozygotes of child and mother", "fraction", "not assessed"),
            C("verdict", "str", "fits, does not fit or not assessed"),
            C("reason", "str", "who does not fit, or why not assessed", missing="fits"),
        ),
    ),
    Table(
        "homozygosity",
        "cohort/genomics/homozygosity.tsv",
        "Runs of homozygosity (1.5 Mb and longer) and inbreeding per patient.",
        (
            PATIENT,
            C("n_sites", "int", "called sites looked at for runs"),
            C("spanned_mb", "float", "genome between those sites, without gaps", "Mb"),
            C("n_runs", "float", "runs found", "", "not assessed"),
            C("total_mb", "float", "length of all runs", "Mb", "not assessed"),
            C("longest_mb", "float", "length of the longest run", "Mb", "not assessed"),
            C("n_long", "float", "runs of 5 Mb and longer", "", "not assessed"),
            C("long_mb", "float", "length of the runs of 5 Mb and longer", "Mb", "not assessed"),
            C("f_roh", "float", "share of the spanned genome in runs", "fraction", "not assessed"),
            C("f", "float", "1 - heterozygous sites over expected ones of the ancestry", "", "not assessed"),
            C("f_sites", "int", "reference sites used for f"),
            C("reason", "str", "why runs were not assessed", missing="assessed"),
        ),
    ),
    Table(
        "genotype_identity",
        "cohort/genomics/genotype_identity.tsv",
        "Do sheet, kinship and reads contradict the genotypes under a patient's name, and is the sample pure?",
        (
            PATIENT,
            C("sex_sheet", "str", "sex in patients.tsv"),
            C("sex_genotypes", "str", "sex by X heterozygosity"),
            C("sex_depth", "str", "sex by depth of X and Y in the reads; unknown also without reads"),
            C("n_conflicts", "int", "statements of the sheet that the genotypes contradict"),
            C("verdict", "str", "consistent, doubt, swap or not assessed"),
            C("likely_patient", "str", "patient with whom the genotypes were probably exchanged", missing="no swap"),
            C(
                "contamination",
                "float",
                "foreign share by allele depths of the VCF; of files that list variants alone by the error rate that "
                "those of the cohort share",
                "fraction",
                "not assessed",
            ),
            C("contamination_sites", "int", "reference sites with enough depth"),
            C("contamination_verdict", "str", "clean, contaminated or not assessed"),
            C("contamination_reason", "str", "why not assessed", missing="assessed"),
            C("reason", "str", "the contradictions", missing="nothing to say"),
        ),
    ),
)
