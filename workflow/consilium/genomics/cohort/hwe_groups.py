"""Hardy-Weinberg proportions within each population: over several at once, their differences look like faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from consilium.genomics.association.filters import HWE_LIMIT, groups
from consilium.genomics.cohort.matrix import Matrix
from consilium.genomics.cohort.planes import site_counts
from consilium.genomics.cohort.quality import hwe_of
from consilium.genomics.intake.build import CONTIGS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("chrom", "pos", "ref", "alt", "population", "n_called", "alt_freq", "hwe_p", "filter")


def hwe_table(matrix: Matrix, populations: Mapping[str, str]) -> pd.DataFrame:
    """Table hwe_by_ancestry: every autosomal variant with an ALT allele x every population of enough people."""
    import pandas as pd

    rows = np.flatnonzero(matrix.autosomal & (matrix.alt != ""))
    parts = []
    for name, places in groups(populations, matrix.samples, np.ones(len(matrix.samples), dtype=bool)).items():
        chosen = np.isin(np.arange(len(matrix.samples)), places)
        counts, p = site_counts(matrix.planes, chosen), hwe_of(matrix, chosen)[rows]
        n = (counts.het + counts.hom_ref + counts.hom_alt)[rows]
        alt = (counts.het + 2 * counts.hom_alt)[rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            frequency = alt / (2 * n)
        parts.append(
            pd.DataFrame(
                {
                    "chrom": np.array(CONTIGS)[matrix.chrom[rows]],
                    "pos": matrix.pos[rows],
                    "ref": matrix.ref[rows],
                    "alt": matrix.alt[rows],
                    "population": name,
                    "n_called": n,
                    "alt_freq": frequency,
                    "hwe_p": p,
                    "filter": np.where(p < HWE_LIMIT, "flag", "pass"),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
