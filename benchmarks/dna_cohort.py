"""A made cohort whose outcome is a motif that a rare variant breaks, as raw files: FASTA, joint VCF, BEDs, frequencies.

Everybody carries SITES rare variants of their own, all C>T. Two of them lie in a motif: in patients with the outcome in
MOTIFS[1], in others in MOTIFS[0], which has the same triples of bases in another order. Of half of the patients it is
known which bases were looked at; of the others nothing but their variants. In everybody MOTIFS[1] is also broken by
common variants, which must not count.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

Array = np.ndarray
PATIENTS, SITES, BROKEN, COMMON, APART, LENGTH, MOST = 400, 6, 2, 20, 120, 101, 16
MOTIFS = ("CAGATCAGGTCA", "CAGGTCAGATCA")
COMPLEMENT = str.maketrans("ACGT", "TGCA")
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def names() -> list[str]:
    return [f"P{i:04d}" for i in range(PATIENTS)]


def written(folder: Path) -> Array:
    """Write the files into `folder`; the outcome of each patient."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(PATIENTS) % 2)
    carriers = [[i] for i in rng.permutation(np.repeat(np.arange(PATIENTS), SITES))]
    carriers += [list(np.flatnonzero(rng.random(PATIENTS) < 0.3)) for _ in range(COMMON)]
    put = dict.fromkeys(range(PATIENTS), 0)
    genome, rows, common = [], [], []
    for number, who in enumerate(carriers):
        rare = number < PATIENTS * SITES
        motif = "" if rare and put[who[0]] >= BROKEN else MOTIFS[int(y[who[0]]) if rare else 1]
        put[who[0]] += rare
        stretch, at, ref, alt = place(rng, motif)
        genome.append(stretch)
        cells = ["0/0"] * PATIENTS
        for i in who:
            cells[i] = rng.choice(["0/1", "1/1"], p=[0.9, 0.1])
        where = f"chr1\t{number * APART + at + 1}\t.\t{ref}\t{alt}\t.\tPASS\t"
        rows.append("\t".join([f"{where}.\tGT", *cells]))
        common += [] if rare else [f"{where}AF=0.15"]
    write_files(folder, "".join(genome), rows, common, rng)
    return y


def place(rng: np.random.Generator, motif: str) -> tuple[str, int, str, str]:
    """(APART bases, place of the change, REF, ALT) on either strand, C>T or, on the other, G>A."""
    bases, at = rng.choice(list("ACGT"), APART), APART // 2
    bases[at - 5 : at - 5 + len(motif)] = list(motif)
    bases[at] = "C"
    stretch = "".join(bases)
    if rng.random() < 0.5:
        return stretch, at, "C", "T"
    return stretch[::-1].translate(COMPLEMENT), APART - 1 - at, "G", "A"


def write_files(folder: Path, genome: str, rows: list[str], common: list[str], rng: np.random.Generator) -> None:
    import pysam

    (folder / "genome.fa").write_text(f">chr1\n{genome}\n")
    pysam.faidx(str(folder / "genome.fa"))
    (folder / "joint.vcf").write_text("\n".join(["\t".join([HEAD, "FORMAT", *names()]), *rows]) + "\n")
    (folder / "frequencies.vcf").write_text("\n".join([HEAD, *common]) + "\n")
    (folder / "all.bed").write_text(f"chr1\t0\t{len(genome)}\n")
    (folder / "panel.tsv").write_text(
        "chrom\tpos\tref\talt\tX\n" + "\t".join([*rows[0].split("\t")[:2], "C", "T", "0.5"])
    )
    (folder / "patients.tsv").write_text("patient\tsex\n" + "".join(f"{p}\tunknown\n" for p in names()))
    samples = [f"*\tgenomics\tvcf\t{folder / 'joint.vcf'}"]
    samples += [f"{p}\tgenomics\tcallable\t{folder / 'all.bed'}" for p in names() if rng.random() < 0.5]
    (folder / "samples.tsv").write_text("patient\tmodality\tkind\tpath\n" + "\n".join(samples) + "\n")


def store(folder: Path, root: Path) -> Path:
    """The room's feature store of these files, stage by stage, without scores, star alleles and ancestry."""
    from consilium.core.register import TABLES
    from consilium.core.store import write_table
    from consilium.genomics import stages

    at = {
        n: folder / n for n in ("patients.tsv", "samples.tsv", "genotypes.vcz", "sources.json", "qc.tsv", "sites.tsv")
    }
    sheet, samples, genotypes, sources, qc, sites = at.values()
    stages.merge(sheet, samples, folder / "panel.tsv", root / "resources" / "build_sites.tsv", genotypes, sources,
                 folder / "bad_merge.tsv", reference=folder / "genome.fa")  # fmt: skip
    stages.cohort_qc(genotypes, sources, sheet, 0.9, qc, sites)
    stages.windows(sheet, samples, genotypes, sources, folder / "genome.fa", LENGTH, MOST, "rare", 0.001,
                   folder / "windows.parquet", folder / "bad.tsv", folder / "all.bed",
                   frequencies=folder / "frequencies.vcf")  # fmt: skip
    for name in ("ancestry", "pharmacogenes", "polygenic"):
        write_table(folder / f"{name}.tsv", name, TABLES[name].empty())
    ancestry, stars, scores = (folder / f"{n}.tsv" for n in ("ancestry", "pharmacogenes", "polygenic"))
    out = folder / "genomics.zarr.zip"
    stages.features(sheet, samples, qc, ancestry, stars, scores, root / "resources" / "star_alleles", out,
                    folder / "all_bad.tsv", [folder / "bad_merge.tsv", folder / "bad.tsv"],
                    windows=folder / "windows.parquet", most_windows=MOST)  # fmt: skip
    return out
