"""Who takes part: usable genotypes, and one of each pair of relatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from consilium.genomics.association.analyses import LeftOut

if TYPE_CHECKING:
    import pandas as pd

RELATED = 0.0884  # kinship of second degree and closer


def leave_out_unusable(patients: Sequence[str], qc: pd.DataFrame, identity: pd.DataFrame, left_out: LeftOut) -> None:
    """Without genotypes, flagged or excluded by quality control, or reads that are another's or contaminated."""
    judged = {r.patient: (r.verdict, r.reason) for r in qc.itertuples()}
    for patient in patients:
        if patient not in judged:
            left_out.add(patient, "genotypes", "no genotypes")
        elif judged[patient][0] != "keep":
            left_out.add(patient, "sample quality", judged[patient][1])
    for row in identity.itertuples():
        if row.verdict == "swap":
            left_out.add(row.patient, "identity", f"reads {row.sample} are of another person")
        elif row.contamination_verdict == "contaminated":
            left_out.add(row.patient, "identity", f"reads {row.sample} are contaminated")


def leave_out_related(
    patients: Sequence[str], kinship: pd.DataFrame, cases: Mapping[str, bool], left_out: LeftOut
) -> None:
    """Drop people until no pair of at least RELATED is left: whoever has most relatives first, among equals a
    control before a case, then the last in the sheet. Says to whom and how near.
    """
    inside = set(patients)
    relatives: dict[str, dict[str, float]] = {}
    for row in kinship.itertuples():
        if row.kinship >= RELATED and row.patient_a in inside and row.patient_b in inside:
            relatives.setdefault(row.patient_a, {})[row.patient_b] = float(row.kinship)
            relatives.setdefault(row.patient_b, {})[row.patient_a] = float(row.kinship)
    place = {p: i for i, p in enumerate(patients)}
    while any(relatives.values()):
        worst = max(relatives, key=lambda p: (len(relatives[p]), not cases.get(p, False), place[p]))
        near = relatives.pop(worst)
        closest = max(near, key=lambda p: (near[p], -place[p]))
        left_out.add(worst, "related", f"kinship {near[closest]:.3f} with {closest}, who stays or is nearer to others")
        for other in near:
            del relatives[other][worst]
