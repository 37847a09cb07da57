"""The room's tables over all kinds, as registered in the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from consilium.core.register import TABLES

if TYPE_CHECKING:
    from consilium.omics.bags import Bags
    from consilium.omics.harmonise import Kind


def qc(kinds: Sequence[Kind | Bags]) -> pd.DataFrame:
    """Table omics_qc."""
    return _stacked([k.qc for k in kinds if len(k.qc)], "omics_qc")


def features(kinds: Sequence[Kind | Bags]) -> pd.DataFrame:
    """Table omics_features."""
    return _stacked([k.features_qc for k in kinds if len(k.features_qc)], "omics_features")


def _stacked(tables: list[pd.DataFrame], name: str) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else TABLES[name].empty()
