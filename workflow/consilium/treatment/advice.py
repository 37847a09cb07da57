"""One patient's drug against the guideline table: every action that the genotype leaves open, most cautious first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consilium.treatment.genotype import Call, combinations, states
from consilium.treatment.rulebase import ANY, Rule, matching

NOT_SUPPLIED = "genome not supplied"


@dataclass(frozen=True)
class Advice:
    """One row of guidelines.tsv, without the patient; empty text = nothing to say."""

    drug: str
    genes: str
    finding: str
    status: str
    action: str
    strength: str
    source: str
    reason: str


def advise(drug: str, rules: Mapping[str, list[Rule]], calls: Mapping[str, Call], no_genome: str = "") -> list[Advice]:
    """Rows for one substance. `no_genome`: why the patient has no calls at all ("" = has some).

    Several rows come from several indications or age groups, and from a genotype that allows several actions.
    """
    if drug not in rules:
        return [Advice(drug, "", "", "no guideline", "", "", "", "")]
    out: list[Advice] = []
    for genes in dict.fromkeys(rule.genes for rule in rules[drug]):
        of_genes = [r for r in rules[drug] if r.genes == genes]
        out += _for_genes(drug, genes, of_genes, calls, no_genome)
    return out


def _for_genes(
    drug: str, genes: tuple[str, ...], rules: list[Rule], calls: Mapping[str, Call], no_genome: str
) -> list[Advice]:
    label = " + ".join(genes)

    def unassessed(reason: str) -> list[Advice]:
        return [Advice(drug, label, "", "not assessed", "", "", rules[0].source, reason)]

    if rules[0].status == "no entries":
        return unassessed(f"the guideline needs {label}, whose recommendations are not in the table of this workflow")
    if no_genome:
        return unassessed(no_genome)
    lacking = [g for g in genes if not (g in calls and states(calls[g]))]
    needs_all = any(ANY in rule.keys[g] for rule in rules for g in genes)
    if len(lacking) == len(genes) or (lacking and needs_all):
        return unassessed("; ".join(_why_lacking(g, calls) for g in lacking))
    hits: dict[Rule, list[str]] = {}
    unmatched: list[str] = []
    for combination in combinations(genes, calls):
        finding = "; ".join(state.text for state in combination.values())
        found = matching(rules, {gene: state.keys for gene, state in combination.items()})
        if not found:
            unmatched.append(finding)
        for rule in found:
            hits.setdefault(rule, []).append(finding)
    caution = _cautions(genes, calls)
    return [
        *_rows(drug, label, rules, hits, caution),
        *(Advice(drug, label, f, "not assessed", "", "", rules[0].source,
                 "; ".join(["the guideline has no entry for this finding", *caution])) for f in unmatched),
    ]  # fmt: skip


def _rows(drug: str, label: str, rules: list[Rule], hits: Mapping[Rule, list[str]], caution: list[str]) -> list[Advice]:
    out = []
    for population in dict.fromkeys(r.population for r in rules):
        chosen = sorted((r for r in hits if r.population == population), key=lambda r: (-r.caution, -rules.index(r)))
        for rule in chosen:
            reason = list(caution)
            if len(chosen) > 1:
                reason.insert(0, f"one of {len(chosen)} possible entries, most cautious first")
            if rule.beside:
                reason.append(f"the guideline also weighs {rule.beside}, not assessed here")
            silent = rule.status == "no recommendation"
            if silent:
                reason.insert(0, "the guideline gives no recommendation for this finding")
            action = f"{population}: {rule.action}" if population and rule.action else rule.action
            if silent and population:
                reason[0] += f" ({population})"
            out.append(
                Advice(drug, label, " or ".join(hits[rule]), "not assessed" if silent else rule.status, action,
                       "" if silent else rule.strength, rule.source, "; ".join(reason))
            )  # fmt: skip
    return out


def _why_lacking(gene: str, calls: Mapping[str, Call]) -> str:
    call = calls.get(gene)
    return f"{gene} not called" + (f": {call.reason}" if call and call.reason else "")


def _cautions(genes: tuple[str, ...], calls: Mapping[str, Call]) -> list[str]:
    out = []
    for gene in genes:
        call = calls.get(gene)
        if call is None or not states(call):
            out.append(_why_lacking(gene, calls))
        elif call.call == "qualified":
            detail = call.reason or f"{call.untested} defining positions untested"
            out.append(f"{gene} call qualified: {detail}")
    return out
