"""Copies of alleles from a cohort's store: from its bit planes where it has them, else from its calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from consilium.genomics.cohort.genotypes import Genotypes
from consilium.genomics.cohort.planes import GROUP, Block, Planes, doses, planes_of
from consilium.genomics.scores.sums import CopiesOf, Ints, copies_in


def stored_copies(genotypes: Genotypes) -> Callable[[], CopiesOf]:
    """Function that opens a reader. Bit planes tell copies of the one alternative of a row: rows of several are read
    from the calls."""
    group = genotypes.group
    if GROUP in group and group["variant_allele"].shape[1] <= 2:
        return partial(copies_in_planes, planes_of(group))
    return partial(copies_in, genotypes.block, genotypes.height)


def copies_in_planes(planes: Planes) -> CopiesOf:
    """Copies of allele 1; rows are asked for in ascending order, so one block is held at a time."""
    held: dict[int, Block] = {}

    def copies(rows: Ints, alleles: Ints) -> npt.NDArray[np.int8]:
        parts = []
        for number in sorted(set((rows // planes.height).tolist())):
            if number not in held:
                held.clear()
                held[number] = planes.block(number)
            here = rows[rows // planes.height == number] % planes.height
            parts.append(doses(held[number].low[here], held[number].high[here], planes.n_samples))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return copies
