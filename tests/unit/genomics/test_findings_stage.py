"""The stages of findings on a cohort small enough to know everything: phase, ploidy, what was looked at, page facts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from consilium.core.store import read_features, read_table
from consilium.genomics import stages
from findings_files import base, clinvar, fasta, gff, info
from vcf_files import SITES, write

X = 40_000_000  # outside the pseudo-autosomal regions
PEOPLE = {"Two": "female", "Trans": "female", "Cis": "male", "Open": "female", "Man": "male", "None": "female"}
# Row of the joint file: genotypes of Two, Trans, Cis, Open, Man. "None" has no genotypes at all.
ROWS = [
    (f"1 325 . {base(325)} A", "0/1 0|0 0|0 0/0 0/0"),  # GENA, TGG>AGG: ClinVar says pathogenic
    ("1 327 . G A", "0/0 0|1 0|0 0/1 ./."),  # GENA, TGG>TGA: stop, disputed
    ("1 331 . GCT ACG", "0|0 0|0 0|1 0/0 0/0"),  # GENA, two bases on one strand
    (f"1 1025 . {base(1025)} A", "1/1 1|0 1|0 0/1 0/0"),  # GENR, recessive
    ("1 1027 . G A", "0/0 0|1 1|0 0/1 0/1"),  # GENR, stop
    ("1 1040 . G T", "0/0 0|0 0|0 0/0 0/1"),  # GENR, not in ClinVar
    (f"X {X} . C T", "0/1 0|0 0|0 0/0 1/1"),
]
CLINVAR = [
    f"1 325 101 {base(325)} A {info('GENA', 'Pathogenic/Likely_pathogenic', MC='SO:0001583|missense_variant')}",
    "1 327 102 G A "
    + info("GENA", "Conflicting_classifications_of_pathogenicity", "criteria_provided,_conflicting_classifications",
           CLNSIGCONF="Pathogenic(2)|Uncertain_significance(1)", MC="SO:0001587|nonsense"),
    f"1 331 103 GCT ACG {info('GENA')}",
    f"1 340 104 G T {info('GENA')}",
    f"1 1025 201 {base(1025)} A {info('GENR', 'Likely_pathogenic', 'criteria_provided,_single_submitter')}",
    f"1 1027 202 G A {info('GENR', MC='SO:0001587|nonsense')}",
    f"X {X} 301 C T {info('GENX')}",
]  # fmt: skip
GENES = "# made list, v1\ngene\tphenotype\tinheritance\treport\nGENA\tA disease\tAD\t\nGENR\tA recessive one\tAR\t\n"
GENES += "GENX\tAn X-linked one\tXL\t\nGENU\tUnknown to all\tAD\t\n"


class Made:
    """A folder in which the stages ran one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sheet, self.samples, self.genes = (folder / n for n in ("patients.tsv", "samples.tsv", "genes.tsv"))
        self.sheet.write_text("patient\tsex\n" + "".join(f"{p}\t{s}\n" for p, s in PEOPLE.items()))
        joint = write(folder / "joint.vcf", [f"{v} . PASS . GT {g}" for v, g in ROWS], tuple(PEOPLE)[:5])
        bed = folder / "two.bed"
        bed.write_text("chr1\t0\t2000\n")
        cut = folder / "trans.bed"
        cut.write_text("1\t300\t580\n1\t1000\t2000\n")
        rows = [("*", "vcf", joint), ("Two", "callable", bed), ("Trans", "callable", cut), ("None", "callable", bed)]
        lines = [f"{p}\tgenomics\t{k}\t{path}" for p, k, path in rows]
        self.samples.write_text("patient\tmodality\tkind\tpath\n" + "\n".join(lines) + "\n")
        self.genes.write_text(GENES)
        (folder / "panel.tsv").write_text("chrom\tpos\tref\talt\tX\nchr1\t325\tT\tA\t0.5\n")
        self.fasta, self.gff = fasta(folder), gff(folder)
        stages.merge(self.sheet, self.samples, folder / "panel.tsv", SITES, folder / "g.vcz", folder / "sources.json",
                     folder / "q.tsv")  # fmt: skip
        clinvar(folder / "clinvar.vcf.gz", CLINVAR)
        frequencies = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
        frequencies += [f"1\t325\t.\t{base(325)}\tA\t.\t.\tAC=1;AF=0.0002", "1\t1027\t.\tG\tA,T\t.\t.\tAF=0.2,0.1"]
        (folder / "af.vcf").write_text("\n".join(frequencies) + "\n")

    def consequences(self, **options: Path) -> pd.DataFrame:
        stages.consequences(self.folder / "g.vcz", self.genes, self.gff, self.fasta, 0.001,
                            self.folder / "c.parquet", self.folder / "c.tsv", **options)  # fmt: skip
        return read_table(self.folder / "c.parquet", "consequences")

    def findings(self, **options: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        given = {"clinvar": self.folder / "clinvar.vcf.gz", "genes": self.genes, **options}
        out, looked, refused = (self.folder / n for n in ("f.tsv", "a.parquet", "p.tsv"))
        stages.findings(self.sheet, self.samples, self.folder / "g.vcz", self.folder / "sources.json",
                        known_sites=SITES, out=out, assessed=looked, quarantine=refused, **given)  # fmt: skip
        names = ((out, "gene_findings"), (looked, "genes_assessed"), (refused, "quarantine"))
        one, two, three = (read_table(path, name) for path, name in names)
        return one, two, three


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("findings"))


@pytest.fixture(scope="module")
def found(made: Made) -> tuple[pd.DataFrame, pd.DataFrame]:
    made.consequences(frequencies=made.folder / "af.vcf")
    rows, looked, refused = made.findings(gff=made.gff, reference=made.fasta, consequences=made.folder / "c.parquet")
    assert refused.empty
    return rows, looked


def of(rows: pd.DataFrame, patient: str, name: str) -> dict:
    (row,) = rows[(rows["patient"] == patient) & (rows["variation_id"] == name)].to_dict("records")
    return row


def test_verdicts(found):
    rows, _ = found
    said = {(r.patient, r.variation_id): (r.verdict, r.zygosity) for r in rows.itertuples()}
    assert said == {
        ("Two", "101"): ("report", "heterozygous"),
        ("Two", "201"): ("report", "homozygous"),
        ("Two", "301"): ("report", "heterozygous"),
        ("Trans", "102"): ("conflicting evidence", "heterozygous"),
        ("Trans", "201"): ("report", "heterozygous"),
        ("Trans", "202"): ("report", "heterozygous"),
        ("Cis", "103"): ("report", "heterozygous"),
        ("Cis", "201"): ("carrier", "heterozygous"),
        ("Cis", "202"): ("carrier", "heterozygous"),
        ("Open", "102"): ("conflicting evidence", "heterozygous"),
        ("Open", "201"): ("possible", "heterozygous"),
        ("Open", "202"): ("possible", "heterozygous"),
        ("Man", "202"): ("carrier", "heterozygous"),
        ("Man", "301"): ("report", "hemizygous"),
    }


def test_phase_and_conflict_are_said(found):
    rows, _ = found
    assert of(rows, "Trans", "201")["phase"] == "in trans with chr1:1027 G>A"
    assert of(rows, "Cis", "201")["phase"] == "in cis with chr1:1027 G>A"
    assert of(rows, "Open", "201")["phase"] == "phase unknown to chr1:1027 G>A"
    disputed = of(rows, "Trans", "102")
    assert disputed["conflicts"] == "Pathogenic 2; Uncertain significance 1" and disputed["stars"] == 1
    assert of(rows, "Man", "301")["reason"] == "given as homozygous"
    assert set(rows["release"]) == {"ClinVar 2025-03-01"} and set(rows["gene_list"]) == {"made list, v1"}


def test_consequences_take_the_strand_together_where_it_is_known(made, found):
    table = read_table(made.folder / "c.parquet", "consequences")
    rows = {(r.patient, r.pos): r for r in table.itertuples()}
    assert rows["Two", 325].consequence == "missense" and rows["Two", 325].method == "alone"
    assert rows["Open", 1027].consequence == "stop_gained" and rows["Open", 1027].method == "alone"
    # On one strand of Cis: TGG -> AGA, which is arginine, not a stop.
    assert rows["Cis", 1027].method == "with its strand" and "stop" not in rows["Cis", 1027].consequence
    assert rows["Trans", 1027].consequence == "stop_gained" and rows["Trans", 1027].method == "with its strand"
    assert rows["Two", 1025].copies == 2 and "None" not in set(table["patient"])
    assert rows["Two", 325].frequency == 0.0002 and rows["Two", 325].rare
    assert not rows["Open", 1027].rare and rows["Man", 1040].rare


def test_nothing_found_is_said_only_where_everything_was_looked_at(found):
    _, looked = found
    said = {(r.patient, r.gene): (r.status, r.statement) for r in looked.itertuples()}
    assert len(said) == 4 * len(PEOPLE)
    assert said["Two", "GENA"] == ("assessed", "1 variant found")
    assert said["Trans", "GENR"] == ("assessed", "2 variants found")
    assert said["Trans", "GENA"][0] == "partly assessed" and "20 of 300 bases uncovered" in said["Trans", "GENA"][1]
    assert said["Two", "GENU"] == ("not assessed", "no P/LP variant among the variants given; absence not assessed: "
                                   "no coordinates of this gene in the annotation; no P/LP site known")  # fmt: skip
    assert said["Man", "GENA"][1] == (
        "no P/LP variant among the variants given; absence not assessed: the files do not say which bases were looked "
        "at; 2 of 4 known P/LP sites tested"
    )
    assert said["None", "GENA"] == ("not assessed", "not assessed: no genotypes of this patient")
    assert "nothing found" not in " ".join(s for p, s in said.values() if p != "assessed")


def test_counts_by_gene_only_where_the_gene_was_looked_at(made, found):
    folder = made.folder
    people = ("patient\tsource\tn_sites\tn_called\tmissing_rate\thet_rate\ttitv\tn_singletons\tx_het_rate\tsex_sheet\t"
              "sex_inferred\tverdict\treason\n")  # fmt: skip
    people += "".join(f"{p}\tjoint\t7\t7\t0\t\t\t0\t\tfemale\tunknown\tkeep\t\n" for p in tuple(PEOPLE)[:5])
    (folder / "samples_qc.tsv").write_text(people)
    for name in ("ancestry", "pharmacogenes", "polygenic"):
        from consilium.core.register import TABLES
        from consilium.core.store import write_table

        write_table(folder / f"{name}.tsv", name, TABLES[name].empty())
    root = Path(__file__).resolve().parents[3]
    stages.features(made.sheet, made.samples, folder / "samples_qc.tsv", folder / "ancestry.tsv",
                    folder / "pharmacogenes.tsv", folder / "polygenic.tsv", root / "resources" / "star_alleles",
                    folder / "x.zarr.zip", folder / "x.tsv", consequences=folder / "c.parquet",
                    assessed=folder / "a.parquet")  # fmt: skip
    block = read_features(folder / "x.zarr.zip")["burden"]
    values = block["values"].to_series().unstack()
    assert list(block["feature"].values) == [f"rare_{k}:{g}" for g in ("GENA", "GENR") for k in
                                             ("truncating", "missense")]  # fmt: skip
    assert values.loc["Two"].tolist() == [0, 1, 0, 2]
    assert values.loc["Trans"].isna().tolist() == [True, True, False, False]
    assert not block["present"].sel(patient="Open") and "not none" in str(block["reason"].sel(patient="Open").values)
    assert str(block["reason"].sel(patient="None").values) == "not in the cohort's genotype file"


def test_a_refused_clinvar_file_is_said_and_stops_nothing(made, tmp_path):
    old = clinvar(tmp_path / "old.vcf", CLINVAR, build="GRCh37")
    rows, looked, refused = made.findings(clinvar=old)
    assert rows.empty and set(looked["status"]) == {"not assessed"}
    assert "another genome build" in refused["cause"][0] and "vcf_GRCh38" in refused["cause"][0]
    assert all("ClinVar file refused" in s for s in looked["statement"])


def test_a_bad_annotation_and_a_bad_gene_list_are_named(made, tmp_path):
    other = tmp_path / "genes.gff3"
    other.write_text("##gff-version 3\n1\tx\tgene\t1\t90\t.\t+\t.\tID=gene1;Name=GENA\n")
    _, looked, refused = made.findings(gff=other)
    assert "ID=gene:" in refused["cause"][0] and set(looked["annotation"]) == {""}
    assert "GRCh37" in made_refusal(made, gff(tmp_path, "GRCh37.p13"))
    made.genes = tmp_path / "genes.tsv"
    made.genes.write_text("gene\treport\nGENA\tsome\nGENA\t\n")
    _, _, refused = made.findings()
    made.genes = made.folder / "genes.tsv"
    assert [f"line {n}" for n in refused["line"]] == ["line 2"] and "report 'some'" in refused["cause"][0]


def made_refusal(made: Made, annotation: Path) -> str:
    return str(made.findings(gff=annotation)[2]["cause"][0])


def test_hpo_terms_point_to_a_gene_with_a_truncating_variant(made, tmp_path, found):
    def packet(name: str, gene: str, disease: str, *terms: str) -> dict:
        variant = {"variationDescriptor": {"geneContext": {"symbol": gene}}}
        diagnosis = {"disease": {"id": f"OMIM:{disease}", "label": f"disease of {gene}"},
                     "genomicInterpretations": [{"variantInterpretation": variant}]}  # fmt: skip
        return {"id": name, "phenotypicFeatures": [{"type": {"id": t, "label": t}} for t in terms],
                "interpretations": [{"diagnosis": diagnosis}],
                "metaData": {"externalReferences": [{"id": f"PMID:{name}"}]}}  # fmt: skip

    cases = [packet("c1", "GENR", "1", "HP:0000001", "HP:0000002"), packet("c2", "OTHER", "2", "HP:0000003")]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, cases)) + "\nno JSON\n")
    (tmp_path / "man.json").write_text(json.dumps(packet("x", "", "9", "HP:0000001", "HP:0000002")))
    (tmp_path / "bad.json").write_text("[]")
    rows = [("Man", tmp_path / "man.json"), ("Two", tmp_path / "bad.json")]
    sheet = tmp_path / "samples.tsv"
    lines = [f"{p}\tgenomics\tphenopacket\t{path}" for p, path in rows]
    sheet.write_text("patient\tmodality\tkind\tpath\n" + "\n".join(lines) + "\n")
    ranking = tmp_path / "hpo_ranking.tsv"
    stages.phenotypes(sheet, tmp_path / "cases.jsonl", 20, ranking, tmp_path / "q.tsv")
    table = read_table(ranking, "hpo_ranking")
    assert table["patient"].tolist() == ["Man"] and table["genes"].tolist() == ["GENR"] and table["score"][0] == 1
    refused = read_table(tmp_path / "q.tsv", "quarantine")
    assert sorted(refused["patient"]) == ["*", "Two"] and "no phenopacket" in " ".join(refused["cause"])

    # 1040 G>T is GCT>TCT, no stop; with the change of 1027 rare enough it is the stop that is pointed at.
    made.genes = tmp_path / "list.tsv"
    made.genes.write_text("gene\nGENA\n")
    made.consequences(ranking=ranking)
    clinvar(tmp_path / "none.vcf", [f"1 340 104 G T {info('GENA')}"])
    rows, looked, _ = made.findings(
        clinvar=tmp_path / "none.vcf", ranking=ranking, consequences=made.folder / "c.parquet"
    )
    made.genes = made.folder / "genes.tsv"
    (row,) = rows.to_dict("records")
    assert (row["patient"], row["gene"], row["pos"], row["hpo_rank"]) == ("Man", "GENR", 1027, 1)
    assert row["verdict"] == "possible" and row["gene_list"] == "HPO ranking" and "truncating" in row["reason"]
    assert ("Man", "GENR") in set(zip(looked["patient"], looked["gene"], strict=True))
