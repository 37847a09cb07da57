"""The reference of polygenic scores: what its people's scores look like, kept so that one patient alone can be judged.

A folder of two files, made by the rule `genomics_polygenic_reference` from a panel's genotypes and usable without
them afterwards: models.json (per score: digest of its terms, model of mean and variance, mean, SD and quantiles of
each population) and variants.parquet (per score and variant used: frequency of the counted allele in each population).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.scores import adjustment
from consilium.genomics.scores.frequencies import Frequencies, no_frequencies
from consilium.genomics.scores.matching import Rules

if TYPE_CHECKING:
    import pandas as pd

MODELS, VARIANTS = "models.json", "variants.parquet"
SCHEMA = 1

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreReference:
    """One score. digest: of its terms. used (term of the scoring file,): in the reference's sums; variance (term,) of
    weight x dosage, 0 where not used. model: None = too few people or no components. populations by name."""

    digest: str
    used: npt.NDArray[np.bool_]
    variance: Floats
    model: adjustment.Model | None
    populations: Mapping[str, adjustment.Population]


@dataclass(frozen=True)
class Reference:
    """rules: how variants were matched. components_digest: of the tables that the people were projected on; components:
    their names; centre, scale (component,): they enter as (value - centre) / scale. frequencies: of its variants."""

    populations: tuple[str, ...]
    rules: Rules
    components_digest: str
    components: tuple[str, ...]
    centre: Floats
    scale: Floats
    scores: Mapping[str, ScoreReference]
    frequencies: Frequencies
    source: str


def read_reference(folder: Path) -> Reference:
    """Raises InputError when the folder holds no such reference."""
    import pandas as pd

    try:
        facts = json.loads((folder / MODELS).read_text(encoding="utf-8"))
        table = pd.read_parquet(folder / VARIANTS)
        if facts["schema_version"] != SCHEMA:
            raise ValueError(f"schema_version {facts['schema_version']}")
        return _reference(facts, table)
    except (OSError, KeyError, TypeError, ValueError) as error:
        found = f"no reference of polygenic scores ({type(error).__name__}: {error})"
        raise InputError(
            Problem(str(folder), found, f"{MODELS} and {VARIANTS} as genomics_polygenic_reference writes them",
                    "make it again from genomics.reference_panel, or leave genomics.polygenic_reference out", 0, "*")
        ) from None  # fmt: skip


def _reference(facts: Mapping[str, Any], table: pd.DataFrame) -> Reference:
    populations = tuple(facts["populations"])
    scores = {}
    for name, one in facts["scores"].items():
        rows = table[table["score"] == name]
        used, variance = np.zeros(one["n_terms"], dtype=bool), np.zeros(one["n_terms"])
        at = rows["term"].to_numpy(dtype=np.int64)
        used[at], variance[at] = True, rows["variance"].to_numpy(dtype=np.float64)
        scores[name] = ScoreReference(
            one["digest"], used, variance, adjustment.model_of(one["model"]) if one["model"] else None,
            {p: adjustment.Population(v["n"], v["mean"], v["sd"], np.array(v["quantiles"]))
             for p, v in one["populations"].items()},
        )  # fmt: skip
    return Reference(
        populations, Rules(**facts["rules"]), facts["components_digest"], tuple(facts["components"]),
        np.array(facts["centre"]), np.array(facts["scale"]), scores, _frequencies(table, populations), facts["source"],
    )  # fmt: skip


def _frequencies(table: pd.DataFrame, populations: tuple[str, ...]) -> Frequencies:
    if table.empty:
        return no_frequencies(populations)
    once = table.drop_duplicates(["key", "counted", "other"]).sort_values("key", kind="stable")
    return Frequencies(
        once["key"].to_numpy(dtype=np.int64), once["other"].to_numpy(dtype=object),
        once["counted"].to_numpy(dtype=object), populations,
        once[[f"f_{p}" for p in populations]].to_numpy(dtype=np.float64),
    )  # fmt: skip
