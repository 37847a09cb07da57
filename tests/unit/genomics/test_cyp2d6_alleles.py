"""Star alleles of CYP2D6 from reads: planted bases are found, what cannot be told is not called, never from a VCF."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest
from consilium.core.chunks import Task
from consilium.core.sheets import Sample
from consilium.genomics.reads import fragments, measuring
from consilium.genomics.stars import dosage
from consilium.genomics.stars.findings import NEEDS_MORE
from consilium.genomics.stars.from_reads import NOTE, Evidence, call_reads, read_evidence, with_reads
from consilium.genomics.stars.observed import UNDOCUMENTED
from consilium.genomics.stars.outside import OutsideCall, outside_finding
from consilium.genomics.stars.pharmacogenes import CALLED, NOT_CALLED, QUALIFIED, not_called
from consilium.genomics.stars.tables import read_genes
from consilium.simulate import paralogues as simulated
from star_fixtures import GENES, ROOT
from test_cyp2d6 import EXONS, PAIR, SITES

D6 = read_genes(ROOT / "resources" / "star_alleles_reads")["CYP2D6"]
MEANINGS = GENES["CYP2D6"]
NOBODY = np.full(len(D6.loci), UNDOCUMENTED, dtype=np.int8)  # codes of a twin unlike every base that is looked for


def common(name: str) -> np.ndarray:
    """Codes (locus,) of an allele, of its most frequent combination of bases where it takes either."""
    row = D6.alleles.index(f"{name} (1)" if f"{name} (1)" in D6.alleles else name)
    return np.array([int(a).bit_length() - 1 for a in D6.accepts[row]], dtype=np.int8)


def evidence(*genes: str, each: int = 16, seed: int = 0, hybrid: str = "", copies: int | None = None) -> Evidence:
    """Fragments over 300 bases, about `each` of every gene at every position, one base in 300 misread."""
    rng, rows, at = np.random.default_rng(seed), [], np.array([locus.pos for locus in D6.loci])
    span = int(at.max() - at.min())
    for gene in genes:
        codes = common(gene)
        for start in rng.integers(at.min() - 300, at.max(), rng.poisson(each * (span + 300) / 300)).tolist():
            number = len(rows)
            for i in np.flatnonzero((at >= start) & (at < start + 300)).tolist():
                wrong = rng.random() < 1 / 300
                rows.append((number, i, UNDOCUMENTED if wrong else codes[i], 1 / 300))
    seen = np.array(sorted(rows), dtype=fragments.SEEN)
    facts = {"copies": len(genes) if copies is None else copies, "hybrid": hybrid, "reason": "uneven depth"}
    return Evidence(facts, seen, NOBODY)


@pytest.mark.parametrize(
    ("genes", "diplotype", "phenotype", "score"),
    [
        (("*1", "*1"), "*1/*1", "Normal Metabolizer", 2.0),
        (("*1", "*4"), "*1/*4", "Intermediate Metabolizer", 1.0),
        (("*2", "*4"), "*2/*4", "Intermediate Metabolizer", 1.0),
        (("*17", "*29"), "*17/*29", "Intermediate Metabolizer", 1.0),
        (("*9", "*41"), "*9/*41", "Intermediate Metabolizer", 0.5),
        (("*3", "*6"), "*3/*6", "Poor Metabolizer", 0.0),
        (("*10",), "*5/*10", "Intermediate Metabolizer", 0.25),
        ((), "*5/*5", "Poor Metabolizer", 0.0),
        (("*1", "*1", "*4"), "*1x2/*4", "Normal Metabolizer", 2.0),
        (("*1", "*4", "*4"), "*1/*4x2", "Intermediate Metabolizer", 1.0),
        (("*2", "*2", "*2"), "*2/*2x2", "Ultrarapid Metabolizer", 3.0),
    ],
)
def test_planted_alleles_are_found_and_said_to_be_research(
    genes: tuple[str, ...], diplotype: str, phenotype: str, score: float
) -> None:
    europe = np.array([float(p == "EUR") for p in D6.populations])
    found = call_reads(D6, MEANINGS, evidence(*genes), europe * 0.96 + 0.008)
    assert (found.diplotypes, found.phenotypes, found.activity_score) == ((diplotype,), (phenotype,), score)
    assert found.call == QUALIFIED and found.origin == "reads" and found.reason.startswith(NOTE)


def test_what_cannot_be_told_is_not_called() -> None:
    said = {
        "copies is not known: uneven depth": evidence("*1", "*4", copies=-1),
        "hybrid gene (*68-like)": evidence("*1", "*4", hybrid="*68-like"),
        "which allele is duplicated cannot be told": evidence("*1", "*3", copies=3),
        "no fragment": replace(evidence("*1", "*1"), seen=np.empty(0, dtype=fragments.SEEN)),
    }
    for reason, given in said.items():
        found = call_reads(D6, MEANINGS, given)
        assert found.call == NOT_CALLED and reason in found.reason and NOTE in found.reason, reason
        assert not found.diplotypes and np.isnan(found.activity_score)


def test_two_numbers_of_copies_that_mean_the_same_are_both_named() -> None:
    found = call_reads(D6, MEANINGS, evidence("*2", "*35", copies=3))
    assert set(found.diplotypes) == {"*2/*35x2", "*2x2/*35"}
    assert found.activity_score == 3.0 and found.call == QUALIFIED


def test_a_base_that_no_allele_has_is_not_passed_over() -> None:
    given = evidence("*1", "*1", each=20)
    odd = given.seen.copy()
    here = odd["locus"] == D6.locus("rs3892097")
    odd["code"][np.flatnonzero(here)[::2]] = UNDOCUMENTED
    found = call_reads(D6, MEANINGS, replace(given, seen=odd))
    assert found.call == NOT_CALLED and "undocumented base at chr22:42128945" in found.reason


def test_positions_that_lost_their_fragments_are_untested() -> None:
    given, at = evidence("*1", "*9", each=40), D6.locus("rs5030656")
    kept = given.seen[(given.seen["locus"] != at) | (np.arange(len(given.seen)) % 5 == 0)]
    found = call_reads(D6, MEANINGS, replace(given, seen=kept))
    assert [u["position"] for u in found.untested] == ["chr22:42128173"]
    assert "*9" in found.untested[0]["could_be"] or "*1/*9" in found.diplotypes


def test_which_bases_are_present() -> None:
    def told(ref: int, alt: int, copies: int = 2, twin: int = UNDOCUMENTED) -> tuple[int, int] | None:
        codes = np.repeat([0, 1], [ref, alt]).astype(np.int8)
        return dosage.present(codes, np.full(len(codes), 0.003), copies, 1, twin)

    assert (told(20, 0), told(10, 10), told(0, 20)) == ((0, 0), (0, 1), (1, 1))
    assert told(6, 0) is None  # six times the reference base may be chance
    assert told(100, 15) is None  # no whole number of two copies
    assert told(20, 10, copies=3) == (0, 1)
    assert (told(20, 4), told(20, 4, twin=1)) == ((0, 1), None)  # four fragments may be the twin's


def test_a_contradiction_with_an_outside_call_is_said() -> None:
    own = call_reads(D6, MEANINGS, evidence("*4", "*4"))
    for diplotype, verdict in (("*1/*1", QUALIFIED), ("*4/*4", CALLED)):
        row = OutsideCall("P1", "CYP2D6", diplotype, "", float("nan"), "lab.tsv", 1)
        found = outside_finding(MEANINGS, [row], own)
        assert found.call == verdict and found.diplotypes == (diplotype,)
        assert ("the reads say *4/*4 (Poor Metabolizer)" in found.reason) == (verdict == QUALIFIED)


def test_only_patients_with_reads_are_called() -> None:
    none = not_called(MEANINGS, NEEDS_MORE)
    found = with_reads({"P1": [none], "P2": [none]}, {"CYP2D6": D6}, GENES, {"P1": evidence("*1", "*1")}, {})
    assert found["P1"][0].diplotypes == ("*1/*1",)
    assert found["P2"] == [none] and not MEANINGS.loci


# A small chromosome with the two genes, an allele by a substitution whose base is the twin's, and one by a deletion.
CONTROL, OWN_AT, TWIN_AT, LENGTH = (1_000, 231_000), 240_000, 250_000, 262_000
LONELY = int(np.argmin([(np.abs(SITES.own - p) < 150).sum() for p in SITES.own]))  # the site with fewest others near
SUBSTITUTED = int(SITES.own[LONELY])
DELETED = 1510


def definitions(folder: Path) -> Path:
    folder.mkdir()
    ref, alt = PAIR.own[SUBSTITUTED], chr(SITES.other_base[LONELY])
    gone = PAIR.own[DELETED : DELETED + 3]
    places = (OWN_AT + SUBSTITUTED + 1, OWN_AT + DELETED + 1)
    tables = {
        "genes": "gene\tchrom\tstrategy\tundocumented\tkey\tversion\tfunctions\tcopies\trequired\n"
        "CYP2D6\tchr22\tnamed\tno_call\tactivity_score\ttest\ttest\t2\t\n",
        "positions": "gene\tchrom\tpos\tref\talts\trsid\tlast\trole\n"
        f"CYP2D6\tchr22\t{places[0]}\t{ref}\t{alt}\trs1\t{places[0]}\tdefining\n"
        f"CYP2D6\tchr22\t{places[1]}\t{gone}\t{gone[0]}\trs2\t{places[1] + 2}\tdefining\n",
        "alleles": "gene\tallele\tcore\tfunction\tactivity\tdefinition\nCYP2D6\t*1\t*1\tn\t1\tall\n"
        f"CYP2D6\t*35\t*35\tn\t1\t{places[0]}:{alt}\nCYP2D6\t*9\t*9\td\t0.25\t{places[1]}:{gone[0]}\n",
        "phenotypes": "gene\tfunction_1\tfunction_2\tphenotype\tactivity_score\nCYP2D6\tn\tn\tNormal Metabolizer\t2\n"
        "CYP2D6\td\tn\tNormal Metabolizer\t1.25\nCYP2D6\td\td\tIntermediate Metabolizer\t0.5\n",
        "frequencies": "gene\tallele\tA\nCYP2D6\tchromosomes\t99\nCYP2D6\t*1\t79\nCYP2D6\t*35\t10\nCYP2D6\t*9\t10\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.tsv").write_text(text)
    return folder


def sam_line(number: int, text: str, start: int, shift: int | None, mapq: int) -> str:
    """A read of the bases `text` from `start`; shift: bases before two deleted ones, None = no deletion."""
    cigar = f"{len(text)}M" if shift is None else f"{shift}M2D{len(text) - shift}M"
    return f"r{number}\t0\tchr22\t{start + 1}\t{mapq}\t{cigar}\t*\t0\t0\t{text}\t{'I' * len(text)}"


def bam(folder: Path, seed: int) -> tuple[Path, Path, Path]:
    """Two copies of each gene at 40 fold: one CYP2D6 with the twin's base, one with the deletion. Reads over the
    substituted base have no mapping quality: whose they are follows from the few other sites near it."""
    rng = np.random.default_rng(seed)
    genome = rng.choice(simulated.BASES, LENGTH, p=[0.2, 0.3, 0.3, 0.2])
    for at, gene in ((OWN_AT, PAIR.own), (TWIN_AT, PAIR.other)):
        genome[at : at + len(gene)] = np.frombuffer(gene.encode(), dtype=np.uint8)
    text = genome.tobytes().decode()
    alt = chr(SITES.other_base[LONELY])
    changed = text[: OWN_AT + SUBSTITUTED] + alt + text[OWN_AT + SUBSTITUTED + 1 :]
    reads = [(s, text[s : s + 150], None) for s in rng.integers(0, 239_000, 40 * 239_000 // 150).tolist()]
    for base, source in ((OWN_AT, changed), (OWN_AT, None), (TWIN_AT, text), (TWIN_AT, text)):
        size = len(PAIR.own) if base == OWN_AT else len(PAIR.other)
        for s in (base + rng.integers(-149, size, 20 * size // 150)).tolist():
            before = OWN_AT + DELETED + 1 - s  # bases of the read before the two deleted ones
            if source:
                reads.append((s, source[s : s + 150], None))
            elif 0 < before < 150:
                reads.append((s, text[s : s + before] + text[s + before + 2 : s + 152], before))
            else:
                reads.append((s, text[s : s + 150], None))
    fasta, table, path = folder / "r.fa", folder / "genes.tsv", folder / "a.bam"
    fasta.write_text(f">chr22\n{text}\n")
    exons = ";".join(f"{OWN_AT + a}-{OWN_AT + b}" for a, b in EXONS)
    table.write_text(
        "gene\trole\tsteady\tchrom\tstart\tend\texons\n"
        f"VDR\tcontrol\tyes\tchr22\t{CONTROL[0]}\t{CONTROL[1]}\t{CONTROL[0]}-{CONTROL[1]}\n"
        f"CYP2D6\tpharmacogene\tno\tchr22\t{OWN_AT}\t{OWN_AT + len(PAIR.own)}\t{exons}\n"
        f"CYP2D7\tparalogue\tno\tchr22\t{TWIN_AT}\t{TWIN_AT + len(PAIR.other)}\t{TWIN_AT}-{TWIN_AT + len(PAIR.other)}\n"
    )
    lines = [
        sam_line(i, t, s, shift, 0 if s <= OWN_AT + SUBSTITUTED < s + 150 else 60)
        for i, (s, t, shift) in enumerate(sorted(reads, key=lambda r: r[0]))
    ]
    (folder / "a.sam").write_text(f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr22\tLN:{LENGTH}\n" + "\n".join(lines) + "\n")
    pysam.view("-b", "--no-PG", "-o", str(path), str(folder / "a.sam"), catch_stdout=False)
    pysam.index(str(path))
    return path, fasta, table


def test_from_a_bam_file(tmp_path: Path) -> None:
    path, fasta, table = bam(tmp_path, 5)
    folder = definitions(tmp_path / "tables")
    task = Task("P1", (Sample("P1", "genomics", "bam", str(path), "", "s1", 2),), tmp_path / "out")
    (tmp_path / "out").mkdir()
    setup = measuring.Setup(table, 20, reference=fasta, alleles=folder)
    assert measuring.depth_patient(task, tmp_path / "out", setup) == []
    given = read_evidence(tmp_path / "out")
    assert given.copies["copies"] == 2 and given.twin.tolist() == [1, UNDOCUMENTED]
    counts = {
        i: [int((given.seen["code"][given.seen["locus"] == i] == c).sum()) for c in (0, 1, UNDOCUMENTED)]
        for i in (0, 1)
    }
    place = OWN_AT + SUBSTITUTED
    with pysam.AlignmentFile(str(path)) as file:
        letters = dict(zip("ACGT", file.count_coverage("chr22", place, place + 1), strict=True))
    # Every read of the gene and none of the twin's 40, whichever base it has.
    assert counts[0] == [letters[PAIR.own[SUBSTITUTED]][0], letters[chr(SITES.other_base[LONELY])][0], 0]
    assert all(8 < counts[1][c] < 35 for c in (0, 1)) and counts[1][2] == 0, counts
    (small,) = read_genes(folder).values()
    found = call_reads(small, MEANINGS, given)
    assert found.diplotypes == ("*9/*35",) and found.activity_score == 1.25
    measuring.depth_patient(task, tmp_path / "out", replace(setup, alleles=None))
    assert not len(read_evidence(tmp_path / "out").seen)
