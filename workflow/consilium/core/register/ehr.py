"""Tables that the ehr room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "observations",
        "cohort/ehr/observations.parquet",
        "Laboratory values and vital signs in one unit per analyte.",
        (
            PATIENT,
            C("analyte", "str", "canonical name"),
            C("category", "str", "lab or vital"),
            C("taken_on", "str", "date or date-time, ISO 8601"),
            C("days", "float", "time before (negative) or after the index date", "days", "no index date"),
            C("value", "float", "value in `unit`", "see unit"),
            C("unit", "str", "canonical unit of the analyte"),
            C("ref_low", "float", "lower reference limit", "see unit", "none"),
            C("ref_high", "float", "upper reference limit", "see unit", "none"),
            C("source_value", "float", "value as supplied", "see source_unit"),
            C("source_unit", "str", "unit as supplied", missing="none supplied"),
            C(
                "censored",
                "str",
                "< or > where only a limit was reported; value is then half the limit (<) or the limit (>)",
                missing="an exact value",
            ),
        ),
    ),
    Table(
        "alerts",
        "cohort/ehr/alerts.tsv",
        "Latest values outside their reference range, and critical values at any time.",
        (
            PATIENT,
            C("analyte", "str", "canonical name"),
            C("taken_on", "str", "date or date-time, ISO 8601"),
            C("value", "float", "value", "see unit"),
            C("unit", "str", "canonical unit"),
            C("alert", "str", "low, high, critically low or critically high"),
        ),
    ),
    Table(
        "drugs",
        "cohort/ehr/drugs.tsv",
        "Drug list, one row a prescription.",
        (
            PATIENT,
            C("drug", "str", "generic name, lower case"),
            C("dose", "float", "dose per administration", "see unit", "not given"),
            C("unit", "str", "unit of the dose", missing="not given"),
            C("start", "str", "ISO 8601 date", missing="not given"),
            C("stop", "str", "ISO 8601 date", missing="still taken or not given"),
            C("supplied_as", "str", "drug name as supplied"),
        ),
    ),
    Table(
        "diagnoses",
        "cohort/ehr/diagnoses.tsv",
        "Coded diagnoses.",
        (
            PATIENT,
            C("code", "str", "code as supplied"),
            C("system", "str", "coding system", missing="not given"),
            C("date", "str", "ISO 8601 date", missing="not given"),
            C("label", "str", "label as supplied", missing="not given"),
        ),
    ),
)
