"""Tables that go with the genomes: allele frequencies per population, and the polygenic score."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from
from consilium.core.store import atomic, write_text
from consilium.simulate.genomes import FLIP, Genomes
from consilium.simulate.people import POPULATIONS

FLIPPED = 4  # rows of the score on the other strand


def write_ancestry(path: Path, sites: pd.DataFrame) -> None:
    """chrom, pos, ref, alt and the ALT frequency per population among people who are not in the cohort."""
    panel = sites.loc[sites["panel"], ["chrom", "pos", "ref", "alts", *POPULATIONS]]
    panel = panel.rename(columns={"alts": "alt"})
    write_text(path, panel.to_csv(sep="\t", index=False, float_format="%.4f", lineterminator="\n"))


def _rows(sites: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The score's sites; whether the file's effect allele is REF; whether the file names the other strand."""
    rng = np.random.default_rng(seed_from(seed, "score file"))
    used = sites[sites["score"]]
    of_ref = rng.random(len(used)) < 0.5
    flipped = np.isin(np.arange(len(used)), rng.choice(len(used), min(FLIPPED, len(used)), replace=False))
    return used, of_ref, flipped


def file_sum(genomes: Genomes, seed: int, flips: bool) -> np.ndarray:
    """Sum that the scoring file gives per person with every genotype known, rows of the other strand matched or not.

    Where the effect allele is REF, its weight has the opposite sign: against the planted sum that is a constant.
    """
    used, of_ref, flipped = _rows(genomes.sites, seed)
    alt = (genomes.haplotypes[:, :, used.index] == 1).sum(axis=1)
    dosage, weight = np.where(of_ref, 2 - alt, alt), np.where(of_ref, -1, 1) * used["weight"].to_numpy()
    return np.asarray(dosage @ np.where(flipped & (not flips), 0.0, weight))


def write_score(path: Path, sites: pd.DataFrame, seed: int) -> None:
    """A harmonised scoring file (PGS Catalog format 2.0) that gives the planted sums, up to a constant.

    In half of the rows the effect allele is REF with the opposite sign: such a row adds a constant to everybody's
    sum (2 x weight), which a standardised score does not see.
    """
    used, of_ref, flipped = _rows(sites, seed)
    head = ["###PGS CATALOG SCORING FILE - simulated, not in the catalogue", "#format_version=2.0",
            "##POLYGENIC SCORE (PGS) INFORMATION", "#pgs_id=DEMO000001", "#pgs_name=demo_score",
            "#trait_reported=Simulated trait of the demo cohort", "#genome_build=GRCh38",
            f"#variants_number={len(used)}", "#weight_type=beta", "##HARMONIZATION DETAILS",
            "#HmPOS_build=GRCh38"]  # fmt: skip
    columns = ["chr_name", "chr_position", "effect_allele", "other_allele", "effect_weight", "allelefrequency_effect",
               "hm_source", "hm_rsID", "hm_chr", "hm_pos", "hm_inferOtherAllele"]  # fmt: skip
    lines = [*head, "\t".join(columns)]
    for row, ref_effect, other_strand in zip(used.itertuples(), of_ref, flipped, strict=True):
        effect, other = (row.ref, row.alts) if ref_effect else (row.alts, row.ref)
        frequency = float(np.mean([getattr(row, p) for p in POPULATIONS]))
        weight, frequency = (-row.weight, 1 - frequency) if ref_effect else (row.weight, frequency)
        if other_strand:
            effect, other = effect.translate(FLIP), other.translate(FLIP)
        chrom = row.chrom.removeprefix("chr")
        cells = [chrom, row.pos, effect, other, f"{weight:.6f}", f"{frequency:.4f}", "Author-reported", "", chrom,
                 row.pos, ""]  # fmt: skip
        lines.append("\t".join(map(str, cells)))
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 6, mtime=0))
