"""Facts of the cohort page from association analyses, and counts of what was left out by which rule."""

from __future__ import annotations

import re
from typing import Any

from consilium.report.tables import Cohort, plain

Facts = dict[str, Any]
MOST_HITS = 10
MOST_RULES = 40
_NUMBER = re.compile(r"\d[\d.]*(?:e[+-]?\d+)?")


def associations(cohort: Cohort) -> list[Facts]:
    """One entry an analysis: its row of association.tsv and its smallest p values."""
    best = cohort.table("association_hits")
    out = []
    for row in cohort.table("association").to_dict("records"):
        about = {str(k): plain(v) for k, v in row.items()}
        hits = best[best["analysis"] == about["analysis"]].head(MOST_HITS).to_dict("records")
        out.append({**about, "hits": [{str(k): plain(v) for k, v in h.items()} for h in hits]})
    return out


def dropped_counts(cohort: Cohort) -> list[Facts]:
    """Rows of dropped.tsv counted by step, action and rule; numbers within a rule are left away."""
    table = cohort.whole("genomics", "dropped")
    if table.empty:
        return []
    # The reason after the colon differs from patient to patient.
    rule = table["rule"].where(table["what"] == "site", table["rule"].str.split(":").str[0])
    fixed = table["step"].str.startswith("association ")
    rule = rule.where(fixed, rule.str.replace(_NUMBER, "…", regex=True))
    counts = (
        table.assign(rule=rule).groupby(["step", "action", "rule", "what"], sort=False).size().unstack(fill_value=0)
    )
    return [
        {"step": step, "action": action, "rule": rule, "patients": int(row.get("patient", 0)),
         "sites": int(row.get("site", 0))}
        for (step, action, rule), row in counts.iterrows()
    ][:MOST_RULES]  # fmt: skip
