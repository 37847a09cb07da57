"""Which genome build a scoring file's positions speak for."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from consilium.genomics.intake.build import CONTIGS, SiteEvidence
from consilium.genomics.scores.frequencies import Frequencies
from consilium.genomics.scores.scoring_file import Terms, site_keys


def build_by_sites(known_sites: Path) -> Callable[[Terms], str]:
    """Function of terms: "GRCh38", "GRCh37", or "" where too few lie at known sites with both alleles to tell."""
    with open(known_sites, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    there = {build: _sites(rows, f"pos_{build.lower()}") for build in ("GRCh38", "GRCh37")}

    def build(terms: Terms) -> str:
        known = [
            int(there[b].know(terms.key, terms.effect_allele, terms.other_allele).sum()) for b in ("GRCh38", "GRCh37")
        ]
        return SiteEvidence(*known).build

    return build


def _sites(rows: list[dict[str, str]], column: str) -> Frequencies:
    chrom = np.array([CONTIGS.index(r["chrom"]) for r in rows], dtype=np.int64)
    key = site_keys(chrom, np.array([int(r[column]) for r in rows], dtype=np.int64))
    order = np.argsort(key, kind="stable")
    ref, alt = (np.array([r[c] for r in rows], dtype=object)[order] for c in ("ref", "alt"))
    return Frequencies(key[order], ref, alt, ("any",), np.zeros((len(rows), 1)))
