"""Tables of the genomics room. Polygenic scores."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

_SCORE = C("score", "str", "PGS Catalog identifier or file name")
_TRAIT = C("trait", "str", "trait as given in the scoring file", missing="not given in the file")

TABLES = (
    Table(
        "polygenic",
        "cohort/genomics/polygenic.tsv",
        "Polygenic scores, one row a patient and score.",
        (
            PATIENT,
            _SCORE,
            _TRAIT,
            C("sum", "float", "sum of dosage x effect weight over used variants", "score units", "not assessed"),
            C("average", "float", "sum / (2 x n_used)", "score units", "not assessed"),
            C("n_used", "int", "variants in the sum"),
            C("n_missing", "int", "of these without a call in this patient, filled from allele frequencies"),
            C("n_total", "int", "variants in the scoring file"),
            C("overlap", "float", "n_used / n_total", "fraction"),
            C("status", "str", "assessed or not assessed"),
            C("reason", "str", "why not assessed, or a caution", missing="nothing to say"),
        ),
    ),
    Table(
        "polygenic_matches",
        "cohort/genomics/polygenic_matches.parquet",
        "How each variant of each polygenic score was matched to the cohort's sites.",
        (
            _SCORE,
            C("line", "int", "1-based line in the scoring file"),
            C("chrom", "str", "chromosome without chr", missing="not given in the file"),
            C("pos", "int", "position, GRCh38; 0 = not given"),
            C("effect_allele", "str", "allele whose copies are weighted"),
            C("other_allele", "str", "the other allele", missing="not given in the file"),
            C("weight", "float", "effect weight", "score units"),
            C("effect", "str", "additive, dominant or recessive"),
            C(
                "match",
                "str",
                "effect allele is alternative, is reference, or only; these on the other strand; reference base only; "
                "other strand (not used), ambiguous, duplicate, not autosomal, not found, other alleles, no position "
                "or no place in GRCh38",
            ),
            C("used", "bool", "the variant counts where a patient has a call"),
        ),
    ),
    Table(
        "polygenic_adjusted",
        "cohort/genomics/polygenic_adjusted.tsv",
        "Polygenic scores against the reference's people: one row a patient and score.",
        (
            PATIENT,
            _SCORE,
            _TRAIT,
            C("trait_id", "str", "ontology term of the trait, or its name in small letters", missing="not given"),
            C("sum_reference", "float", "sum over the reference's variants", "score units", "not assessed"),
            C(
                "lost_variance",
                "float",
                "share of the score's variance in the reference at variants without a call in this patient",
                "fraction",
                "not assessed",
            ),
            C("z_norm1", "float", "score less its mean at the patient's ancestry", "SD", "not assessed"),
            C(
                "z_norm2",
                "float",
                "score less its mean, over its SD, both at the patient's ancestry",
                "SD",
                "not assessed",
            ),
            C("population", "str", "most similar population of the reference", missing="not assessed"),
            C("n_population", "int", "reference people of that population; 0 = not compared"),
            C("z_population", "float", "score less that population's mean, over its SD", "SD", "not assessed"),
            C("percentile", "float", "people of that population with a lower score", "%", "not assessed"),
            C("risk", "float", "absolute risk (doc: docs/methods/polygenic.md)", "probability", "not assessed"),
            C("prevalence", "float", "prevalence behind it, as configured", "probability", "none configured"),
            C("auc", "float", "AUC of the score behind it, as configured", "", "none configured"),
            C("risk_population", "str", "population in which both were measured", missing="none configured"),
            C("risk_source", "str", "their source", missing="none configured"),
            C("risk_reason", "str", "why there is no absolute risk", missing="there is one"),
            C("n_trait_scores", "int", "scores of this trait with a percentile in this patient"),
            C("trait_lowest", "float", "lowest percentile among them", "%", "fewer than two"),
            C("trait_highest", "float", "highest percentile among them", "%", "fewer than two"),
            C("status", "str", "assessed or not assessed"),
            C("reason", "str", "why not assessed, or a remark", missing="nothing to say"),
        ),
    ),
    Table(
        "polygenic_reference",
        "cohort/genomics/polygenic_reference/variants.parquet",
        "Variants of the polygenic reference: what fills a missing call, and which variants a standardised score has.",
        (
            _SCORE,
            C("term", "int", "0-based place of the variant among the score's variants"),
            C("line", "int", "1-based line in the scoring file"),
            C("key", "int", "chromosome number x 2^40 + position"),
            C("chrom", "str", "chromosome without chr"),
            C("pos", "int", "position, GRCh38"),
            C("counted", "str", "allele whose frequencies are given"),
            C("other", "str", "allele beside it"),
            C("effect_allele", "str", "effect allele in the scoring file"),
            C("weight", "float", "effect weight", "score units"),
            C("variance", "float", "variance of weight x dosage, mean over populations", "score units squared"),
            C("f_*", "float", "frequency of the counted allele in that population", "fraction"),
        ),
    ),
)
