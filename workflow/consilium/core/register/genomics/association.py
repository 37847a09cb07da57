"""Tables of the genomics room. Association of variants with outcomes; what was left out by which rule."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

_NAME = C("analysis", "str", "name in genomics.association")
_SITE = (
    C("chrom", "str", "chromosome, chr1 to chr22, chrX, chrY, chrM"),
    C("pos", "int", "1-based position, GRCh38"),
    C("ref", "str", "reference allele"),
    C("alt", "str", "alternative allele", missing="every call is the reference base"),
)
_FIT = (
    *_SITE,
    C("rsid", "str", "name given in the input", missing="none given"),
    C("n", "int", "people analysed who have a call"),
    C("n_cases", "int", "cases among them", "", "continuous outcome"),
    C("alt_freq", "float", "frequency of the alternative allele among them", "fraction", "no call"),
    C("beta", "float", "effect of one more ALT allele (log odds for a binary outcome)", "outcome units", "not tested"),
    C("se", "float", "its standard error", "outcome units", "not tested"),
    C("p", "float", "two-sided p value, without genomic control", "", "not tested"),
    C("test", "str", "linear, score or firth", missing="not tested"),
    C("filter", "str", "pass, or the rule for which the variant was not tested"),
)

TABLES = (
    Table(
        "association",
        "cohort/genomics/association.tsv",
        "Association analyses, one row each. Research use: an association is not a cause and not a diagnosis.",
        (
            _NAME,
            C("outcome", "str", "column of patients.tsv"),
            C("kind", "str", "binary or continuous"),
            C("status", "str", "assessed or not assessed"),
            C("reason", "str", "why not assessed, or a caution", missing="nothing to say"),
            C("n", "int", "unrelated people analysed"),
            C("n_cases", "int", "cases among them", "", "continuous outcome"),
            C("n_left_out", "int", "patients left out (association_people.tsv)"),
            C("covariates", "str", "covariates used, joined by commas", missing="none"),
            C("components", "int", "principal components used"),
            C("n_tested", "int", "variants tested"),
            C("n_filtered", "int", "variants not tested, each with its rule in association_<name>.parquet"),
            C("inflation", "float", "genomic control lambda; 1 = as by chance", "", "not assessed"),
            C("inflation_lower", "float", "lower end of its 95 % interval", "", "fewer than 20 blocks of 5 Mb"),
            C("inflation_upper", "float", "upper end of its 95 % interval", "", "fewer than 20 blocks of 5 Mb"),
            C("n_significant", "int", "variants with p < 5e-8"),
        ),
    ),
    Table(
        "association_variants",
        "cohort/genomics/association_<name>.parquet",
        "Association of every variant of the cohort with one outcome. Research use: not a cause, not a diagnosis.",
        _FIT,
    ),
    Table(
        "association_hits",
        "cohort/genomics/association_hits.tsv",
        "The variants with the smallest p values of each analysis: all below 1e-5 (at most 1,000), at least ten.",
        (_NAME, *_FIT),
    ),
    Table(
        "association_people",
        "cohort/genomics/association_people.tsv",
        "Patients who were left out of an association analysis.",
        (
            _NAME,
            PATIENT,
            C("rule", "str", "genotypes, sample quality, identity, outcome, covariate or related"),
            C("reason", "str", "what was found"),
        ),
    ),
    Table(
        "hwe_by_ancestry",
        "cohort/genomics/hwe_by_ancestry.tsv",
        "Hardy-Weinberg test of every autosomal variant within each population of at least 20 people.",
        (
            *_SITE,
            C("population", "str", "population in ancestry.tsv"),
            C("n_called", "int", "its people with a full call"),
            C("alt_freq", "float", "frequency of the alternative allele in it", "fraction", "no call"),
            C("hwe_p", "float", "exact test", "", "no call"),
            C("filter", "str", "pass or flag (p < 1e-6)"),
        ),
    ),
    Table(
        "dropped",
        "cohort/genomics/dropped.tsv",
        "Every patient and every site that quality control or an analysis left out or flagged, with the rule.",
        (
            C("what", "str", "patient or site"),
            C("patient", "str", "patient", missing="a site"),
            C("chrom", "str", "chromosome", missing="a patient"),
            C("pos", "int", "position, GRCh38", "", "a patient"),
            C("ref", "str", "reference allele", missing="a patient"),
            C("alt", "str", "alternative allele", missing="a patient, or none seen"),
            C("step", "str", "samples_qc, variants_qc, hwe_by_ancestry, or the association analysis"),
            C("action", "str", "excluded, flagged (stays in), or not tested"),
            C("rule", "str", "the rule"),
        ),
    ),
)
