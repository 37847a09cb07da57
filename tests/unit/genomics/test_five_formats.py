"""One simulated person as exome VCF, single-sample VCF, gVCF, joint VCF and BAM: the same report, or the reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.core.register import TABLES
from consilium.core.store import read_table, write_table
from consilium.genomics import stages
from consilium.genomics.cohort.matrix import load
from consilium.genomics.intake.build import CONTIGS
from consilium.simulate import genomes, people, reads, sequence, variants
from vcf_files import ROOT, SITES

pytestmark = pytest.mark.slow

STARS = ROOT / "resources" / "star_alleles"
FORMATS = ("Exome", "Single", "Gvcf", "Joint", "Bam")
UNCOVERED = "NUDT15"  # the gene that the exome's callable regions lack
FIELDS = "".join(
    f'##FORMAT=<ID={k},Number={n},Type={t},Description="">\n'
    for k, n, t in (("GT", 1, "String"), ("AD", "R", "Integer"), ("DP", 1, "Integer"), ("GQ", 1, "Integer"))
)


class Person:
    """The simulated person's genome, and its files."""

    def __init__(self, folder: Path) -> None:
        everybody = people.draw(60, seed=7)
        self.genomes = genomes.simulate(everybody, seed=7, reference_people=20)
        self.name = next(p for p in everybody["patient"] if everybody.set_index("patient").at[p, "sex"] == "male")
        self.row, self.folder = self.genomes.row(self.name), folder
        self.sites = self.genomes.sites
        haplotypes = self.genomes.haplotypes[self.row]
        self.strands = [(int(a), int(b)) for a, b in haplotypes.T]

    def gt(self, i: int, mark: str = "|") -> str:
        a, b = self.strands[i]
        return str(a) if b == genomes.ABSENT else f"{a}{mark}{b}"

    def carried(self, i: int) -> bool:
        return any(a not in (0, genomes.ABSENT) for a in self.strands[i])

    def write(self, name: str, lines: list[str], sample: str = "whoever") -> Path:
        contigs = "".join(f"##contig=<ID={c},length={n}>\n" for c, n in variants.GRCH38.items())
        head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
        path = self.folder / f"{name}.vcf"
        meta = '##INFO=<ID=END,Number=1,Type=Integer,Description="">\n' + contigs + FIELDS
        path.write_text("##fileformat=VCFv4.2\n" + meta + head + sample + "\n" + "".join(lines))
        return path

    def rows(self) -> list[tuple[int, str, int, str, str, str]]:
        columns = (self.sites[c] for c in ("chrom", "pos", "ref", "alts", "gene"))
        return [(i, *row) for i, row in enumerate(zip(*columns, strict=True))]

    def single(self) -> Path:
        """A genome: only what differs from the reference."""
        return self.write("single", [f"{c}\t{p}\t.\t{r}\t{a}\t.\tPASS\t.\tGT\t{self.gt(i)}\n"
                                     for i, c, p, r, a, _ in self.rows() if self.carried(i)])  # fmt: skip

    def exome(self) -> tuple[Path, Path]:
        """Pharmacogenes only, with AD in header and records, and the regions that were callable."""
        lines, spans = [], []
        for i, c, p, r, a, gene in self.rows():
            if not gene:
                continue
            if gene != UNCOVERED:
                spans.append(f"{c}\t{p - 30}\t{p + 60}\n")
            if self.carried(i):
                depths = ",".join(["9"] * (a.count(",") + 2))
                lines.append(f"{c}\t{p}\t.\t{r}\t{a}\t.\tPASS\t.\tGT:AD:DP:GQ\t{self.gt(i)}:{depths}:18:99\n")
        bed = self.folder / "exome.bed"
        bed.write_text("".join(spans))
        return self.write("exome", lines), bed

    def gvcf(self) -> Path:
        """Variants, and blocks of reference calls over the simulated windows between them."""
        lines = []
        for window in self.genomes.sequences:
            at = window.start + 1
            bases = self.genomes.sequences[window]
            here = [row for row in self.rows() if row[1] == window.chrom and window.start < row[2] <= window.end]
            gt = "0" if self.strands[here[0][0]][1] == genomes.ABSENT else "0/0"
            stops = [row for row in here if self.carried(row[0])]
            for i, c, p, r, a, _ in [*stops, (None, window.chrom, window.end + 1, "", "", "")]:
                if p > at:
                    base = chr(bases[at - window.start - 1])
                    lines.append(f"{c}\t{at}\t.\t{base}\t<NON_REF>\t.\t.\tEND={p - 1}\tGT:DP:GQ\t{gt}:30:60\n")
                if i is not None:
                    lines.append(f"{c}\t{p}\t.\t{r}\t{a},<NON_REF>\t.\t.\t.\tGT:DP:GQ\t{self.gt(i)}:30:60\n")
                at = max(at, p + len(r))
        return self.write("gvcf", lines)

    def joint(self) -> Path:
        """Everybody's sites, three people of whom one is in the sheet."""
        lines = []
        for i, c, p, r, a, _ in self.rows():
            haploid = self.strands[i][1] == genomes.ABSENT
            lines.append(f"{c}\t{p}\t.\t{r}\t{a}\t.\tPASS\t.\tGT\t{'0' if haploid else '0|0'}\t{self.gt(i)}\t.\n")
        return self.write("joint", lines, "Stranger\tJoint\tOther")

    def bam(self) -> Path:
        path = self.folder / "reads.bam"
        plan = reads.Plan(self.name, self.name, 40.0, "", 0.0)
        reads.write_bam(path, self.genomes, plan, reads.targets(self.genomes), 7)
        return path


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """All five run through reads, intake, merge and the star-allele caller."""
    folder = tmp_path_factory.mktemp("five")
    one = Person(folder)
    fasta = folder / "ref.fa.gz"
    sequence.write(fasta, one.genomes.sequences)
    exome, bed = one.exome()
    rows = [("Exome", "vcf", exome), ("Exome", "callable", bed), ("Single", "vcf", one.single()),
            ("Gvcf", "vcf", one.gvcf()), ("*", "vcf", one.joint()), ("Bam", "bam", one.bam())]  # fmt: skip
    (folder / "samples.tsv").write_text(
        "patient\tmodality\tkind\tpath\n" + "".join(f"{p}\tgenomics\t{k}\t{f}\n" for p, k, f in rows)
    )
    (folder / "patients.tsv").write_text("patient\tsex\n" + "".join(f"{f}\tmale\n" for f in FORMATS))
    panel = one.sites[one.sites["panel"]][["chrom", "pos", "ref", "alts"]].assign(X=0.4)
    panel.rename(columns={"alts": "alt"}).to_csv(folder / "panel.tsv", sep="\t", index=False)
    common = {"samples": folder / "samples.tsv", "panel": folder / "panel.tsv", "known_sites": SITES,
              "targets": [STARS / "positions.tsv"], "reference": fasta}  # fmt: skip
    chunk = {"patients": ",".join(FORMATS), "folder": folder / "patients", **common}
    stages.reads(sheet=folder / "patients.tsv", manifest=folder / "reads.json", **chunk)
    stages.intake(manifest=folder / "intake.json", **chunk)
    out = {"genotypes": folder / "g.vcz", "sources": folder / "s.json", "quarantine": folder / "q.tsv"}
    made = {"intake": [folder / "intake.json"], "reads": [folder / "reads.json"]}
    stages.merge(sheet=folder / "patients.tsv", **made, **out, **common)
    write_table(folder / "ancestry.tsv", "ancestry", TABLES["ancestry"].empty())
    stages.pharmacogenes(folder / "g.vcz", folder / "patients.tsv", folder / "samples.tsv", STARS,
                         folder / "ancestry.tsv", folder / "patients", folder / "p.tsv", folder / "pq.tsv")  # fmt: skip
    return one


def test_nothing_was_refused(person: Person) -> None:
    assert read_table(person.folder / "q.tsv", "quarantine").empty


def test_genotypes_are_the_truth_wherever_a_format_speaks(person: Person) -> None:
    """At star-allele positions: no format has another genotype, and each calls what it can know."""
    found = load(person.folder / "g.vcz")
    gt = np.sort(np.asarray(found.gt), axis=2)
    column = {name: i for i, name in enumerate(found.samples)}
    sites = zip(found.chrom, found.pos, found.ref, found.alt, strict=True)
    key = {(CONTIGS[int(c)], int(p), r, a): i for i, (c, p, r, a) in enumerate(sites)}
    called = dict.fromkeys(FORMATS, 0)
    n = 0
    for i, c, p, r, alts, gene in person.rows():
        for k, alt in enumerate(alts.split(","), start=1):
            if not gene or (c, p, r, alt) not in key:
                continue
            n += 1
            strands = [int(a == k) for a in person.strands[i] if a != genomes.ABSENT]
            for name in FORMATS:
                cell = gt[key[c, p, r, alt], column[name]].tolist()
                if -1 not in cell:
                    assert [a for a in cell if a >= 0] == sorted(strands), (name, c, p, r, alt)
                    called[name] += 1
    assert n > 20
    assert called["Joint"] == called["Gvcf"] == n
    assert called["Bam"] >= 0.95 * n
    assert called["Single"] < n and called["Exome"] <= n


def test_pharmacogenes_are_the_same_or_the_reason_is_said(person: Person) -> None:
    table = read_table(person.folder / "p.tsv", "pharmacogenes")
    shown = table.pivot(index="gene", columns="patient", values="diplotypes")
    call = table.pivot(index="gene", columns="patient", values="call")
    untested = table.pivot(index="gene", columns="patient", values="untested")
    full = [g for g in shown.index if untested.at[g, "Joint"] == 0]
    assert len(full) >= 8
    for gene in full:
        # Phased formats name one diplotype; the others must have it among theirs, or name what they did not test.
        for name in FORMATS:
            assert untested.at[gene, name] == 0 or call.at[gene, name] in ("qualified", "not_called") or (
                same(shown.at[gene, name], shown.at[gene, "Joint"])), (gene, name)  # fmt: skip
            if untested.at[gene, name] == 0 and call.at[gene, name] != "not_called":
                assert same(shown.at[gene, name], shown.at[gene, "Joint"]), (gene, name)
    assert all(same(shown.at[g, "Gvcf"], shown.at[g, "Joint"]) for g in full)
    assert (untested.loc[[g for g in full if g != UNCOVERED], "Exome"] == 0).all()
    assert untested.at[UNCOVERED, "Exome"] > 0
    reasons = table[(table["patient"] == "Single") & (table["call"] == "not_called")]["reason"]
    assert len(reasons) and (reasons != "").all()
    said = json.loads((person.folder / "patients" / "Single" / "genomics" / "pharmacogenes.json").read_text())
    listed = said if isinstance(said, list) else next(v for v in said.values() if isinstance(v, list))
    silent = {g["gene"] for g in listed if g["call"] != "called" and not g["untested"]}
    assert silent == {"CYP2D6", "HLA-A", "HLA-B"}  # of outside calls alone


def same(one: object, other: object) -> bool:
    """The diplotypes of the phased format are among those of the other."""
    return pd.notna(one) and set(str(other).split(" or ")) <= set(str(one).split(" or "))
