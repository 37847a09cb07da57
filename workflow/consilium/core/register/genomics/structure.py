"""Tables of the genomics room. Who the people are: ancestry, kinship, identity."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "ancestry",
        "cohort/genomics/ancestry.tsv",
        "Posterior over the reference's populations, place in its principal components, and in the cohort's own.",
        (
            PATIENT,
            C("n_sites", "int", "reference sites with a call"),
            C("population", "str", "most likely population, or not assessed / outside the reference"),
            C("probability", "float", "its posterior probability", "fraction", "not assessed"),
            C(
                "outside_p",
                "float",
                "share of the nearest population's people who lie as far out; below 0.001 = outside",
                "fraction",
                "not assessed, or a reference without components",
            ),
            C("reason", "str", "why not assessed or outside, or a remark", missing="nothing to say"),
            C("p_*", "float", "posterior of that population", "fraction", "not assessed"),
            C(
                "ref_PC*",
                "float",
                "place in the reference's principal components",
                "",
                "not assessed, or hardly any reference call",
            ),
            C(
                "PC*",
                "float",
                "principal component of the cohort's own genotypes (for figures; never a feature)",
                "",
                "not assessed",
            ),
        ),
    ),
    Table(
        "kinship",
        "cohort/genomics/kinship.tsv",
        "Pairs with KING-robust kinship of at least 0.0442 (third degree).",
        (
            C("patient_a", "str", "first patient"),
            C("patient_b", "str", "second patient"),
            C("n_sites", "int", "sites called in both"),
            C("kinship", "float", "KING-robust kinship; 0.5 for duplicates by carried alleles alone"),
            C("ibs0", "float", "share of those sites that are homozygous for different alleles", "fraction"),
            C("relationship", "str", "duplicate, first degree, second degree or third degree"),
            C("same_family_in_sheet", "bool", "patients.tsv gives both the same family"),
        ),
    ),
    Table(
        "identity",
        "cohort/genomics/identity.tsv",
        "Do a patient's reads and genotypes belong to the same person, and are the reads of one person only?",
        (
            PATIENT,
            C("sample", "str", "reads sample compared"),
            C("n_sites", "int", "sites compared with the patient's own genotypes"),
            C(
                "concordance",
                "float",
                "share of sites with the same genotype",
                "fraction",
                "no sites to compare",
            ),
            C("verdict", "str", "match, swap, or not assessed"),
            C(
                "likely_patient",
                "str",
                "patient whose genotypes match these reads",
                missing="match, or nobody fits",
            ),
            C("contamination", "float", "estimated share of foreign reads", "fraction", "not assessed"),
            C("contamination_verdict", "str", "clean, contaminated or not assessed"),
            C("mean_depth", "float", "mean depth over the target regions", "reads", "not assessed"),
            C("reason", "str", "detail of the verdicts", missing="nothing to say"),
        ),
    ),
)
