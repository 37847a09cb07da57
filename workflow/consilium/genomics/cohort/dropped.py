"""One list of every patient and site that was left out or flagged, with the rule that did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_ACTIONS = {"exclude": "excluded", "flag": "flagged"}


def dropped_table(
    samples_qc: pd.DataFrame,
    variants_qc: pd.DataFrame,
    hwe: pd.DataFrame,
    association_people: pd.DataFrame,
    association_variants: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Table dropped, in the order of the steps. A patient or a site may stand in it several times."""
    import pandas as pd

    judged = samples_qc[samples_qc["verdict"] != "keep"]
    flagged = variants_qc[variants_qc["filter"] != "pass"]
    uneven = hwe[hwe["filter"] != "pass"]
    parts = [
        _patients(judged["patient"], "samples_qc", judged["verdict"].map(_ACTIONS), judged["reason"]),
        _sites(flagged, "variants_qc", "flagged", flagged["reason"]),
        _sites(uneven, "hwe_by_ancestry", "flagged",
               [f"Hardy-Weinberg p = {r.hwe_p:.1e} in {r.population}" for r in uneven.itertuples()]),
    ]  # fmt: skip
    for name, table in association_variants.items():
        people = association_people[association_people["analysis"] == name]
        untested = table[table["filter"] != "pass"]
        why = people["rule"] + ": " + people["reason"]
        parts.append(_patients(people["patient"], f"association {name}", "not tested", why))
        parts.append(_sites(untested, f"association {name}", "not tested", untested["filter"]))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _patients(patients: pd.Series, step: str, action: object, rule: pd.Series) -> pd.DataFrame:
    import pandas as pd

    blank = {"chrom": "", "pos": pd.array([pd.NA] * len(patients), dtype="Int64"), "ref": "", "alt": ""}
    return pd.DataFrame({"what": "patient", "patient": patients, **blank, "step": step, "action": action, "rule": rule})


def _sites(table: pd.DataFrame, step: str, action: str, rule: object) -> pd.DataFrame:
    sites = table[["chrom", "pos", "ref", "alt"]]
    return sites.assign(what="site", patient="", step=step, action=action, rule=rule)
