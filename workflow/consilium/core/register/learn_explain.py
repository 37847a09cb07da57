"""Tables of explanations and strata that the learn room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "explanations",
        "cohort/learn/<task>/explanations.tsv",
        "What most moved each patient's prediction, by models that had not seen the patient; only what passed its "
        "tests (explanation_gates.json).",
        (
            PATIENT,
            C("target", "str", "most probable class, or risk / value"),
            C("modality", "str", "feature block"),
            C("explainer", "str", "how contributions were found"),
            C("kind", "str", "feature, region (of an image) or window (of a series)"),
            C("feature", "str", "column, summary of a series, box of an image, or window"),
            C(
                "value",
                "float",
                "value of the patient (region: mean z; window: number of values)",
                "unit",
                "not measured",
            ),
            C("unit", "str", "unit of the value", missing="none"),
            C(
                "percentile",
                "float",
                "share of the model's training patients with a lower value, ties half",
                "fraction",
                "no value, or a window",
            ),
            C(
                "contribution",
                "float",
                "added to the target's centred log-probability (class), the log relative hazard (risk) or the value",
            ),
            C("rank", "int", "1 = largest in size of that patient, modality and kind"),
        ),
    ),
    Table(
        "strata",
        "cohort/learn/<task>/strata.tsv",
        "Groups of patients by consensus clustering of what the models say of them out of fold (figures: strata.json).",
        (
            PATIENT,
            C("stratum", "str", "number of the group, 1 = the largest", missing="no stable strata"),
            C(
                "consensus",
                "float",
                "mean share of subsamples in which the patient fell together with the others of the group",
                "fraction",
                "no stable strata, or a group of one",
            ),
            C("axis_1", "float", "first principal component of the evidence, for the picture"),
            C("axis_2", "float", "second principal component"),
        ),
    ),
)
