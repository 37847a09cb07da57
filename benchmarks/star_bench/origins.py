"""Ancestry of the panel's people as the workflow would infer it: table ancestry from their 1,004 genome-wide SNPs."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from consilium.genomics.stars.origins import Shares, shares_of
from consilium.genomics.structure.ancestry import assign_projected, table
from consilium.genomics.structure.components import read_components
from star_bench.panel import ROOT


@cache
def ancestry_table(data: Path) -> pd.DataFrame:
    """Table ancestry of all 3,202 people. Most made its reference, too; tests/configs/pgx_people.tsv did not."""
    reference = read_components(*(ROOT / "resources" / f"ancestry_{n}.tsv" for n in ("components", "populations")))
    place = {site: i for i, site in enumerate(zip(reference.panel.chrom, reference.panel.pos, strict=True))}
    names: list[str] = []
    with gzip.open(data / "cohort_1kgp" / "tiny1000G.vcf.gz", "rt") as lines:
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            if line.startswith("#CHROM"):
                names = cells[9:]
                counts = np.full((len(place), len(names)), -1, dtype=np.int8)
            elif not line.startswith("#") and (f"chr{cells[0]}", int(cells[1])) in place:
                counts[place[f"chr{cells[0]}", int(cells[1])]] = [cell.count("1") for cell in cells[9:]]
    return table(names, assign_projected(counts, reference), np.empty((len(names), 0)))


@cache
def shares(data: Path) -> dict[str, Shares]:
    return shares_of(ancestry_table(data))
