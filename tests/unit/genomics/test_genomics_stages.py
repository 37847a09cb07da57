"""The stages by hand, on a cohort small enough to know every genotype."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from consilium.core.store import read_facts, read_table
from consilium.genomics import stages
from consilium.genomics.cohort.matrix import load
from reads_files import bam, changed, other_base, reference
from vcf_files import ROOT, SITES, write


class Cohort:
    """A folder with sheets; stages run on it one by one."""

    def __init__(
        self, folder: Path, patients: dict[str, str], rows: list[tuple[str, str, Path]], fasta: Path | None
    ) -> None:
        self.folder, self.fasta = folder, fasta
        self.sheet, self.samples, self.panel = (folder / n for n in ("patients.tsv", "samples.tsv", "panel.tsv"))
        self.sheet.write_text("patient\tsex\n" + "".join(f"{p}\t{s}\n" for p, s in patients.items()))
        lines = [f"{p}\tgenomics\t{kind}\t{path}" for p, kind, path in rows]
        self.samples.write_text("patient\tmodality\tkind\tpath\n" + "\n".join(lines) + "\n")
        self.patients = ",".join(patients)

    def run(self) -> None:
        common = {"samples": self.samples, "panel": self.panel, "known_sites": SITES, "reference": self.fasta}
        made, results = self.folder, self.folder / "patients"
        chunk = {"patients": self.patients, "folder": results, **common}
        stages.reads(sheet=self.sheet, manifest=made / "reads.json", **chunk)
        stages.intake(manifest=made / "intake.json", **chunk)
        out = {"genotypes": made / "g.vcz", "sources": made / "sources.json", "quarantine": made / "q.tsv"}
        stages.merge(sheet=self.sheet, intake=[made / "intake.json"], reads=[made / "reads.json"], **out, **common)
        stages.cohort_qc(
            made / "g.vcz", made / "sources.json", self.sheet, 0.5, made / "samples_qc.tsv", made / "v.tsv"
        )
        stages.structure(made / "g.vcz", self.sheet, self.panel, made / "ancestry.tsv", made / "kinship.tsv")
        stages.identity(self.samples, made / "g.vcz", made / "sources.json", self.panel, results, 0.03, made / "id.tsv",
                        reads=[made / "reads.json"])  # fmt: skip

    def genotypes(self) -> dict:
        m = load(self.folder / "g.vcz")
        gt = np.asarray(m.gt)
        return {(int(p), r, a): dict(zip(m.samples, g.tolist(), strict=True))
                for p, r, a, g in zip(m.pos, m.ref, m.alt, gt, strict=True)}  # fmt: skip


def write_panel(cohort: Cohort, sequence: str, positions: list[int]) -> None:
    rows = [f"chr1\t{p}\t{sequence[p - 1]}\t{other_base(sequence[p - 1])}\t0.5" for p in positions]
    cohort.panel.write_text("chrom\tpos\tref\talt\tX\n" + "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Own: VCF and own reads. Joint: in the joint file. Reads: BAM only. Swap: VCF, reads of Own. Bad: a letter."""
    folder = tmp_path_factory.mktemp("cohort")
    fasta, sequence = reference(folder)
    positions = list(range(1200, 3800, 40))
    rng = np.random.default_rng(4)
    genome = {p: rng.integers(0, 2, (len(positions), 2)) for p in ("Own", "Joint", "Reads", "Swap")}

    def haplotypes(person: str) -> tuple[str, str]:
        one, two = (
            changed(
                sequence,
                *((p, other_base(sequence[p - 1])) for p, g in zip(positions, genome[person][:, s], strict=True) if g),
            )
            for s in (0, 1)
        )
        return one, two

    def rows(*people: str) -> list[str]:
        return [
            f"1 {p} . {sequence[p - 1]} {other_base(sequence[p - 1])} . PASS . GT "
            + " ".join("|".join(map(str, genome[x][i])) for x in people)
            for i, p in enumerate(positions)
        ]

    files = [
        ("Own", "vcf", write(folder / "own.vcf", rows("Own"), ("somebody",))),
        ("Own", "bam", bam(folder / "own.bam", haplotypes("Own"), 30)),
        ("*", "vcf", write(folder / "joint.vcf.gz", rows("Reads", "Joint"), ("Stranger", "Joint"))),
        ("Reads", "bam", bam(folder / "reads.bam", haplotypes("Reads"), 30, index=False)),
        ("Swap", "vcf", write(folder / "swap.vcf", rows("Swap"), ("Swap",))),
        ("Swap", "bam", bam(folder / "swap.bam", haplotypes("Own"), 30)),
        ("Bad", "vcf", folder / "bad.vcf"),
    ]
    (folder / "bad.vcf").write_text("Dear colleague")
    sexes = dict.fromkeys(("Own", "Joint", "Reads", "Swap", "Bad", "Nobody"), "female")
    made = Cohort(folder, sexes, files, fasta)
    write_panel(made, sequence, positions)
    made.truth = {p: genome[p] for p in genome}  # type: ignore[attr-defined]
    made.run()
    return made


def test_genotypes_of_all_sources(cohort: Cohort) -> None:
    found = cohort.genotypes()
    assert len(found) == 65
    truth = cohort.truth  # type: ignore[attr-defined]
    for i, row in enumerate(found.values()):
        assert list(row) == ["Own", "Joint", "Reads", "Swap"]
        assert row["Own"] == truth["Own"][i].tolist() and row["Joint"] == truth["Joint"][i].tolist()
        assert sorted(row["Reads"]) in (sorted(truth["Reads"][i].tolist()), [-1, -1])
    assert sum(row["Reads"] != [-1, -1] for row in found.values()) > 55


def test_sources_and_refusals(cohort: Cohort) -> None:
    facts = read_facts(cohort.folder / "sources.json")
    assert facts["sources"] == {"Own": "vcf", "Joint": "joint", "Reads": "reads", "Swap": "vcf"}
    assert list(facts["samples_not_in_sheet"].values()) == [1]
    refused = read_table(cohort.folder / "q.tsv", "quarantine")
    assert refused["patient"].tolist() == ["Bad"]
    assert "no ##fileformat" in refused["cause"][0]


def test_identity_of_the_cohort(cohort: Cohort) -> None:
    table = read_table(cohort.folder / "id.tsv", "identity").set_index("patient")
    assert table["verdict"].to_dict() == {"Own": "match", "Reads": "not assessed", "Swap": "swap"}
    assert table.loc["Swap", "likely_patient"] == "Own"
    assert table.loc["Own", "concordance"] == 1
    assert set(table["contamination_verdict"]) == {"clean"}
    facts = json.loads((cohort.folder / "patients" / "Swap" / "genomics" / "identity.json").read_text())
    assert facts["verdict"] == "swap" and facts["schema_version"] == 1


def test_quality_and_structure_tables(cohort: Cohort) -> None:
    people = read_table(cohort.folder / "samples_qc.tsv", "samples_qc")
    assert people["patient"].tolist() == ["Own", "Joint", "Reads", "Swap"]
    assert (people["n_sites"] == 65).all() and people["n_called"][0] == 65
    ancestry = read_table(cohort.folder / "ancestry.tsv", "ancestry")
    assert (ancestry["population"] == "not assessed").all()
    read_table(cohort.folder / "kinship.tsv", "kinship")
    assert len(read_table(cohort.folder / "v.tsv", "variants_qc")) == 65


def test_check_finds_what_the_stages_refuse(cohort: Cohort) -> None:
    out = cohort.folder / "check.tsv"
    stages.check(cohort.samples, cohort.sheet, cohort.panel, SITES, out, reference=cohort.fasta)
    assert (cohort.folder / "check.tsv").read_text() == (cohort.folder / "q.tsv").read_text()


def test_again_gives_the_same_bytes(cohort: Cohort) -> None:
    def digests() -> dict[str, str]:
        files = [p for p in sorted(cohort.folder.rglob("*")) if p.is_file() and not p.name.startswith(".s")]
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    before = digests()
    cohort.run()
    assert digests() == before


def test_reads_alone_without_a_reference(tmp_path: Path) -> None:
    """Nothing can be called: an empty store, tables without rows, and the cause said."""
    _, sequence = reference(tmp_path)
    path = bam(tmp_path / "a.bam", (sequence, sequence))
    alone = Cohort(tmp_path, {"P1": "male"}, [("P1", "bam", path)], None)
    write_panel(alone, sequence, list(range(1200, 3800, 40)))
    alone.run()
    assert alone.genotypes() == {}
    assert "no reference FASTA" in read_table(tmp_path / "q.tsv", "quarantine")["cause"][0]
    assert read_table(tmp_path / "samples_qc.tsv", "samples_qc").empty
    assert read_table(tmp_path / "id.tsv", "identity")["verdict"].tolist() == ["not assessed"]


def test_a_patients_file_with_several_people_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", ["1 100 . A G . . . GT 0/1 0/0"], ("A", "B"))
    one = Cohort(tmp_path, {"P1": "female"}, [("P1", "vcf", path)], None)
    one.panel.write_text("chrom\tpos\tref\talt\tX\n")
    one.run()
    assert "2 samples in one patient's file" in read_table(tmp_path / "q.tsv", "quarantine")["cause"][0]
    assert read_facts(tmp_path / "sources.json")["sources"] == {}


def test_a_joint_file_of_strangers_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf", ["1 100 . A G . . . GT 0/1 0/0"], ("A", "B"))
    one = Cohort(tmp_path, {"P1": "female"}, [("*", "vcf", path)], None)
    one.panel.write_text("chrom\tpos\tref\talt\tX\n")
    one.run()
    assert "no patient of the sheet" in read_table(tmp_path / "q.tsv", "quarantine")["cause"][0]


def test_overlapping_joint_files_that_disagree(tmp_path: Path) -> None:
    one = write(tmp_path / "a.vcf", ["1 100 . A G . . . GT 0/1 0/0", "1 200 . C T . . . GT 0/1 0/0"], ("P1", "P2"))
    two = write(tmp_path / "b.vcf", ["1 100 . A G . . . GT 1/1", "1 200 . C T . . . GT 1/0"], ("P1",))
    both = Cohort(tmp_path, {"P1": "female", "P2": "male"}, [("*", "vcf", one), ("*", "vcf", two)], None)
    both.panel.write_text("chrom\tpos\tref\talt\tX\n")
    both.run()
    assert both.genotypes() == {
        (100, "A", "G"): {"P1": [-1, -1], "P2": [0, 0]},
        (200, "C", "T"): {"P1": [0, 1], "P2": [0, 0]},
    }
    table = read_table(tmp_path / "v.tsv", "variants_qc")
    assert table["filter"].tolist() == ["flag", "pass"]
    assert "1 patient given two different genotypes" in table["reason"][0]


def test_a_grch37_cohort_and_its_table_of_files(tmp_path: Path) -> None:
    """Own and joint GRCh37 files are lifted over in intake and merge; check, merge and table say the same."""
    meta = "##contig=<ID=7,length=159138663>\n##contig=<ID=1,length=249250621>\n"
    rows = ["1 5 . A G . . . GT 0/1", "7 99270539 . C T . . . GT 0/1"]
    own = write(tmp_path / "own.vcf", rows, meta=meta)
    joint = write(tmp_path / "joint.vcf.gz", ["7 99270539 . C T . . . GT 1/1 0/0"], ("P2", "P3"), meta)
    people = Cohort(
        tmp_path, {"P1": "male", "P2": "male", "P3": "male"}, [("P1", "vcf", own), ("*", "vcf", joint)], None
    )
    people.panel.write_text("chrom\tpos\tref\talt\tX\n")
    common = {"samples": people.samples, "panel": people.panel, "known_sites": SITES,
              "targets": [ROOT / "resources" / "star_alleles" / "positions.tsv"],
              "lift_table": ROOT / "resources" / "lift_grch37.tsv"}  # fmt: skip
    stages.intake(patients="P1,P2,P3", folder=tmp_path / "patients", manifest=tmp_path / "i.json", **common)
    made = {"genotypes": tmp_path / "g.vcz", "sources": tmp_path / "s.json", "quarantine": tmp_path / "q.tsv"}
    stages.merge(sheet=people.sheet, intake=[tmp_path / "i.json"], **made, **common)
    assert people.genotypes() == {(99672916, "T", "C"): {"P1": [0, 1], "P2": [0, 0], "P3": [1, 1]}}
    stages.check(sheet=people.sheet, out=tmp_path / "check.tsv", **common)
    assert (tmp_path / "check.tsv").read_text() == (tmp_path / "q.tsv").read_text()
    assert "1 of 2 records of this GRCh37 file not used" in read_table(tmp_path / "q.tsv", "quarantine")["cause"][0]
    stages.intake_files(tmp_path / "s.json", tmp_path / "files.tsv", [tmp_path / "i.json"])
    table = read_table(tmp_path / "files.tsv", "vcf_files")
    assert table["patient"].tolist() == ["*", "P1"] and table["build"].tolist() == ["GRCh37", "GRCh37"]
    assert table["n_swapped"].tolist() == [1, 1] and table["n_unmapped"].tolist() == [0, 1]


def test_callable_regions_of_everybody_and_of_one(tmp_path: Path) -> None:
    """A BED for patient * holds for own and joint files, one of a patient for that patient alone."""
    targets = tmp_path / "targets.tsv"
    targets.write_text("chrom\tpos\tref\nchr1\t150\tC\nchr1\t250\tG\n")
    everybody, mine = tmp_path / "all.bed", tmp_path / "p2.bed"
    everybody.write_text("chr1\t100\t200\n")
    mine.write_text("chr1\t200\t300\n")
    one = write(tmp_path / "a.vcf", ["1 150 . C T . . . GT 0/1"])
    two = write(tmp_path / "b.vcf", ["1 120 . A G . . . GT 0/1 0/0", "1 290 . T C . . . GT 0/1 0/0"], ("P2", "P3"))
    files = [("P1", "vcf", one), ("*", "vcf", two), ("*", "callable", everybody), ("P2", "callable", mine)]
    people = Cohort(tmp_path, {"P1": "male", "P2": "male", "P3": "male"}, files, None)
    people.panel.write_text("chrom\tpos\tref\talt\tX\n")
    common = {"samples": people.samples, "panel": people.panel, "known_sites": SITES, "targets": [targets],
              "regions": [everybody]}  # fmt: skip
    stages.intake(patients="P1,P2,P3", folder=tmp_path / "patients", manifest=tmp_path / "i.json", **common)
    made = {"genotypes": tmp_path / "g.vcz", "sources": tmp_path / "s.json", "quarantine": tmp_path / "q.tsv"}
    stages.merge(sheet=people.sheet, intake=[tmp_path / "i.json"], **made, **common)
    found = people.genotypes()
    untested = [-1, -1]
    assert found[150, "C", "T"] == {"P1": [0, 1], "P2": [0, 0], "P3": [0, 0]}
    assert found[250, "G", ""] == {"P1": untested, "P2": [0, 0], "P3": untested}
    assert read_table(tmp_path / "q.tsv", "quarantine").empty


def test_one_file_a_chromosome_for_one_patient_and_for_all(tmp_path: Path) -> None:
    """Several rows of the sheet for one patient, and several joint files, are one set of genotypes."""
    own = [write(tmp_path / f"p1.{c}.vcf", [f"{c} 100 . A G . . . GT 0/1"]) for c in ("1", "2")]
    joint = [write(tmp_path / f"all.{c}.vcf.gz", [f"{c} 100 . A G . . . GT 1/1 0/0"], ("P2", "P3")) for c in ("1", "2")]
    files = [*(("P1", "vcf", f) for f in own), *(("*", "vcf", f) for f in joint)]
    people = Cohort(tmp_path, {"P1": "male", "P2": "male", "P3": "male"}, files, None)
    people.panel.write_text("chrom\tpos\tref\talt\tX\n")
    people.run()
    gt = np.asarray(load(tmp_path / "g.vcz").gt).tolist()
    assert gt == [[[0, 1], [1, 1], [0, 0]]] * 2
    assert read_table(tmp_path / "q.tsv", "quarantine").empty


@pytest.mark.parametrize("broken", [False, True])
def test_callable_regions_of_a_patient_with_one_file_a_gene(tmp_path: Path, broken: bool) -> None:
    """A file's silence at another file's positions is no reference call; with a refused file nothing is filled."""
    targets = tmp_path / "targets.tsv"
    targets.write_text("chrom\tpos\tref\nchr1\t150\tC\nchr1\t250\tG\nchr1\t900\tT\n")
    regions = tmp_path / "a.bed"
    regions.write_text("chr1\t0\t1000\n")
    one = write(tmp_path / "a.vcf", ["1 150 . C T . . . GT 0/1", "1 290 . T C . . . GT 0/1"])
    two = write(tmp_path / "b.vcf", ["1 250 . G A . . . GT 1/1", *(["1 200 . G A . . . GT 1/1"] if broken else [])])
    files = [("P1", "vcf", one), ("P1", "vcf", two), ("P1", "callable", regions)]
    people = Cohort(tmp_path, {"P1": "male"}, files, None)
    people.panel.write_text("chrom\tpos\tref\talt\tX\n")
    common = {"samples": people.samples, "panel": people.panel, "known_sites": SITES, "targets": [targets]}
    stages.intake(patients="P1", folder=tmp_path / "patients", manifest=tmp_path / "i.json", **common)
    made = {"genotypes": tmp_path / "g.vcz", "sources": tmp_path / "s.json", "quarantine": tmp_path / "q.tsv"}
    stages.merge(sheet=people.sheet, intake=[tmp_path / "i.json"], **made, **common)
    found = people.genotypes()
    assert found[150, "C", "T"] == {"P1": [0, 1]}
    causes = " ".join(read_table(tmp_path / "q.tsv", "quarantine")["cause"])
    if broken:
        assert (250, "G", "A") not in found and (900, "T", "") not in found
        assert "callable regions beside a VCF that was refused" in causes
    else:
        assert found[250, "G", "A"] == {"P1": [1, 1]} and found[900, "T", ""] == {"P1": [0, 0]}
        assert causes == ""


def test_calls_under_the_limits_are_missing_in_own_and_joint_files_alike(tmp_path: Path) -> None:
    rows = ["1 100 . A G . . . GT:DP:GQ 0/1:9:50", "1 200 . C T . . . GT:DP:GQ 0/1:30:50",
            "1 300 . C T . . . GT:GQ 0/1:10", "1 400 . C T . . . GT 0/1"]  # fmt: skip
    own, joint = write(tmp_path / "own.vcf", rows, ("P1",)), write(tmp_path / "joint.vcf", rows, ("P2",))
    people = Cohort(tmp_path, {"P1": "male", "P2": "male"}, [("P1", "vcf", own), ("*", "vcf", joint)], None)
    people.panel.write_text("chrom\tpos\tref\talt\tX\n")
    common = {"samples": people.samples, "panel": people.panel, "known_sites": SITES, "min_dp": 10, "min_gq": 20}
    stages.intake(patients="P1,P2", folder=tmp_path / "patients", manifest=tmp_path / "i.json", **common)
    made = {"genotypes": tmp_path / "g.vcz", "sources": tmp_path / "s.json", "quarantine": tmp_path / "q.tsv"}
    stages.merge(sheet=people.sheet, intake=[tmp_path / "i.json"], **made, **common)
    found = {pos: calls for (pos, _, _), calls in people.genotypes().items()}
    lost, kept = [-1, -1], [0, 1]
    assert found == {p: {"P1": c, "P2": c} for p, c in ((100, lost), (200, kept), (300, lost), (400, kept))}
