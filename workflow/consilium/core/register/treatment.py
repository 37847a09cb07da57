"""Tables that the treatment room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "guidelines",
        "cohort/treatment/guidelines.tsv",
        "Guideline actions for the drugs on each patient's list.",
        (
            PATIENT,
            C("drug", "str", "generic name"),
            C(
                "genes",
                "str",
                "genes of the guideline, joined by ' + '",
                missing="no guideline for this drug",
            ),
            C("finding", "str", "the patient's phenotypes or activity scores", missing="not assessed"),
            C("status", "str", "action, standard, not assessed or no guideline"),
            C("action", "str", "what the guideline advises", missing="none"),
            C("strength", "str", "strength of the recommendation as its source grades it", missing="none"),
            C("source", "str", "guideline, version, reference", missing="none"),
            C("reason", "str", "why not assessed, or a caution", missing="nothing to say"),
        ),
    ),
    Table(
        "effects",
        "cohort/treatment/effects.tsv",
        "Estimated effect of one treatment option against the other, per patient.",
        (
            PATIENT,
            C("option", "str", "treatment compared"),
            C("reference", "str", "treatment it is compared with"),
            C("outcome", "str", "outcome column and its direction"),
            C("given", "str", "treatment the patient received", missing="not recorded"),
            C(
                "effect",
                "float",
                "estimated difference of the outcome, option minus reference",
                "outcome's",
                "not estimated",
            ),
            C("lower", "float", "lower end of the 95 % interval", "outcome's", "not estimated"),
            C("upper", "float", "upper end", "outcome's", "not estimated"),
            C(
                "propensity",
                "float",
                "estimated probability of receiving the option",
                "fraction",
                "not estimated",
            ),
            C("overlap", "str", "green, amber, red or not assessed"),
            C("verdict", "str", "what may be said of this patient"),
        ),
    ),
)
