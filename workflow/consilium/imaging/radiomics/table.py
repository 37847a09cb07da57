"""The radiomic features of every mask of the cohort as one table: a patient may have several masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consilium.imaging.radiomics.lesion_block import NAME

if TYPE_CHECKING:
    import pandas as pd

    from consilium.imaging.collect import Cohort

HEAD = ("patient", "sample", "image", "n_voxels", "reason")


def table(cohort: Cohort) -> pd.DataFrame:
    """Table "radiomics": one row a mask, one column a feature without the kind of image in its name."""
    import pandas as pd

    rows = [_row(cohort, s.patient, s.sample, cohort.refusal(s)) for s in cohort.samples if s.kind == "mask"]
    return pd.DataFrame(rows, columns=list(dict.fromkeys([*HEAD, *(name for row in rows for name in row)])))


def _row(cohort: Cohort, patient: str, sample: str, refusal: str) -> dict[str, Any]:
    row: dict[str, Any] = {"patient": patient, "sample": sample, "image": "", "n_voxels": None, "reason": refusal}
    if (patient, sample) not in cohort.facts:
        return row
    _, _, facts = cohort.facts[(patient, sample)]
    block = facts["blocks"].get(NAME, {"reason": "switched off in the settings", "features": {}})
    how = facts["details"].get(NAME, {})
    row |= {"image": how.get("image", ""), "n_voxels": how.get("n_voxels"), "reason": block["reason"]}
    return row | {name.partition(".")[2]: fact["value"] for name, fact in block["features"].items()}
