"""The guideline table against the tables of two independent programs (PharmCAT, PyPGx): same meaning, row by row."""

from __future__ import annotations

import csv
import gzip
import html
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from consilium.treatment import rulebase
from consilium.treatment.genotype import SCORES

OURS = {"CYP2C19", "CYP2C9", "VKORC1", "SLCO1B1", "TPMT", "NUDT15", "DPYD", "CYP3A5", "CYP2D6", "ABCG2", "CYP3A4"}
# Genes whose CPIC guidelines are held where they need no further gene.
FURTHER = {"UGT1A1", "CYP2B6", "CFTR", "G6PD", "RYR1", "CACNA1S", "HLA-A", "HLA-B", "MT-RNR1"}
DPWG_ONLY = {"acenocoumarol", "phenprocoumon", "flucytosine", "tegafur", "siponimod", "quetiapine"}


@pytest.fixture(scope="module")
def rules(root) -> dict[str, list[rulebase.Rule]]:
    return rulebase.read(root / "resources" / "guidelines.tsv")


def _text(fragment: str) -> str:
    body = re.split(r"<h\d", fragment)[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def _key(value: object) -> str:
    """Keys of the release -> ours: 1.0 -> 1, 1.0 (Intermediate Metabolizer) -> 1, {'*2': 1, '*3': 1} -> *2/*3."""
    if isinstance(value, dict):
        return "/".join(sorted(a for a, n in value.items() for _ in range(int(n))))
    text = str(value).split(" (")[0]
    return f"{float(text):g}" if re.fullmatch(r"\d\.\d", text) else text


def _with_phenotype(gene: str, key: str) -> frozenset[str]:
    """The key; of CYP2D6, whose release has scores only, with the phenotype of the score, as calls have both."""
    number = key.removeprefix("≥")
    if gene != "CYP2D6" or not re.fullmatch(r"[\d.]+", number):
        return frozenset({key})
    score = float(number)
    word = "Poor" if score == 0 else "Intermediate" if score < 1.25 else "Normal" if score <= 2.25 else "Ultrarapid"
    return frozenset({f"{score:g}", f"{word} Metabolizer"})


def _release(folder: Path) -> Iterator[dict]:
    """(drug, keys, text, strength, population, flags) of every row on our genes; others' genes as "No Result"."""
    with tarfile.open(folder / "genomics/pharmcat_tables/guidelines_v2.12.0.tar.gz") as tar:
        for member in sorted(tar.getnames()):
            if not member.endswith(".json"):
                continue
            guideline = json.load(tar.extractfile(member))
            genes = {g["symbol"] for g in guideline["guideline"]["relatedGenes"]}
            ours = OURS if genes & OURS else FURTHER
            if not genes & OURS and (not genes <= FURTHER or guideline["guideline"]["source"] == "DPWG"):
                continue
            pmids = [c["pmid"] for c in guideline["citations"]]
            for row in guideline["recommendations"]:
                keys = row["lookupKey"]
                if any(keys.get(g) != "No Result" for g in genes - ours if g in keys):
                    continue
                if "xN combinations" in keys.values():  # how to enter copies, no genotype
                    continue
                for drug in (c["name"] for c in row["relatedChemicals"]):
                    if guideline["guideline"]["source"] == "DPWG" and drug not in DPWG_ONLY:
                        continue
                    yield {
                        "drug": drug, "keys": {g: _key(k) for g, k in keys.items() if g in ours},
                        "population": row["population"] or "", "text": _text(row["text"]["html"]),
                        "strength": (row["classification"] or {}).get("term"), "pmids": pmids,
                        "other_drug": row["alternateDrugAvailable"], "dose": row["dosingInformation"],
                    }  # fmt: skip


POPULATIONS = {
    "CVI ACS PCI": "acute coronary syndrome or coronary intervention", "NVI": "neurovascular indication",
    "CVI non-ACS non-PCI": "other cardiovascular indication", "adults": "adults", "pediatrics": "children",
    "OXC naive": "never treated with it", "OXC use >3 mos": "treated with it for more than three months",
    "CBZ naive": "never treated with it", "CBZ use >3mos": "treated with it for more than three months",
    "CBZ-no alternatives": "never treated with it, no alternative at hand",
}  # fmt: skip


@pytest.mark.data
def test_every_row_of_the_release_is_there_with_the_same_meaning(rules, real_data):
    seen = 0
    wrong = []
    for row in _release(real_data):
        population = POPULATIONS.get(row["population"], "")
        hits = [
            r
            for r in rulebase.matching(rules[row["drug"]], {g: _with_phenotype(g, k) for g, k in row["keys"].items()})
            if r.population == population
        ]
        if len(hits) != 1:
            wrong.append((row["drug"], row["keys"], population, f"{len(hits)} rows"))
            continue
        wrong += [(row["drug"], row["keys"], w) for w in _differences(row, hits[0])]
        seen += 1
    assert seen > 400
    assert wrong == []


def _differences(row: dict, rule: rulebase.Rule) -> Iterator[str]:
    silent = row["text"] == "n/a" or "does not provide a recommendation" in row["text"]
    silent |= row["text"].startswith(("No recommendation", "No action recommended"))
    if silent != (rule.status == "no recommendation"):
        yield f"recommendation {not silent} there, status {rule.status} here"
    if silent:
        return
    graded = row["strength"] if row["strength"] in ("Strong", "Moderate", "Optional") else "not graded"
    if graded != rule.strength:
        yield f"strength {graded} there, {rule.strength} here"
    # Flags of the release; tegafur, flucytosine and siponimod of DPWG offer "avoid" without naming another drug.
    if row["drug"] not in DPWG_ONLY and row["other_drug"] != (rule.caution == 3):
        yield f"another drug {row['other_drug']} there, caution {rule.caution} here"
    if row["dose"] and rule.caution == 0:
        yield "dosing advice there, standard here"
    for number in re.findall(r"(?<![\w*.-])\d+(?:\.\d+)?", rule.action):
        if number not in re.findall(r"\d+(?:\.\d+)?", row["text"]) and not _paraphrased(number, row["text"]):
            yield f"number {number} is not in the source"
    if "PMID" in rule.source and not any(p in rule.source for p in row["pmids"]):
        yield f"cited {rule.source}, release cites {row['pmids']}"


def _paraphrased(number: str, text: str) -> bool:
    return number == "3" and "3 days/week" in text


@pytest.mark.data
def test_pypgx_recommendations_agree(rules, real_data):
    """PyPGx keys DPYD and CYP2C9 by phenotype: there, one of the scores of that phenotype must agree."""
    table = real_data / "genomics/pypgx_tables/recommendation-table.csv.gz"
    with gzip.open(table, "rt", encoding="utf-8") as handle:
        rows = [r for r in csv.DictReader(handle) if r["Gene1"] in OURS and r["Drug"] in rules]
    checked, apart = 0, []
    for row in rows:
        genes = {row["Gene1"]: row["Phenotype1"], row["Gene2"]: row["Phenotype2"]}
        genes = {g: "No Result" if p == "None" else p for g, p in genes.items() if g not in ("None", "")}
        if set(genes) - OURS:
            continue
        keys = {g: frozenset(_scores(g, p)) for g, p in genes.items()}
        hits = rulebase.matching(rules[row["Drug"]], keys)
        levels = {(r.status == "no recommendation", r.caution) for r in hits} or {(True, 0)}
        checked += 1
        if not any(_agrees(row["Recommendation"], silent, caution) for silent, caution in levels):
            apart.append((row["Drug"], genes, row["Recommendation"][:60], sorted(levels)))
    assert checked > 250
    # PyPGx carries the SSRI guideline of 2015 (the update of 2023 lowers doses of intermediate metabolizers), and has
    # no advice for "possible intermediate" CYP3A5, where CPIC advises as for intermediate. It lacks the row of doxepin
    # without CYP2D6; and tamoxifen's usual dose names inhibitors to avoid, which is no other drug.
    older = {"citalopram", "escitalopram", "sertraline", "paroxetine", "tacrolimus"}
    known = {
        ("doxepin", "Normal Metabolizer"),
        ("tamoxifen", "Normal Metabolizer"),
        ("tamoxifen", "Ultrarapid Metabolizer"),
    }
    assert [a for a in apart if a[0] not in older and (a[0], next(iter(a[1].values()))) not in known] == []
    assert len(apart) <= 13


def _scores(gene: str, phenotype: str) -> tuple[str, ...]:
    if gene not in SCORES or phenotype == "No Result":
        return (phenotype,)
    return (*SCORES[gene].get(phenotype, ("n/a",)), phenotype)


def _agrees(text: str, silent: bool, caution: int) -> bool:
    words = text.lower()
    if text in ("None", ""):
        return silent
    if silent:
        return words.startswith("no recommendation") or "n/a" in words
    strict = re.search(r"avoid|alternat|another|non-thiopurine", words)
    less = re.search(r"reduc|lower|increas|higher|25-50|50%|<=|lowest|slower|titrat", words)
    return bool((strict and caution >= 2) or (less and caution >= 1) or (not strict and caution <= 1))


def test_no_action_is_left_without_source_or_strength(rules):
    for rule in (r for of_drug in rules.values() for r in of_drug):
        assert rule.source
        assert bool(rule.action) == (rule.status in ("action", "standard")), rule
        assert rule.strength or rule.status == "no entries"


def test_every_phenotype_pair_of_the_thiopurines_has_exactly_one_row(rules):
    phenotypes = [f"{x} Metabolizer" for x in ("Normal", "Intermediate", "Possible Intermediate", "Poor")]
    phenotypes += ["Indeterminate", "No Result"]
    for drug in ("azathioprine", "mercaptopurine", "thioguanine"):
        for tpmt in phenotypes:
            for nudt15 in phenotypes:
                if tpmt == nudt15 == "No Result":
                    continue
                found = rulebase.matching(rules[drug], {"TPMT": frozenset({tpmt}), "NUDT15": frozenset({nudt15})})
                assert len(found) == 1, (drug, tpmt, nudt15)


def test_a_damaged_table_is_refused_by_line(tmp_path, root):
    text = (root / "resources" / "guidelines.tsv").read_text().splitlines()
    damaged = tmp_path / "guidelines.tsv"
    damaged.write_text("\n".join([*text[:3], "clopidogrel\tonly two", text[3].replace("\taction\t", "\tmaybe\t")]))
    with pytest.raises(Exception, match=r"guidelines.tsv:4") as error:
        rulebase.read(damaged)
    assert ":5" in str(error.value)
