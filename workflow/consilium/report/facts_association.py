"""Facts of the cohort page from association analyses, and counts of what was left out by which rule."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from consilium.report.tables import Cohort, plain

Facts = dict[str, Any]
MOST_HITS = 10
MOST_RULES = 40
_COUNTED = ("what", "step", "action", "rule")
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
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for part in cohort.parts("genomics", "dropped", _COUNTED):
        for (what, step, action, rule), n in part.groupby(list(_COUNTED)).size().items():
            if what != "site":  # the reason after the colon differs from patient to patient
                rule = rule.split(":")[0]
            if not step.startswith("association "):
                rule = _NUMBER.sub("…", rule)
            counts.setdefault((step, action, rule), Counter())[what] += int(n)
    return [
        {"step": step, "action": action, "rule": rule, "patients": n["patient"], "sites": n["site"]}
        for (step, action, rule), n in sorted(counts.items(), key=lambda item: item[0])
    ][:MOST_RULES]
