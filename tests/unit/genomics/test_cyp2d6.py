from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest
from consilium.core.chunks import Task
from consilium.core.sheets import Sample
from consilium.core.store import read_facts
from consilium.genomics.reads import cyp2d6, measuring, paralogues, tables
from consilium.simulate import paralogues as simulated

EXONS = np.array(
    [
        [0, 254],
        [352, 494],
        [948, 1136],
        [1343, 1485],
        [1675, 1852],
        [2285, 2446],
        [2534, 2687],
        [3239, 3411],
        [4113, 4312],
    ]
)
PAIR = simulated.twins(4312, 0.05, np.random.default_rng(1))
SITES = paralogues.differing_sites(PAIR.own, 0, PAIR.other, 0)
OWN, TWIN = simulated.Copy(0), simulated.Copy(1)


def column(place: int) -> int:
    return int(np.flatnonzero(PAIR.columns[:, 0] == place)[0])


# The gene runs towards lower places: its start (exon 1) has the highest ones.
STARTS_AS_TWIN = simulated.Copy(0, column(3700), 1)
ENDS_AS_TWIN = simulated.Copy(1, column(3700), 0)
EXON_9_OF_TWIN = simulated.Copy(1, column(270), 0)


def called(
    copies: list[simulated.Copy], seed: int, depth: float = 45, spread: float = 0.08, bias: float = 0.3
) -> cyp2d6.Copies:
    rng = np.random.default_rng(seed)
    controls, gc = simulated.window_depths(800, depth, rng, spread, bias)
    level = depth * (1 - bias)  # at the genes' 60 % GC
    own, other, total = simulated.site_counts(PAIR, (SITES.own, SITES.other), copies, level, 150, rng)
    genes = total / 2 * rng.normal(1, 0.05, 10)
    windows = cyp2d6.Depths(np.concatenate([controls, genes]), np.concatenate([gc, np.full(10, 0.6)]),
                            np.concatenate([np.zeros(800), np.full(10, 0.2)]))  # fmt: skip
    return cyp2d6.call(windows, SITES, own, other, 150, EXONS)


def test_sites_are_those_of_the_true_alignment() -> None:
    true = {int(a): int(b) for a, b in PAIR.columns if a >= 0 and b >= 0 and PAIR.own[a] != PAIR.other[b]}
    assert {int(a): int(b) for a, b in zip(SITES.own, SITES.other, strict=True)}.items() <= true.items()
    assert len(SITES) > 0.8 * len(true)
    assert all(PAIR.own[p] == chr(b) for p, b in zip(SITES.own, SITES.own_base, strict=True))
    a, b = paralogues.align("ACGTACGT", "ACGACGT")
    assert (a >= 0).sum() == 8 and (b == -1).sum() == 1


def test_a_longer_twin_does_not_scatter_the_last_exon() -> None:
    tail = np.random.default_rng(3).choice(simulated.BASES, 600).tobytes().decode()
    found = paralogues.differing_sites(PAIR.own, 0, tail + PAIR.other, -600)
    inner = SITES.own > 20  # at the very end the two may be told apart by chance
    assert {*zip(SITES.own[inner].tolist(), SITES.other[inner].tolist(), strict=True)} <= {
        *zip(found.own.tolist(), found.other.tolist(), strict=True)
    }
    a, b = paralogues.align("CCCCACGTACGT", "ACGTACGTTTTT")
    assert a.tolist() == [4, 5, 6, 7, 8, 9, 10, 11] and b.tolist() == list(range(8))


@pytest.mark.parametrize(
    ("copies", "whole", "hybrid"),
    [
        ([TWIN] * 2, 0, ""),
        ([OWN, TWIN, TWIN], 1, ""),
        ([OWN, OWN, TWIN, TWIN], 2, ""),
        ([OWN] * 3 + [TWIN] * 2, 3, ""),
        ([OWN, OWN, TWIN, STARTS_AS_TWIN], 2, "CYP2D7-CYP2D6 (*13-like)"),
        ([OWN, OWN, ENDS_AS_TWIN, TWIN, TWIN], 2, "CYP2D6-CYP2D7 (*68-like)"),
        ([OWN, OWN, ENDS_AS_TWIN, ENDS_AS_TWIN, TWIN, TWIN], 2, "CYP2D6-CYP2D7 (*68-like)"),
        ([OWN, OWN, EXON_9_OF_TWIN, TWIN, TWIN], 2, "CYP2D6-CYP2D7, exon 9 (*36-like)"),
    ],
)
def test_planted_copies_are_found_or_not_called(copies: list[simulated.Copy], whole: int, hybrid: str) -> None:
    found = [called(copies, seed) for seed in range(8)]
    made = [f for f in found if f.copies >= 0]
    assert made and all(f.copies == whole and f.total == len(copies) for f in made)
    assert hybrid in {f.hybrid for f in made} and all(bool(f.hybrid) == bool(hybrid) for f in made)
    assert all(f.reason for f in found if f.copies < 0)


def test_what_cannot_be_told_is_not_called() -> None:
    normal = [OWN, OWN, TWIN, TWIN]
    assert "under 20" in called(normal, 1, depth=15).reason
    assert "uneven depth" in called(normal, 1, spread=0.5).reason
    assert called(normal, 1, spread=0.5).copies == -1
    nothing = np.empty(0)
    assert "no bases" in cyp2d6.total_copies(cyp2d6.Depths(nothing, nothing, nothing))[0].reason
    few = replace(SITES, **{k: getattr(SITES, k)[:5] for k in ("own", "other", "own_base", "other_base")})
    windows = cyp2d6.Depths(np.full(410, 30.0), np.full(410, 0.5), np.repeat([0, 0.2], [400, 10]))
    assert "sites tell" in cyp2d6.call(windows, few, few.own, few.own, 150, EXONS).reason


def test_half_a_copy_is_no_whole_number() -> None:
    """A copy in half of the cells: between four and five, by depth and by bases."""
    windows = cyp2d6.Depths(np.concatenate([np.full(400, 30.0), np.full(10, 33.7)]), np.full(410, 0.5),
                            np.repeat([0, 0.2], [400, 10]))  # fmt: skip
    n = np.full(len(SITES), 67)
    assert cyp2d6.call(windows, SITES, n * 45 // 100, n - n * 45 // 100, 150, EXONS).copies == -1


CONTROL, OWN_AT, TWIN_AT, LENGTH = (1_000, 231_000), 240_000, 250_000, 262_000


def locus(folder: Path, copies: list[simulated.Copy], seed: int) -> tuple[Path, Path, Path]:
    """A BAM, its FASTA and a gene table: a control gene of 230 kb and the two genes, at 40 fold on a small chr22."""
    rng = np.random.default_rng(seed)
    genome = rng.choice(simulated.BASES, LENGTH, p=[0.2, 0.3, 0.3, 0.2])
    genome[OWN_AT : OWN_AT + len(PAIR.own)] = np.frombuffer(PAIR.own.encode(), dtype=np.uint8)
    genome[TWIN_AT : TWIN_AT + len(PAIR.other)] = np.frombuffer(PAIR.other.encode(), dtype=np.uint8)
    text = genome.tobytes().decode()
    fasta, table, bam = folder / "r.fa", folder / "genes.tsv", folder / "a.bam"
    fasta.write_text(f">chr22\n{text}\n")
    exons = ";".join(f"{OWN_AT + a}-{OWN_AT + b}" for a, b in EXONS)
    twin = f"{TWIN_AT}-{TWIN_AT + len(PAIR.other)}"
    table.write_text(
        "gene\trole\tsteady\tchrom\tstart\tend\texons\n"
        f"VDR\tcontrol\tyes\tchr22\t{CONTROL[0]}\t{CONTROL[1]}\t{CONTROL[0]}-{CONTROL[1]}\n"
        f"CYP2D6\tpharmacogene\tno\tchr22\t{OWN_AT}\t{OWN_AT + len(PAIR.own)}\t{exons}\n"
        f"CYP2D7\tparalogue\tno\tchr22\t{TWIN_AT}\t{TWIN_AT + len(PAIR.other)}\t{twin}\n"
    )
    starts = rng.integers(0, 239_000, 40 * 239_000 // 150).tolist()
    for copy in copies:  # reads go where most of their bases come from, with the bases of the copy
        size = (len(PAIR.own), len(PAIR.other))[copy.first]
        base = (OWN_AT, TWIN_AT)[copy.first]
        starts += (base + rng.integers(-149, size, 20 * size // 150)).tolist()
    head = f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr22\tLN:{LENGTH}\n"
    quality = "I" * 150
    rows = [
        f"r{i}\t0\tchr22\t{s + 1}\t60\t150M\t*\t0\t0\t{text[s : s + 150]}\t{quality}"
        for i, s in enumerate(sorted(starts))
    ]
    (folder / "a.sam").write_text(head + "\n".join(rows) + "\n")
    pysam.view("-b", "--no-PG", "-o", str(bam), str(folder / "a.sam"), catch_stdout=False)
    pysam.index(str(bam))
    return bam, fasta, table


def test_from_a_bam_file(tmp_path: Path) -> None:
    bam, fasta, table = locus(tmp_path, [OWN, TWIN, TWIN], 5)
    task = Task("P1", (Sample("P1", "genomics", "bam", str(bam), "", "s1", 2),), tmp_path / "out")
    (tmp_path / "out").mkdir()
    assert measuring.depth_patient(task, tmp_path / "out", measuring.Setup(table, 20, reference=fasta)) == []
    found = read_facts(tmp_path / "out" / "depth.json")["cyp2d6"]
    assert (found["copies"], found["total"], found["hybrid"], found["reason"]) == (1, 3, "", "")
    assert found["posterior"] > 0.99 and abs(found["estimate"] - 3) < 0.3
    (row,) = tables.cyp2d6({"P1": tmp_path / "out"}).to_dict("records")
    assert (row["call"], row["copies"], row["diplotype"]) == ("called", 1, None) and "simulated" in row["note"]
    setup = measuring.Setup(table, 20)
    assert measuring.depth_patient(task, tmp_path / "out", setup) == []
    assert "no reference FASTA" in read_facts(tmp_path / "out" / "depth.json")["cyp2d6"]["reason"]
