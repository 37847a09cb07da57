"""Tables of the genomics room. What the genotypes mean."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "pharmacogenes",
        "cohort/genomics/pharmacogenes.tsv",
        "Star-allele calls, one row a patient and gene (patients/<patient>/genomics/pharmacogenes.json in full).",
        (
            PATIENT,
            C("gene", "str", "HGNC symbol"),
            C("diplotypes", "str", "every diplotype the data allow, joined by ' or '", missing="not called"),
            C("phenotypes", "str", "their phenotypes, joined by ' or '", missing="not called"),
            C("activity_score", "float", "activity score, where the gene has one", "", "none or ambiguous"),
            C("call", "str", "called, qualified or not_called"),
            C(
                "excluded_probability",
                "float",
                "population probability that untested sites hide another function",
                "fraction",
                "frequencies unknown",
            ),
            C("untested", "int", "defining positions without a call"),
            C("phased", "bool", "alleles assigned to strands", "", "not called"),
            C("reason", "str", "why qualified or not called", missing="called"),
            C("origin", "str", "genotypes, or outside call (kind pgx_calls)"),
        ),
    ),
    Table(
        "polygenic",
        "cohort/genomics/polygenic.tsv",
        "Polygenic scores, one row a patient and score.",
        (
            PATIENT,
            C("score", "str", "PGS Catalog identifier or file name"),
            C("trait", "str", "trait as given in the scoring file", missing="not given in the file"),
            C(
                "sum",
                "float",
                "sum of dosage x effect weight over used variants",
                "score units",
                "not assessed",
            ),
            C("average", "float", "sum / denominator", "score units", "not assessed"),
            C("n_used", "int", "variants used"),
            C(
                "n_missing",
                "int",
                "used variants without a call in this patient, filled from allele frequencies",
            ),
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
            C("score", "str", "PGS Catalog identifier or file name"),
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
                "effect allele is alternative / is reference / only; ambiguous, duplicate, not autosomal, not found, "
                "other alleles or no position",
            ),
            C("used", "bool", "the variant counts"),
        ),
    ),
)
