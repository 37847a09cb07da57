"""Tables of the whole cohort, put together by the report room."""

from __future__ import annotations

from consilium.core.contract import Column as C
from consilium.core.contract import Table

TABLES = (
    Table(
        "quarantine",
        "cohort/quarantine.tsv",
        "Input that could not be used, each with its cause. Written per room, merged for the cohort.",
        (
            C("patient", "str", "patient concerned; * = a file of the whole cohort"),
            C("room", "str", "room that refused it"),
            C("file", "str", "path as given in samples.tsv"),
            C("line", "int", "1-based line in that file; 0 = the file as a whole"),
            C("cause", "str", "what was found, what is allowed, how to mend it"),
        ),
    ),
    Table(
        "run_summary",
        "cohort/run_summary.tsv",
        "What the run had and what it made of it: patients, data per modality, folds, models, versions.",
        (
            C("item", "str", "what is counted or named"),
            C("value", "str", "its value"),
            C("note", "str", "what the value means", missing="nothing to add"),
        ),
    ),
)
