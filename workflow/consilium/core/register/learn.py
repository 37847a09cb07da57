"""Tables that the learn room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "folds",
        "cohort/learn/<task>/folds.tsv",
        "Outer folds: whole groups (family, kinship, duplicates) on one side.",
        (
            PATIENT,
            C("group", "str", "connected component of family, kinship and duplicates"),
            C(
                "fold",
                "int",
                "outer fold in which the patient is judged; -1 = no outcome; given split: 0 = test, 1 = train",
            ),
            C("repeats", "str", "the same in further repeats, joined by ','", missing="one repeat"),
        ),
    ),
    Table(
        "predictions",
        "cohort/learn/<task>/predictions.tsv",
        "Predictions of the shipped model; of patients with an outcome always from folds that did not see them.",
        (
            PATIENT,
            C("fold", "str", "outer fold (first repeat), apply for a patient without outcome, train in a given split"),
            C("observed", "str", "outcome in patients.tsv", missing="none"),
            C("predicted", "str", "most probable class", missing="not a classification, or abstained"),
            C(
                "risk",
                "float",
                "relative risk score of a survival task; higher = earlier event",
                "",
                "other task",
            ),
            C("value", "float", "predicted value of a regression task", "outcome's", "other task"),
            C(
                "lower",
                "float",
                "lower end of the 90 % interval; survival: time that 90 % of such patients pass without event",
                "outcome's",
                "none",
            ),
            C("upper", "float", "upper end of the 90 % interval", "outcome's", "none; survival: no upper end"),
            C(
                "set",
                "str",
                "90 % conformal set of classes, joined by ' or '",
                missing="not a classification, or an empty set (the reason says so)",
            ),
            C("abstained", "bool", "no prediction is made; figures that stand beside it serve the judgement only"),
            C("reason", "str", "why abstained, or a caution", missing="nothing to say"),
            C("modalities", "str", "feature blocks used, joined by ', '", missing="none"),
            C(
                "p_*",
                "float",
                "calibrated probability of that class (or of survival at that time)",
                "fraction",
                "abstained",
            ),
        ),
    ),
    Table(
        "leaderboard",
        "cohort/learn/<task>/leaderboard.tsv",
        "Every candidate and baseline on the same outer folds.",
        (
            C("model", "str", "model name"),
            C("modalities", "str", "feature blocks used"),
            C(
                "metric",
                "str",
                "see docs/methods/learn/uncertainty.md",
            ),
            C("better", "str", "higher, lower, nearest 0 or nearest 1"),
            C("value", "float", "metric over out-of-fold predictions", "", "could not be computed"),
            C(
                "lower",
                "float",
                "lower end of the 95 % bootstrap interval over groups",
                "",
                "could not be computed",
            ),
            C("upper", "float", "upper end", "", "could not be computed"),
            C("n", "int", "patients judged"),
            C(
                "role",
                "str",
                "baseline, candidate, shipped, stress (shipped without that block), control (permuted), planted or "
                "site (sites left out)",
            ),
        ),
    ),
    Table(
        "contributions",
        "cohort/learn/<task>/contributions.tsv",
        "Exact Shapley contribution of each feature block to the shipped prediction.",
        (
            PATIENT,
            C("target", "str", "class, or risk / value"),
            C("modality", "str", "feature block"),
            C(
                "contribution",
                "float",
                "change of the probability (log-risk, value) against the block's absence",
                "",
            ),
        ),
    ),
    Table(
        "learning_curve",
        "cohort/learn/<task>/learning_curve.tsv",
        "Losses of the networks while they were trained; measured only, nothing is chosen by them.",
        (
            C("fold", "str", "outer fold left out, or final"),
            C("inner", "int", "inner fold left out: the validation patients"),
            C("seed", "int", "number of the network"),
            C("epoch", "int", "1-based epoch"),
            C("train_loss", "float", "mean training loss with side losses and dropout; lower is better"),
            C("validation_loss", "float", "loss on the inner fold left out; lower is better", "", "not measured"),
        ),
    ),
)
