"""The five to eight statements a physician should see first, each with its basis; from the other facts alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from consilium.report.words import (
    beats_chance,
    capital,
    interval,
    listed,
    moment,
    number,
    percent,
    performance,
    rank,
    sentence,
)

Facts = dict[str, Any]
Message = dict[str, str]
MOST = 8
MOST_OF_A_KIND = 3


def key_messages(facts: Facts) -> list[Message]:
    """At most MOST messages {level, topic, text, basis}: level alert, caution or info.

    Doubt about identity comes first, since it undermines the rest; then diagnosis, gene findings, drugs, critical
    values, risk, excluded images, refused files, and what was not supplied. A section with a defect gives no message.
    """
    makers = (_identity, _diagnosis, _genes, _drugs, _critical_labs, _risk, _images, _refused, _not_supplied)
    messages = [m for make in makers for m in make(facts)]
    if len(messages) <= MOST:
        return messages
    last = messages[-1:]  # what was not supplied always closes the list
    kept = sorted(range(len(messages) - 1), key=lambda i: _WEIGHT[messages[i]["level"]])[: MOST - 1]
    return [messages[i] for i in sorted(kept)] + last


_WEIGHT = {"alert": 0, "caution": 1, "info": 2}


def _message(level: str, topic: str, text: str, basis: str) -> Message:
    return {"level": level, "topic": topic, "text": capital(text), "basis": basis}


def _prefix(task: Facts, topic: str) -> str:
    """The task's name where it says more than the topic does."""
    return "" if task["name"] == topic else f"{task['name'].replace('_', ' ')}: "


def _unused(task: Facts) -> str:
    """What comes before a prediction of models that found nothing."""
    return "not to be used, no signal was found: " if task["performance"].get("signal") == "none" else ""


def _identity(facts: Facts) -> Iterator[Message]:
    quality = facts["genome_quality"]
    for row in quality.get("identity", []):
        yield from _identity_of_reads(row)
    own = quality.get("genotype_identity") or {}
    if own.get("verdict") == "swap":
        yield _doubt(f"The genotypes were probably exchanged with those of {own['likely_patient']}.", own["reason"])
    if own.get("contamination_verdict") == "contaminated":
        share = percent(own["contamination"])
        yield _doubt(
            "The sample of the VCF is contaminated.", f"estimated share of foreign reads {share} by allele depths"
        )
    if quality.get("sex_mismatch"):
        row = quality["genotypes"]
        yield _doubt(
            f"The genome looks {row['sex_inferred']}; the patient sheet says {row['sex_sheet']}.",
            f"heterozygous share of X calls {percent(row['x_het_rate'])}",
        )
    for relative in quality.get("relatives", []):
        if relative["relationship"] == "duplicate":
            yield _doubt(
                f"The genome is the same as that of {relative['patient']}: duplicate or identical twin.",
                f"kinship {relative['kinship']:.3f}",
            )


def _identity_of_reads(row: Facts) -> Iterator[Message]:
    """Of one sample's reads."""
    if row["verdict"] == "swap":
        whose = f"; they fit {row['likely_patient']}" if row["likely_patient"] else ""
        yield _doubt(
            f"The reads ({row['sample']}) are not of the person whose genotypes these are{whose}: "
            "possible sample swap.",
            f"{percent(row['concordance'])} of {row['n_sites']} genotypes agree",
        )
    if row["contamination_verdict"] == "contaminated":
        share = percent(row["contamination"])
        yield _doubt(f"The reads ({row['sample']}) are contaminated.", f"estimated share of foreign reads {share}")


def _doubt(text: str, basis: str) -> Message:
    return _message("alert", "Identity", text, basis)


def _diagnosis(facts: Facts) -> Iterator[Message]:
    for task in facts["diagnosis"].get("tasks", []):
        basis, name = performance(task["performance"]), _prefix(task, "diagnosis")
        if task["why"]:
            yield _message("info", "Diagnosis", f"{name}not assessed, {task['why']}.", basis)
        elif task["abstained"]:
            yield _message("caution", "Diagnosis", f"{name}no prediction is made. {sentence(task['reason'])}", basis)
        else:
            weak = not task["performance"]["why"] and not beats_chance(task["performance"])
            best = max(task["probabilities"], key=lambda p: p["p"], default=None)
            sure = f" ({percent(best['p'])})" if best else ""
            many = len(task["set"]) > 1
            other = (
                f" Not excluded at 90 %: {', '.join(c for c in task['set'] if c != task['predicted'])}." if many else ""
            )
            yield _message(
                "caution" if many or weak else "info",
                "Diagnosis",
                f"{name}{_unused(task)}most probably {task['predicted']}{sure}.{other}",
                basis,
            )


def _genes(facts: Facts) -> Iterator[Message]:
    """Variants that the gene list says to report, or to look at again; others stand in the section only."""
    rows = [r for r in facts["gene_findings"].get("findings", []) if r["verdict"] in ("report", "possible")]
    genes = {r["gene"]: r for r in rows[::-1]}  # the first of each gene: rows come by verdict
    for row in list(genes.values())[::-1][:MOST_OF_A_KIND]:
        sure, n = row["verdict"] == "report", sum(r["gene"] == row["gene"] for r in rows)
        yield _message(
            "alert" if sure else "caution",
            "Genes",
            f"{row['gene']}: {row['significance'].lower()}, {row['zygosity']}{f', {n} variants' if n > 1 else ''}"
            f"{'' if sure else ', to be confirmed'} ({row['phenotype'] or row['diseases'] or 'no disease named'}).",
            "; ".join(x for x in (row["release"], row["review"], row["reason"]) if x),
        )
    if len(genes) > MOST_OF_A_KIND:
        yield _message("caution", "Genes", f"{len(genes) - MOST_OF_A_KIND} more such genes.", "see Gene findings")


def _drugs(facts: Facts) -> Iterator[Message]:
    """Guideline actions by drug, those still taken first; a drug that was stopped is a caution, not an alert."""
    rows = facts["treatment"].get("guidelines", [])
    actions: dict[str, list[Facts]] = {}
    for row in sorted(rows, key=lambda r: bool(_stopped(r))):
        if row["status"] == "action":
            actions.setdefault(row["drug"], []).append(row)
    for drug, found in list(actions.items())[:MOST_OF_A_KIND]:
        row, more = found[0], len(found) - 1
        basis = "; ".join(x for x in (row["finding"] or row["genes"], row["strength"], row["source"]) if x)
        also = f" ({more} more for other uses or findings, see Treatment options)" if more else ""
        stopped = f" ({_stopped(row)})" if _stopped(row) else ""
        level = "caution" if stopped else "alert"
        yield _message(level, "Drugs", f"{drug}{stopped}: {row['action'].rstrip('.')}{also}.", basis)
    rest = list(actions)[MOST_OF_A_KIND:]
    if rest:
        taken = any(not _stopped(actions[drug][0]) for drug in rest)
        text = f"Guideline actions also for {', '.join(rest)}."
        yield _message("alert" if taken else "caution", "Drugs", text, "see Treatment options")
    yield from _drugs_not_judged(rows, set(actions), facts["supplied"]["rooms"]["genomics"])


def _stopped(row: Facts) -> str:
    """ "stopped on <date>", as the treatment room begins its reason; "" for a drug that is still taken."""
    first = str(row["reason"] or "").partition(";")[0]
    return first if first.startswith("stopped on ") else ""


def _drugs_not_judged(rows: list[Facts], actions: set[str], no_genome: str) -> Iterator[Message]:
    on_list = {r["drug"] for r in rows}
    judged = {r["drug"] for r in rows if r["status"] == "standard"} - actions
    unclear = sorted({r["drug"] for r in rows if r["status"] == "not assessed"} - actions)
    if unclear:
        why = {r["reason"] for r in rows if r["drug"] in unclear and r["reason"]}
        reasons = [no_genome] if no_genome else sorted(why)
        yield _message(
            "caution",
            "Drugs",
            f"Gene effects not assessed for {listed(unclear, 6)}.",
            listed(reasons, 2) or "see Pharmacogenomics",
        )
    if judged and not actions:
        yield _message(
            "info",
            "Drugs",
            f"No guideline action among the {len(judged)} of {len(on_list)} drugs on the list that could be judged.",
            "guidelines for the called genes",
        )


def _critical_labs(facts: Facts) -> Iterator[Message]:
    alerts = facts["labs"].get("alerts", [])
    critical = [a for a in alerts if a["alert"].startswith("critically")]
    for row in critical[:MOST_OF_A_KIND]:
        yield _message(
            "alert",
            "Labs",
            f"{row['title']} {row['alert']}: {number(row['value'])} {row['unit']}.",
            f"measured {moment(row['taken_on'])}",
        )
    if len(critical) > MOST_OF_A_KIND:
        yield _message("alert", "Labs", f"{len(critical) - MOST_OF_A_KIND} more critical values.", "see Labs")
    if alerts and not critical:
        names = sorted({f"{a['title']} {a['alert']}" for a in alerts})
        yield _message(
            "caution",
            "Labs",
            f"Latest values outside the reference range: {listed(names, 4)}.",
            "reference ranges as supplied or of the unit table",
        )


def _risk(facts: Facts) -> Iterator[Message]:
    for task in facts["risk"].get("tasks", []):
        survival = task["type"] == "survival"
        if task["why"] or task["risk" if survival else "value"] is None:
            continue
        weak = not task["performance"]["why"] and not beats_chance(task["performance"])
        if task["abstained"]:
            text = f"no prediction is made. {sentence(task['reason'])}"
        elif survival:
            text = f"{_unused(task)}relative risk score {number(task['risk'])}, {rank(task['place'])}."
        else:
            spread = interval(task["lower"], task["upper"])
            text = f"{_unused(task)}predicted {number(task['value'])}{f' (90 % interval {spread})' if spread else ''}."
        level = "caution" if weak or task["abstained"] else "info"
        yield _message(level, "Risk", _prefix(task, "risk") + text, performance(task["performance"]))


def _images(facts: Facts) -> Iterator[Message]:
    bad = [s for s in facts["images"].get("samples", []) if s["verdict"] == "exclude"]
    if bad:
        said = listed([f"{s['sample']} ({s['reason']})" for s in bad], 3)
        yield _message("caution", "Images", f"Excluded by quality control: {said}.", "image quality metrics")


def _refused(facts: Facts) -> Iterator[Message]:
    files = sorted({str(r["file"]).rstrip("/").rpartition("/")[2] for r in facts["refused"]})
    if files:
        yield _message(
            "caution",
            "Files",
            f"Refused in full or in part: {listed(files, 4)}.",
            "causes under What was supplied",
        )


def _not_supplied(facts: Facts) -> Iterator[Message]:
    kinds = facts["supplied"]["kinds"]
    rooms = {k["room"]: k["room_title"] for k in kinds}
    lacking = [title for room, title in rooms.items() if facts["supplied"]["rooms"][room]]
    if lacking:
        yield _message(
            "info",
            "Not assessed",
            f"No usable data: {', '.join(lacking)}. Absent is not normal.",
            "see What was supplied",
        )
