"""What a carried variant means under the gene list: reported, a carrier of one copy, disputed, or not of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consilium.genomics.findings.carriers import Carrier, relation, zygosity
from consilium.genomics.findings.gene_lists import Gene
from consilium.genomics.findings.significance import CONFLICTING

REPORT, POSSIBLE, CARRIER = "report", "possible", "carrier"
DISPUTED, OTHER, UNKNOWN = "conflicting evidence", "not of the kind reported", "not assessed"
# Sequence Ontology, and the shorter names of bcftools csq.
TRUNCATING = {"nonsense", "stop_gained", "frameshift_variant", "frameshift", "splice_donor_variant", "splice_donor",
              "splice_acceptor_variant", "splice_acceptor"}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """phase: how this variant lies to the others of the gene in the patient; "" where there is no question."""

    verdict: str
    reason: str
    zygosity: str
    phase: str = ""


def judge(
    carried: Sequence[Carrier], gene: Gene, sex: str, consequences: Mapping[tuple[str, int, str, str], Sequence[str]]
) -> list[Verdict]:
    """One verdict a variant that one patient carries in one gene, in the order given.

    consequences: variant -> consequence terms computed from the user's annotation; ClinVar's own are used besides.
    """
    return [_one(c, carried, gene, sex, consequences.get(c.entry.key, ())) for c in carried]


def _one(carrier: Carrier, all_of_gene: Sequence[Carrier], gene: Gene, sex: str, computed: Sequence[str]) -> Verdict:
    how, remark = zygosity(carrier, sex)
    others = [c for c in all_of_gene if c is not carrier and c.entry.significance.kind != CONFLICTING]
    phase = _phase(carrier, others) if carrier.copies == 1 and how != "hemizygous" else ""
    verdict, reason = _by_rule(carrier, others, gene, how, phase, computed)
    notes = [reason, remark, "" if carrier.sure else "its bases are called in several rows whose strands are not known"]
    if carrier.entry.significance.low_penetrance:
        notes.append("low penetrance")
    if verdict == REPORT and (not carrier.sure or remark.startswith("not possible")):
        verdict = POSSIBLE
    return Verdict(verdict, "; ".join(n for n in notes if n), how, phase)


def _by_rule(
    carrier: Carrier, others: Sequence[Carrier], gene: Gene, how: str, phase: str, computed: Sequence[str]
) -> tuple[str, str]:
    both = carrier.copies == 2 or how == "hemizygous"
    if carrier.entry.significance.kind == CONFLICTING:
        return DISPUTED, "submitters disagree: never reported by itself"
    if gene.only is not None:
        if carrier.entry.key != gene.only:
            return OTHER, f"of {gene.symbol} only {_named(gene.only)} counts"
        return (REPORT, "") if both else (CARRIER, "one copy; two are needed")
    if gene.report == "truncating":
        return _truncating(carrier, computed)
    if gene.report == "two" and not both:
        return _second_hit(how, phase, bool(others))
    return REPORT, ""


def _truncating(carrier: Carrier, computed: Sequence[str]) -> tuple[str, str]:
    terms = {t for c in (*computed, *carrier.entry.consequences) for t in c.split("&")}
    if not terms:
        return UNKNOWN, "only truncating variants count, and the consequence is not known"
    return (REPORT, "") if terms & TRUNCATING else (OTHER, "only truncating variants of this gene count")


def _second_hit(how: str, phase: str, others: bool) -> tuple[str, str]:
    """A single copy in a gene that needs two."""
    if not others:
        lacking = "; the other strand has no call" if how == "one copy at least" else ""
        return (POSSIBLE if lacking else CARRIER), f"one copy; two are needed{lacking}"
    if phase.startswith("in trans"):
        return REPORT, "second variant on the other strand"
    if phase.startswith("in cis"):
        return CARRIER, "both variants on one strand; two strands are needed"
    return POSSIBLE, "second variant in this gene, strands not known"


def _phase(carrier: Carrier, others: Sequence[Carrier]) -> str:
    """in trans with …, phase unknown to … or in cis with …: the strongest relation to another variant of the gene."""
    found = {
        ("trans" if o.copies == 2 else relation(carrier, o)): o.entry
        for o in others
    }  # fmt: skip
    for name, said in (("trans", "in trans with"), ("unknown", "phase unknown to"), ("cis", "in cis with")):
        if name in found:
            return f"{said} {_named(found[name].key)}"
    return ""


def _named(key: tuple[str, int, str, str]) -> str:
    return f"{key[0]}:{key[1]} {key[2]}>{key[3]}"
