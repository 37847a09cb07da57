"""Which bases the copies of a gene carry at a position, and on how many copies, from what single fragments show.

A fragment comes from one of n copies, each as likely; its base is misread with the chance that its quality says, and
one fragment in a hundred is the twin gene's after all. Bases count as present if that is nearly certain, summed over
the numbers of copies that may carry them; no prior prefers the reference.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from consilium.genomics.stars.observed import UNDOCUMENTED, UNTESTED
from consilium.genomics.stars.tables import Gene

SURE = 0.999  # posterior from which a position counts as tested
SAME_DEPTH = (0.5, 2.0)  # of the median position: fewer or more fragments were lost to the twin, or came from it
FAR = 3.5  # standard deviations from the share that a whole number of copies gives
_FOREIGN = 0.01  # of fragments are the twin's

Floats = npt.NDArray[np.float64]
Seen = npt.NDArray[Any]  # rows of `reads.fragments.SEEN`


def chances(codes: npt.NDArray[np.int8], error: Floats, carried: int, n_bases: int, twin: int) -> Floats:
    """(fragment,) chance of the code seen if the fragment's copy carries `carried`; n_bases: possible codes."""
    own = np.where(codes == carried, 1 - error, error / max(n_bases - 1, 1))
    foreign = np.where(codes == twin, 1 - error, error / max(n_bases - 1, 1))
    return np.asarray((1 - _FOREIGN) * own + _FOREIGN * foreign)


def present(
    codes: npt.NDArray[np.int8], error: Floats, n_copies: int, n_alts: int, twin: int
) -> tuple[int, int] | None:
    """The one or two codes that the copies carry at one position, in order, one of them twice; None = not certain, or
    no whole number of copies fits."""
    choice = [UNDOCUMENTED, *range(n_alts + 1)]
    each = {c: chances(codes, error, c, len(choice), twin) for c in choice}
    options = [(c, c, n_copies) for c in choice]
    options += [(a, b, k) for a, b in combinations(choice, 2) for k in range(1, n_copies)]
    log = np.array([np.log(each[a] * k / n_copies + each[b] * (1 - k / n_copies)).sum() for a, b, k in options])
    weight = np.exp(log - log.max())
    a, b, k = options[int(log.argmax())]
    same = np.array([option[:2] == (a, b) for option in options])
    if weight[same].sum() / weight.sum() < SURE:
        return None
    share, n = k / n_copies, int(np.isin(codes, (a, b)).sum())
    far = a != b and abs((codes == a).sum() / n - share) > FAR * np.sqrt(share * (1 - share) / n)
    return None if far else (a, b)


def observed(gene: Gene, seen: Seen, twin: npt.NDArray[np.int8], n_copies: int) -> npt.NDArray[np.int8]:
    """(locus, 2) codes as in `stars.observed.Observed`: which bases there are, not on how many copies."""
    depth = np.bincount(seen["locus"], minlength=len(gene.loci))
    low, high = (factor * float(np.median(depth)) for factor in SAME_DEPTH)
    out = np.full((len(gene.loci), 2), UNTESTED, dtype=np.int8)
    for i, locus in enumerate(gene.loci):
        rows = seen[seen["locus"] == i]
        if len(rows) and low <= len(rows) <= high:
            found = present(rows["code"], rows["error"].astype(float), n_copies, len(locus.alts), int(twin[i]))
            out[i] = UNTESTED if found is None else found
    return out


def shares(
    gene: Gene,
    seen: Seen,
    twin: npt.NDArray[np.int8],
    first: npt.NDArray[np.int8],
    second: npt.NDArray[np.int8],
    n_copies: int,
) -> Floats:
    """(copies of the first sequence less one,) log likelihood of 1 … n - 1 copies of `first`, the rest `second`.

    Sequences hold a code per locus. Fragments that cover several positions are one witness each.
    """
    usable = seen[((first >= 0) & (second >= 0) & (first != second))[seen["locus"]]]
    fragments, at = np.unique(usable["fragment"], return_inverse=True)
    log = np.zeros((2, len(fragments)))
    for i in np.unique(usable["locus"]).tolist():
        rows = usable["locus"] == i
        error = usable["error"][rows].astype(float)
        for s, sequence in enumerate((first, second)):
            chance = chances(usable["code"][rows], error, int(sequence[i]), len(gene.loci[i].alts) + 2, int(twin[i]))
            np.add.at(log[s], at[rows], np.log(chance))
    number = np.arange(1, n_copies)[:, None]
    mixed = np.logaddexp(np.log(number / n_copies) + log[0], np.log(1 - number / n_copies) + log[1])
    return np.asarray(mixed.sum(axis=1))
