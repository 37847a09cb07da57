"""Facts of one patient's polygenic scores: sums, place among reference people, absolute risk, spread of a trait."""

from __future__ import annotations

from typing import Any

from consilium.report.tables import Cohort

Facts = dict[str, Any]
_NOTHING = "not compared with reference people in this run"


def polygenic(cohort: Cohort, patient: str, why: str) -> Facts:
    """Scores of the patient: each with its place in the reference (or why not) and among the cohort's patients.

    The rank says where the sum lies in this cohort, not in a population: it is no risk.
    """
    rows = cohort.rows("polygenic", patient)
    whole = cohort.table("polygenic")
    placed = {r["score"]: r for r in cohort.rows("polygenic_adjusted", patient)}
    out = []
    for row in rows:
        peers = whole[(whole["score"] == row["score"]) & whole["sum"].notna()]["sum"].astype(float)
        rank = int((peers < row["sum"]).sum()) + 1 if row["sum"] is not None else None
        out.append(
            row
            | {"rank": rank, "n_ranked": len(peers), "distribution": _five_numbers(peers)}
            | {"reference": _reference(placed.get(row["score"])), "risk": _risk(placed.get(row["score"]))}
        )
    scores = cohort.distinct("polygenic", "score")
    if rows:
        missing = ""
    elif "genomics" in cohort.rooms and not scores:
        missing = "no scoring file in the configuration"
    else:
        missing = why or "no score of this patient in the cohort's table"
    return {"why": missing, "scores": out, "traits": _traits(list(placed.values()))}


def _reference(row: Facts | None) -> Facts:
    """Place among the reference's people; `why` where it is not assessed."""
    if row is None:
        return {"why": _NOTHING}
    kept = ("population", "n_population", "percentile", "z_norm1", "z_norm2", "z_population", "lost_variance", "reason")
    return {k: row[k] for k in kept} | {"why": "" if row["status"] == "assessed" else row["reason"] or _NOTHING}


def _risk(row: Facts | None) -> Facts:
    """Absolute risk with what it rests on; `why` where there is none."""
    if row is None:
        return {"why": _NOTHING}
    return {"risk": row["risk"], "prevalence": row["prevalence"], "auc": row["auc"],
            "population": row["risk_population"], "source": row["risk_source"], "why": row["risk_reason"]}  # fmt: skip


def _traits(rows: list[Facts]) -> list[Facts]:
    """Traits for which several scores have a percentile: how far they lie apart."""
    found: dict[str, Facts] = {}
    for row in rows:
        if row["trait_lowest"] is None or row["percentile"] is None:
            continue
        one = found.setdefault(
            row["trait_id"],
            {"trait": row["trait"] or row["trait_id"], "lowest": row["trait_lowest"], "highest": row["trait_highest"],
             "scores": []},
        )  # fmt: skip
        one["scores"].append({"score": row["score"], "percentile": row["percentile"]})
    return list(found.values())


def _five_numbers(values: Any) -> list[float]:
    return [] if len(values) < 2 else [float(values.quantile(q)) for q in (0, 0.25, 0.5, 0.75, 1)]
