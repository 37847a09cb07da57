"""What a difference between a new cohort and the training cohort means, how grave it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consilium.learn.bundle.drift import MISSING_MODERATE, MODERATE, gap_of, index_of

Facts = dict[str, Any]
LISTED = 15  # features named one by one; the table has all
WEIGHT_ALERT = 0.1  # share of the model's weight on features that changed much
DOMAIN_CAUTION, DOMAIN_ALERT = 0.65, 0.8
PRESENCE = 0.2
MIX = 0.001
JOINT = 1e-4
RATE = 0.05
ORDER = ("alert", "caution", "info")


def alarm(severity: str, what: str, feature: str, detail: str, action: str) -> Facts:
    return {"severity": severity, "what": what, "feature": feature, "detail": detail, "action": action}


def raised(rows: Sequence[Facts], domain: Facts, estimate: Facts) -> list[Facts]:
    """Alarms of one task, the gravest first."""
    out = [*_features(rows), *_presence(domain), *_domain(domain), *_joint(domain["joint"])]
    out += [*_far(domain), *_rate(estimate)]
    return sorted(out, key=lambda a: ORDER.index(a["severity"]))


def verdict(alarms: Sequence[Facts]) -> str:
    """The gravest severity; info when there is no alarm."""
    return min((a["severity"] for a in alarms), key=ORDER.index, default="info")


def _features(rows: Sequence[Facts]) -> list[Facts]:
    changed = [r for r in rows if r["verdict"] in ("large", "lacking")]
    heavy = sum(float(r.get("weight") or 0.0) for r in changed) >= WEIGHT_ALERT
    changed.sort(key=lambda r: (-float(r.get("weight") or 0.0), r["feature"]))
    out = []
    for r in changed[:LISTED]:
        grave = r["kind"] == "embedding" or heavy
        out.append(alarm("alert" if grave else "caution", _kind(r), f"{r['block']}: {r['feature']}", _said(r), _do(r)))
    if len(changed) > LISTED:
        out.append(alarm("caution", "more features changed", "", f"{len(changed) - LISTED} more in drift.tsv",
                         "read drift.tsv"))  # fmt: skip
    return out


def _kind(r: Facts) -> str:
    if r["kind"] == "embedding":
        return "the model's answer changed"
    return "feature lacking" if r["verdict"] == "lacking" else "feature changed"


def _said(r: Facts) -> str:
    if r["verdict"] == "lacking":
        return "no patient has a value"
    said = []
    if index_of(r) >= MODERATE:
        side = "higher" if r["place"] > 0.5 else "lower"
        said.append(f"{side}: PSI {r['psi']:.2f} (chance {r['psi_chance']:.2f}), KS {r['ks']:.2f}, q {r['q']:.1g}")
    if gap_of(r) >= MISSING_MODERATE:
        said.append(f"missing in {r['missing']:.0%} of patients against {r['missing_training']:.0%}")
    return "; ".join(said)


def _do(r: Facts) -> str:
    if r["kind"] == "embedding":
        return "compare predictions with outcomes before use; recalibrate when 50 outcomes are known"
    if r["verdict"] == "lacking":
        return "supply it under the bundle's name and unit, or train without it"
    return "check unit, time window and way of measuring; where they are right the patients differ: recalibrate"


def _presence(domain: Facts) -> list[Facts]:
    out = []
    for b in domain["presence"]:
        change = b["here"] - b["training"]
        if abs(change) >= PRESENCE:
            what = "other patients have this block" if b["here"] else "nobody has this block"
            said = f"{100 * b['here']:.0f} % of patients have it, at training {100 * b['training']:.0f} %"
            out.append(alarm("caution" if b["here"] else "alert", what, b["block"], said,
                             "see whether it was looked for and in whom"))  # fmt: skip
    return out


def _domain(domain: Facts) -> list[Facts]:
    out = []
    for d in domain["domain"]:
        apart = max(d["lower"], 1 - d["upper"])
        if apart > DOMAIN_CAUTION:
            severity = "alert" if apart > DOMAIN_ALERT else "caution"
            where = "farther out" if d["auc"] > 0.5 else "farther in"
            said = f"new patients lie {where} than training patients: AUC {d['auc']:.2f} "
            said += f"({d['lower']:.2f} to {d['upper']:.2f}); 0.5 = alike"
            out.append(alarm(severity, "another population", d["score"], said,
                             "do not rely on the stated performance; validate here first"))  # fmt: skip
    if domain["centroids_p"] is not None and domain["centroids_p"] < MIX:
        said = f"shares of patients nearest to each centroid differ, p {domain['centroids_p']:.1g}"
        out.append(alarm("caution", "another mix of patients", "what the models say", said,
                         "compare the mean prediction with the rate that is known of these patients"))  # fmt: skip
    return out


def _joint(found: Facts) -> list[Facts]:
    """Beyond chance as a whole, and a pair of columns moved much: alert where such columns weigh."""
    if found["status"] != "assessed" or found["p"] > JOINT or not found["moved"]:
        return []
    first, more = found["moved"][0], len(found["moved"]) - 1
    said = f"correlation of {first['a']} and {first['b']} {first['here']:.2f}, at training {first['training']:.2f}"
    said += f"; {more} more pairs" * (more > 0) + f"; all {found['pairs']} pairs: p {found['p']:.1g}"
    return [alarm("alert" if found["weight"] >= WEIGHT_ALERT else "caution", "columns go together otherwise",
                  "", said, "check that rows belong to their patients and that values are measured and coded alike; "
                  "where they are, the patients differ: compare predictions with outcomes before use")]  # fmt: skip


def _far(domain: Facts) -> list[Facts]:
    if domain["far"] > max(2, 0.05 * domain["n"]):
        return [alarm("caution", "patients far from the training patients", "",
                      f"{domain['far']} of {domain['n']} patients; expected about one in a hundred",
                      "read the reason of their predictions")]  # fmt: skip
    return []


def _rate(estimate: Facts) -> list[Facts]:
    if estimate["status"] != "assessed":
        return []
    pairs = zip(estimate["mean_predicted"], estimate["at_training"]["mean_predicted"], strict=True)
    widest = max(abs(a - b) for a, b in pairs)
    if widest < RATE:
        return []
    return [alarm("caution", "other mean prediction", "", f"class probabilities moved by up to {widest:.2f} on average",
                  "compare with the rate that is known of these patients")]  # fmt: skip
