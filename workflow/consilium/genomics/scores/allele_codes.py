"""Alleles as numbers: equal texts have equal numbers, and what is asked of a text is looked up once a distinct one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_COMPLEMENT = str.maketrans("ACGT", "TGCA")

Codes = npt.NDArray[np.int64]
Texts = npt.NDArray[Any]


class AlleleCodes:
    """A vocabulary of upper-case alleles. arrays: the given columns as codes.

    texts (code,); lengths (code,); complements (code,): code of the allele on the other strand, reversed and each base
    replaced; none: code of "", -1 where no column holds it.
    """

    def __init__(self, *columns: Texts) -> None:
        import pandas as pd

        codes, texts = pd.factorize(np.concatenate([np.asarray(c, dtype=object) for c in columns]))
        self.arrays: list[Codes] = np.split(codes.astype(np.int64), np.cumsum([len(c) for c in columns])[:-1])
        code = {text: i for i, text in enumerate(texts)}
        for text in texts:
            code.setdefault(turned(text), len(code))
        self.texts: Texts = np.array([*code], dtype=object)
        self.lengths: Codes = np.array([len(text) for text in code], dtype=np.int64)
        self.complements: Codes = np.array([code[turned(text)] for text in code], dtype=np.int64)
        self.none: int = code.get("", -1)

    def ambiguous(self, first: Codes, second: Codes) -> npt.NDArray[np.bool_]:
        """A/T or C/G: the same pair on both strands."""
        return (self.lengths[first] == 1) & (first != second) & (self.complements[first] == second)


def turned(allele: str) -> str:
    """The allele on the other strand."""
    return allele[::-1].translate(_COMPLEMENT)
