"""Tables that the learn room writes when a bundle is applied."""

from __future__ import annotations

from consilium.core.contract import Column as C
from consilium.core.contract import Table

TABLES = (
    Table(
        "drift",
        "cohort/learn/<task>/drift.tsv",
        "Mode apply: every column that the model reads, and what its blocks say, against the training patients.",
        (
            C("block", "str", "feature block"),
            C("kind", "str", "feature: a column as the model reads it; embedding: evidence of a block"),
            C("feature", "str", "column, e.g. a lab's last value"),
            C(
                "weight",
                "float",
                "share in the model: the block's in the shipped candidate times that of its coefficients",
                "fraction",
                "embedding",
            ),
            C("n", "int", "new patients with a value"),
            C(
                "missing_training",
                "float",
                "training patients who have the block but no value",
                "fraction",
                "embedding",
            ),
            C("missing", "float", "the same of new patients", "fraction", "embedding"),
            C("psi", "float", "population stability index; above 0.25 large", "", "too few values"),
            C("psi_chance", "float", "its 95 % point where nothing changed", "", "too few values"),
            C("ks", "float", "largest difference of the distribution functions", "fraction", "too few values"),
            C("place", "float", "mean share of training values below the new ones; 0.5 = alike", "", "too few values"),
            C("p", "float", "Kolmogorov-Smirnov test", "", "too few values"),
            C("q", "float", "Benjamini-Hochberg over all tests of this table", "", "too few values"),
            C("p_missing", "float", "test of the two shares missing", "", "too few patients, or embedding"),
            C("q_missing", "float", "Benjamini-Hochberg of it", "", "too few patients, or embedding"),
            C("verdict", "str", "large, moderate, none, lacking (no value at all) or not assessed (too few values)"),
        ),
    ),
)
