"""The table of the VCFs that were used, from the facts that intake and merge keep of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_LIFT = ("lifted", "swapped", "new_reference", "flipped", "unmapped", "unverified", "conflict")


def table(files: Iterable[tuple[str, Mapping[str, Any]]]) -> pd.DataFrame:
    """Table vcf_files of (patient, facts) pairs (see patient.file_facts), by patient and file."""
    import pandas as pd

    from consilium.core.register import TABLES

    kept = [c.name for c in TABLES["vcf_files"].columns if c.name not in ("patient", *(f"n_{k}" for k in _LIFT))]
    rows = []
    for patient, facts in files:
        lift = facts["lift"] or dict.fromkeys(_LIFT)
        rows.append({"patient": patient, **{k: facts[k] for k in kept}, **{f"n_{k}": lift[k] for k in _LIFT}})
    if not rows:
        return TABLES["vcf_files"].empty()
    return pd.DataFrame(rows).sort_values(["patient", "file"]).reset_index(drop=True)
