"""ClinVar's words and files: every layout, other builds, and what is not pathogenic."""

from pathlib import Path

import pytest
from consilium.core.errors import InputError
from consilium.genomics.findings.clinvar import read_clinvar
from consilium.genomics.findings.significance import conflict, significance, stars
from consilium.genomics.intake.normalise import Reference
from findings_files import FIRST, base, clinvar, fasta, info
from hypothesis import given, settings
from hypothesis import strategies as st
from vcf_files import known_sites

# Values of CLNSIG as releases from 2017 to 2025 write them.
WORDS = {
    "Pathogenic": "P",
    "Likely_pathogenic": "LP",
    "Pathogenic/Likely_pathogenic": "P/LP",
    "Pathogenic/Likely_pathogenic|risk_factor": "P/LP",
    "Likely_pathogenic|drug_response|other": "LP",
    "Pathogenic|_risk_factor": "P",
    "Pathogenic/Pathogenic,_low_penetrance": "P",
    "Pathogenic/Likely_pathogenic/Likely_risk_allele": "P/LP",
    "Likely_pathogenic,_low_penetrance": "LP",
    "Conflicting_classifications_of_pathogenicity|other": "conflicting",
    "Conflicting_interpretations_of_pathogenicity": "conflicting",
    "Uncertain_significance": None,
    "Benign/Likely_benign": None,
    "Likely_risk_allele": None,
    "risk_factor": None,
    "drug_response": None,
    "no_classification_for_the_single_variant": None,
    "5": "P",
    "5|4": "P/LP",
    "5|2": "conflicting",
    "3|2": None,
}
STATUS = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided,_multiple_submitters,_no_conflicts": 2,
    "criteria_provided,_single_submitter": 1,
    "criteria_provided\\x2c_single_submitter": 1,
    "criteria_provided,_conflicting_classifications": 1,
    "criteria_provided,_conflicting_interpretations": 1,
    "no_assertion_criteria_provided": 0,
    "no_classification_provided": 0,
    "single|mult": 2,
    "something_new": 0,
    "": 0,
}


@pytest.mark.parametrize("clnsig", WORDS)
def test_classification(clnsig):
    found = significance(clnsig)
    assert (found.kind if found else None) == WORDS[clnsig]


def test_low_penetrance_only_where_nobody_says_otherwise():
    assert significance("Likely_pathogenic,_low_penetrance").low_penetrance
    assert not significance("Pathogenic/Pathogenic,_low_penetrance").low_penetrance


def test_a_conflict_counts_if_somebody_says_pathogenic():
    name = "Conflicting_classifications_of_pathogenicity"
    assert significance(name, "Benign(1)|Uncertain_significance(3)") is None
    assert significance(name, "Likely_pathogenic(1)|Uncertain_significance(3)").kind == "conflicting"
    assert conflict("Pathogenic(5)|Uncertain_significance(1)") == {"Pathogenic": 5, "Uncertain significance": 1}
    assert conflict("Pathogenic(1)%3BUncertain_significance(2)") == {"Pathogenic": 1, "Uncertain significance": 2}
    assert conflict("Pathogenic(1),Benign(1)") == {"Pathogenic": 1, "Benign": 1}
    assert conflict("Pathogenic,_low_penetrance(2)|Benign(1)") == {"Pathogenic, low penetrance": 2, "Benign": 1}


@pytest.mark.parametrize("status", STATUS)
def test_stars(status):
    assert stars(status) == STATUS[status]


def test_current_layout(tmp_path: Path):
    ref = base(325)
    path = clinvar(
        tmp_path / "clinvar.vcf.gz",
        [
            f"1 325 11 {ref} A {info('GENA', MC='SO:0001587|nonsense', AF_EXAC='0.00002', AF_TGP='0.0002')}",
            f"1 326 12 GG AA {info('GENA|OTHER:2')}",
            f"1 330 13 A C {info('ELSEWHERE')}",
            f"1 331 14 A C {info('GENA', 'Benign')}",
            f"1 332 15 A . {info('GENA')}",
            "1 333 16 A C ALLELEID=1;GENEINFO=GENA:1;ONC=Oncogenic;ONCREVSTAT=reviewed_by_expert_panel",
            f"NW_009646201.1 10 17 A C {info('GENA')}",
        ],
    )
    found = read_clinvar(path, {"GENA"}, known_sites())
    assert (found.release, found.n_records, found.n_unusable) == ("ClinVar 2025-03-01", 7, 2)
    one, two = found.entries
    assert one.key == ("chr1", 325, ref, "A") and one.id == "11" and one.stars == 3
    assert one.diseases == ("Some disease",) and one.consequences == ("nonsense",) and one.frequency == 0.0002
    assert two.key == ("chr1", 326, "GG", "AA") and two.genes == ("GENA", "OTHER")


def test_of_one_variant_twice_the_better_reviewed_counts(tmp_path: Path):
    status = ("criteria_provided,_single_submitter", "practice_guideline", "reviewed_by_expert_panel")
    rows = [f"1 340 {n} G T {info('GENA', stars=s)}" for n, s in enumerate(status)]
    (entry,) = read_clinvar(clinvar(tmp_path / "c.vcf", rows), {"GENA"}, known_sites()).entries
    assert entry.id == "1" and entry.stars == 4


def test_layout_before_2017(tmp_path: Path):
    rows = [
        "1 325 rs1 G A,C GENEINFO=GENA:1;CLNALLE=2,1;CLNSIG=2,5|5;CLNREVSTAT=single,mult|exp;CLNDBN=x,Some_disease;"
        "CLNACC=RCV1.1,RCV2.1|RCV3.1",
        "1 330 rs2 A C GENEINFO=GENA:1;CLNALLE=-1;CLNSIG=5;CLNREVSTAT=single;CLNDBN=x;CLNACC=RCV4.1",
    ]
    found = read_clinvar(clinvar(tmp_path / "c.vcf", rows, head=FIRST), {"GENA"}, known_sites())
    (entry,) = found.entries
    assert found.date == "2015-03-05" and entry.key == ("chr1", 325, "G", "A") and entry.id == "RCV2.1"
    assert entry.significance.kind == "P" and entry.stars == 3 and entry.diseases == ("Some disease",)


def test_alleles_are_normalised_as_the_patients_own(tmp_path: Path):
    # GCTGCTGCT…: the last unit of the run deleted, written with bases to spare, is the first unit deleted.
    rows = [f"1 331 21 GCTGCT GCT {info('GENA')}"]
    reference = Reference(fasta(tmp_path))
    (entry,) = read_clinvar(clinvar(tmp_path / "c.vcf", rows), {"GENA"}, known_sites(), reference).entries
    assert (entry.pos, len(entry.ref), len(entry.alt)) == (327, 4, 1)
    (plain,) = read_clinvar(tmp_path / "c.vcf", {"GENA"}, known_sites()).entries
    assert (plain.pos, plain.ref, plain.alt) == (331, "GCTG", "G")


def refusal(path: Path, **settings) -> str:
    with pytest.raises(InputError) as caught:
        read_clinvar(path, {"GENA"}, known_sites(), **settings)
    (problem,) = caught.value.problems
    assert problem.allowed and problem.mend
    return problem.found


def test_another_build_is_refused_whatever_tells_it(tmp_path: Path):
    path, row = tmp_path / "c.vcf", f"1 325 11 G A {info('GENA')}"
    assert "its header names GRCh37" in refusal(clinvar(path, [row], build="GRCh37"))
    text = clinvar(path, [row], build="").read_text()
    path.write_text(text.replace("#CHROM", "##contig=<ID=1,length=249250621>\n#CHROM"))
    assert "contig lengths are of GRCh37" in refusal(path)
    sites = [(k, sorted(v)) for k, v in list(known_sites().grch37.items())[:5]]
    rows = [f"{c} {p} 1 {a[0]} {a[1]} {info('X', 'Benign')}" for (c, p), a in sorted(sites)]
    assert "lie as in GRCh37" in refusal(clinvar(path, rows, build=""))
    wrong = [f"1 {p} {p} {'A' if base(p) != 'A' else 'C'} T {info('GENA')}" for p in range(310, 320) if base(p) != "T"]
    assert "contradict the reference" in refusal(clinvar(path, wrong), reference=Reference(fasta(tmp_path)))


def test_other_files_are_refused(tmp_path: Path):
    path = tmp_path / "c.vcf"
    path.write_text("##fileformat=VCFv4.1\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t1\t.\tA\tC\t.\t.\tX=1\n")
    assert "no INFO field CLNSIG" in refusal(path)
    assert "without records" in refusal(clinvar(path, []))
    path.write_text("Dear colleague")
    assert refusal(path)
    packed = clinvar(tmp_path / "d.vcf.gz", [f"1 325 11 G A {info('GENA')}"])
    packed.write_bytes(packed.read_bytes()[:-12])
    assert "gzip" in refusal(packed)


@settings(max_examples=50)
@given(st.text(alphabet="ACGT012,;|=/_()%\\.PLikelypathogenic\t ", max_size=80))
def test_no_line_makes_the_reader_fall(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.vcf"
    clinvar(path, [f"1 325 11 G A {info('GENA')}"])
    path.write_text(path.read_text() + f"1\t330\t1\tA\tC\t.\t.\tGENEINFO=GENA:1;CLNSIG=Pathogenic;{text}\n")
    try:
        assert read_clinvar(path, {"GENA"}, known_sites()).entries
    except InputError as error:
        assert error.problems
