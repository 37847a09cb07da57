"""One list of every patient and site that was left out or flagged, with the rule that did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_ACTIONS = {"exclude": "excluded", "flag": "flagged"}


def dropped_parts(
    samples_qc: pd.DataFrame,
    variants_qc: Iterable[pd.DataFrame],
    hwe: pd.DataFrame,
    association_people: pd.DataFrame,
    association_variants: Iterable[tuple[str, pd.DataFrame]],
) -> Iterator[pd.DataFrame]:
    """Table dropped in parts, in the order of the steps. A patient or a site may stand in it several times.

    variants_qc: that table in parts; association_variants: analysis and table.
    """
    judged = samples_qc[samples_qc["verdict"] != "keep"]
    yield _patients(judged["patient"], "samples_qc", judged["verdict"].map(_ACTIONS), judged["reason"])
    for part in variants_qc:
        flagged = part[part["filter"] != "pass"]
        yield _sites(flagged, "variants_qc", "flagged", flagged["reason"])
    uneven = hwe[hwe["filter"] != "pass"]
    yield _sites(uneven, "hwe_by_ancestry", "flagged",
                 [f"Hardy-Weinberg p = {r.hwe_p:.1e} in {r.population}" for r in uneven.itertuples()])  # fmt: skip
    for name, table in association_variants:
        people = association_people[association_people["analysis"] == name]
        untested = table[table["filter"] != "pass"]
        yield _patients(
            people["patient"], f"association {name}", "not tested", people["rule"] + ": " + people["reason"]
        )
        yield _sites(untested, f"association {name}", "not tested", untested["filter"])


def _patients(patients: pd.Series, step: str, action: object, rule: pd.Series) -> pd.DataFrame:
    import pandas as pd

    blank = {"chrom": "", "pos": pd.array([pd.NA] * len(patients), dtype="Int64"), "ref": "", "alt": ""}
    return pd.DataFrame({"what": "patient", "patient": patients, **blank, "step": step, "action": action, "rule": rule})


def _sites(table: pd.DataFrame, step: str, action: str, rule: object) -> pd.DataFrame:
    sites = table[["chrom", "pos", "ref", "alt"]]
    return sites.assign(what="site", patient="", step=step, action=action, rule=rule)
