"""Every table that one room writes and another reads, or that a user opens: the columns, a file per writing room."""

from __future__ import annotations

from consilium.core.contract import Table
from consilium.core.register import (
    ehr,
    genomics,
    imaging,
    learn,
    learn_augment,
    learn_bundle,
    learn_explain,
    learn_uncertainty,
    omics,
    report,
    text,
    treatment,
)

# In the order of the pipeline: the manual of outputs is written in it.
_ROOMS = (
    report,
    genomics,
    imaging,
    omics,
    ehr,
    text,
    learn,
    learn_uncertainty,
    learn_explain,
    learn_bundle,
    learn_augment,
    treatment,
)
TABLES: dict[str, Table] = {table.name: table for room in _ROOMS for table in room.TABLES}
