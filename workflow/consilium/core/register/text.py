"""Tables that the text room writes."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "findings",
        "cohort/text/findings.tsv",
        "Facts read from report texts, each with the span that says so.",
        (
            PATIENT,
            C("document", "str", "sample identifier of the document"),
            C("document_kind", "str", "pathology or radiology"),
            C("taken_on", "str", "date of the document", missing="not given"),
            C("concept", "str", "canonical concept, e.g. stage, grade, lymph node metastasis"),
            C("value", "str", "value of the concept, e.g. II; present / absent for findings"),
            C("negated", "bool", "the text denies it"),
            C("uncertain", "bool", "the text hedges"),
            C("context", "str", "current, history (of the patient, in the past) or family (somebody else)"),
            C("start", "int", "first character of the span, 0-based"),
            C("end", "int", "one past the last character of the span"),
            C("span", "str", "the words themselves"),
        ),
    ),
    Table(
        "report_words",
        "cohort/text/words.tsv",
        "With text.words: what models may read of each patient's reports, one row a word in order, newest report first;"
        " names, dates and numbers are marks.",
        (
            PATIENT,
            C("document", "str", "sample identifier of the document"),
            C("word", "str", "in lower case; <report>, <name>, <number>, <date>, . at the end of a sentence"),
        ),
    ),
)
