"""Tables of the learn room on how sure its predictions are."""

from __future__ import annotations

from consilium.core.contract import Column as C
from consilium.core.contract import Table

TABLES = (
    Table(
        "differences",
        "cohort/learn/<task>/differences.tsv",
        "The shipped model against every other one, on the patients that both judge; paired bootstrap over groups.",
        (
            C("model", "str", "the other model"),
            C("modalities", "str", "its block", missing="several or none"),
            C("role", "str", "baseline, candidate or stress"),
            C("metric", "str", "auc, c_index or mae"),
            C("n", "int", "patients that both judge"),
            C("shipped", "float", "metric of the shipped model on them", "", "could not be computed"),
            C("other", "float", "metric of the other model", "", "could not be computed"),
            C("difference", "float", "above 0: the shipped model is better", "", "could not be computed"),
            C("lower", "float", "lower end of the 95 % interval", "", "could not be computed"),
            C("upper", "float", "upper end", "", "could not be computed"),
        ),
    ),
    Table(
        "set_coverage",
        "cohort/learn/<task>/coverage.tsv",
        "Share of held-out patients whose outcome lies in the 90 % set, interval or beyond the bound, by group.",
        (
            C("group", "str", "all, class, sex, ancestry, site or age_band"),
            C("level", "str", "level of the group"),
            C("n", "int", "held-out patients with a set"),
            C("coverage", "float", "share covered; a bound counts as kept if observation lasted beyond it", "fraction"),
            C("lower", "float", "lower end of its 95 % interval (Wilson)", "fraction"),
            C("upper", "float", "upper end", "fraction"),
            C("width", "float", "mean number of classes; mean length of the interval; mean bound", "outcome's"),
            C("flagged", "str", "what to know of this group", missing="nothing to say"),
        ),
    ),
    Table(
        "decision_curve",
        "cohort/learn/<task>/decision_curve.tsv",
        "Net benefit per patient of acting on the shipped prediction from each threshold on (classification).",
        (
            C("class", "str", "class that one would act on"),
            C("threshold", "float", "probability from which on one acts", "fraction"),
            C("model", "float", "true positives less false positives at the threshold's odds; acting on nobody: 0"),
            C("lower", "float", "lower end of the 95 % bootstrap interval over groups"),
            C("upper", "float", "upper end"),
            C("everybody", "float", "net benefit of acting on everybody"),
            C("n", "int", "held-out patients"),
        ),
    ),
)
