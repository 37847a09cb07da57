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
            C("origin", "str", "genotypes, reads (CYP2D6, where wanted), or outside call (kind pgx_calls)"),
        ),
    ),
)
