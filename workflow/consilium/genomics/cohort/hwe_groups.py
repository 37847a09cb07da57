"""Hardy-Weinberg proportions within each population: over several at once, their differences look like faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from consilium.genomics.association.filters import HWE_LIMIT, groups, hardy_weinberg, tally
from consilium.genomics.cohort.matrix import Matrix, alt_counts
from consilium.genomics.intake.build import CONTIGS

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 10_000
COLUMNS = ("chrom", "pos", "ref", "alt", "population", "n_called", "alt_freq", "hwe_p", "filter")


def hwe_table(matrix: Matrix, populations: Mapping[str, str]) -> pd.DataFrame:
    """Table hwe_by_ancestry: every autosomal variant with an ALT allele x every population of enough people."""
    import pandas as pd

    members = groups(populations, matrix.samples, np.ones(len(matrix.samples), dtype=bool))
    parts = []
    chosen = np.flatnonzero(matrix.autosomal & (matrix.alt != "")) if members else np.empty(0, dtype=np.int64)
    for start in range(0, len(chosen), _ROWS):
        rows = chosen[start : start + _ROWS]
        counts = alt_counts(matrix.rows(rows))
        for name, places in members.items():
            of, p = tally(counts[:, places]), hardy_weinberg(counts[:, places])
            parts.append(
                pd.DataFrame(
                    {
                        "chrom": np.array(CONTIGS)[matrix.chrom[rows]],
                        "pos": matrix.pos[rows],
                        "ref": matrix.ref[rows],
                        "alt": matrix.alt[rows],
                        "population": name,
                        "n_called": of.n,
                        "alt_freq": of.frequency,
                        "hwe_p": p,
                        "filter": np.where(p < HWE_LIMIT, "flag", "pass"),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
