"""The page's section on genes: evidence, what was looked at, and one line where nothing is configured."""

from __future__ import annotations

import json
from pathlib import Path

import made_names
import pandas as pd
from consilium.core.store import write_table
from consilium.report.pages import write_pages

ACTIVE = f"{made_names.ACTIVE},gene_findings,genes_assessed,hpo_ranking"
GENES = [f"GENE{i}" for i in range(1, 21)]


def finding(patient: str, gene: str, verdict: str, **more: object) -> dict:
    return {
        "patient": patient, "gene": gene, "chrom": "chr1", "pos": 1000, "ref": "C", "alt": "T", "verdict": verdict,
        "reason": "", "significance": "Pathogenic", "kind": "P", "stars": 3, "review": "reviewed by expert panel",
        "conflicts": "", "diseases": "Some disease", "variation_id": "77", "zygosity": "heterozygous", "phase": "",
        "consequence": "stop_gained", "consequence_by": "bcftools csq", "amino_acids": "9W>9*", "frequency": 0.0001,
        "gene_list": "made list, v1", "phenotype": "Some syndrome", "inheritance": "AD", "hpo_rank": None,
        "release": "ClinVar 2025-03-01", **more,
    }  # fmt: skip


def looked(patient: str, gene: str, status: str, reason: str, n_findings: int = 0, **more: object) -> dict:
    return {
        "patient": patient, "gene": gene, "gene_list": "made list, v1", "status": status, "statement": "said",
        "n_findings": n_findings, "n_sites": 10, "n_sites_tested": 4, "n_bases": None, "n_uncovered": None,
        "coverage_by": "", "reason": reason, "release": "ClinVar 2025-03-01", "annotation": "genes.gff3 (GRCh38)",
        **more,
    }  # fmt: skip


def tables(cohort: Path) -> None:
    """P002: two findings and genes of every status. P003: nothing said by its files. P030: no genome."""
    found = [
        finding("P002", "GENE2", "conflicting evidence", significance="Conflicting classifications of pathogenicity",
                stars=1, conflicts="Pathogenic 2; Uncertain significance 5", pos=2000),
        finding("P002", "GENE1", "report", hpo_rank=1),
    ]  # fmt: skip
    rows = [looked("P002", "GENE1", "assessed", "", 1), looked("P002", "GENE2", "assessed", "", 1)]
    rows += [looked("P002", g, "assessed", "") for g in GENES[2:15]]
    rows += [
        looked("P002", "GENE16", "partly assessed", "30 of 900 bases uncovered", n_bases=900, n_uncovered=30),
        *(looked("P002", g, "not assessed", "no coordinates of this gene in the annotation") for g in GENES[16:]),
    ]
    said = "the files do not say which bases were looked at"
    rows += [looked("P003", g, "not assessed", said) for g in GENES]
    ranking = {"patient": "P002", "rank": 1, "disease": "Some syndrome", "disease_id": "OMIM:1", "genes": "GENE1",
               "score": 0.61, "nearest_case": "PMID_1_a", "n_terms": 5, "copies": 1,
               "shared": "HP:0000001 Something"}  # fmt: skip
    write_table(cohort / "genomics/gene_findings.tsv", "gene_findings", pd.DataFrame(found))
    write_table(cohort / "genomics/genes_assessed.parquet", "genes_assessed", pd.DataFrame(rows))
    write_table(cohort / "genomics/hpo_ranking.tsv", "hpo_ranking", pd.DataFrame([ranking]))


def pages(copy, *members: str, active: str = ACTIVE) -> dict[str, tuple[dict, str]]:
    write_pages(copy.read(only=list(members), active=active), list(members), "title", "digest", copy.manifest)
    entries = json.loads(copy.manifest.read_text())["patients"]
    assert not any(e["defects"] for e in entries), entries
    folder = copy.patients
    return {p: (json.loads((folder / p / "report.json").read_text()), (folder / p / "report.html").read_text())
            for p in members}  # fmt: skip


def section(html: str) -> str:
    return " ".join(html.split('<section id="gene_findings"')[1].split("</section>")[0].split())


def test_evidence_and_what_was_looked_at(copy):
    tables(copy.cohort)
    facts, html = pages(copy, "P002")["P002"]
    said = section(html)
    assert [f["gene"] for f in facts["gene_findings"]["findings"]] == ["GENE1", "GENE2"]
    assert "★★★☆" in said and "Pathogenic 2; Uncertain significance 5" in said and "Variation 77" in said
    assert "Nothing found in 13 of 20 genes" in said and "GENE16 30 of 900 bases" in said
    assert "4 of 20 genes: no further pathogenic variant among those given; absence not assessed: no coord" in said
    assert "ClinVar 2025-03-01; genes: made list, v1; annotation genes.gff3 (GRCh38)" in said
    assert "GENE1: report" in said and "PMID_1_a" in said
    first = [m for m in facts["summary"] if m["topic"] == "Genes"]
    assert [m["level"] for m in first] == ["alert"] and "GENE1: pathogenic, heterozygous" in first[0]["text"]


def test_nothing_found_is_never_said_of_files_that_cannot_tell(copy):
    tables(copy.cohort)
    said = {p: section(html) for p, (_, html) in pages(copy, "P003", made_names.EMPTY).items()}
    assert "20 of 20 genes: no further pathogenic variant among those given; absence not assessed" in said["P003"]
    assert "Nothing found" not in said["P003"] and "not assessed: genome not supplied" in said[made_names.EMPTY]


def test_one_line_where_nothing_is_configured(copy):
    tables(copy.cohort)  # left from an earlier run: not read
    for active in (made_names.ACTIVE,):
        _, html = pages(copy, "P002", active=active)["P002"]
        assert "not assessed: no ClinVar file configured" in section(html) and "GENE1" not in section(html)
