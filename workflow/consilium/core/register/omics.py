"""Tables that the omics room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "omics_qc",
        "cohort/omics/qc.tsv",
        "Quality of omics tables, one row a patient and kind.",
        (
            PATIENT,
            C("kind", "str", "expression, methylation, mirna, protein, copy_number, mutation, cells or tiles"),
            C("file", "str", "path as given in samples.tsv"),
            C("n_features", "int", "features of the kind in the cohort that were kept"),
            C("missing_rate", "float", "share of them without a value; lower is better", "fraction"),
            C("median", "float", "median of the values as stored", "see scale", "no value"),
            C("iqr", "float", "interquartile range of the values as stored", "see scale", "no value"),
            C("scale", "str", "log2, log2(x+1) of the values supplied, beta, 0/1 or as supplied"),
            C("note", "str", "far from the other patients, many gaps, instances left out", missing="nothing to say"),
        ),
    ),
    Table(
        "omics_features",
        "cohort/omics/features_qc.tsv",
        "Features of omics tables that were dropped or renamed, and the share of variance that lies between sites.",
        (
            C("kind", "str", "kind of table"),
            C("feature", "str", "identifier as stored"),
            C("supplied_as", "str", "identifier as supplied"),
            C("missing_rate", "float", "share of the kind's patients (cells, tiles: rows) without a value", "fraction"),
            C("site_r2", "float", "share of variance between sites (eta squared)", "fraction", "fewer than two sites"),
            C("verdict", "str", "keep or dropped"),
            C("reason", "str", "why dropped", missing="kept"),
        ),
    ),
)
