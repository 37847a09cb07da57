"""Nothing measured after the index date may be a feature."""

from __future__ import annotations

from collections.abc import Sequence

from consilium.core.sheets import WHOLE_COHORT, Patient, Sample
from consilium.learn.guards.record import Gate, gate

DATES = "nothing dated after the index date"
# Rooms whose values change over a life and that take a file as it is: ehr and text leave out late rows themselves, and
# a genome read late is the one the patient was born with.
TAKEN_AS_IS = ("imaging", "omics")


def after_index(patients: Sequence[Patient], samples: Sequence[Sample], rooms: Sequence[str]) -> Gate:
    """Files of the sheet that were made after their patient's index date, in rooms that the task takes features of."""
    index = {p.patient: p.index_date[:10] for p in patients if p.index_date}
    watched = [s for s in samples if s.modality in TAKEN_AS_IS and s.modality in rooms and s.patient != WHOLE_COHORT]
    late = [s for s in watched if s.taken_on and s.patient in index and s.taken_on[:10] > index[s.patient]]
    dated = [s for s in watched if s.taken_on and s.patient in index]
    if late:
        named = ", ".join(f"{s.patient} {s.sample} of {s.taken_on[:10]} (index {index[s.patient]})" for s in late[:5])
        more = f" and {len(late) - 5} more" if len(late) > 5 else ""
        return gate(DATES, "fail", f"made after the index date: {named}{more}",
                    files=[[s.patient, s.sample, s.taken_on] for s in late])  # fmt: skip
    if not watched:
        return gate(DATES, "pass", "ehr and text rows are cut at the index date; no other file has a date")
    if not dated:
        return gate(DATES, "not assessed", "no image or omics file has both taken_on and its patient's index_date")
    said = f"{len(dated)} of {len(watched)} files are dated, none after the index date"
    return gate(DATES, "pass", said, dated=len(dated), files=len(watched))
