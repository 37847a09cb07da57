"""The reference's principal components as shipped: sites with loadings, and where its populations lie in them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake.build import CONTIGS, canonical
from consilium.genomics.intake.panel import FLOOR, Panel

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Principal components of a reference of unrelated people.

    panel: sites, and the frequency of `alt` in every population. centre, scale (site,): a genotype's ALT count enters
    as (count - centre) / scale. loadings (site, component), orthonormal. Per population: superpopulation, mean
    (population, component), covariance (population, component, component) of its people's scores, mean and standard
    deviation (population,) over its people of what the components leave unexplained, per site.
    """

    panel: Panel
    centre: Floats
    scale: Floats
    loadings: Floats
    superpopulation: tuple[str, ...]
    mean: Floats
    covariance: Floats
    residual_mean: Floats
    residual_sd: Floats

    @property
    def superpopulations(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.superpopulation)))

    def membership(self) -> Floats:
        """(population, superpopulation): 1 where the one belongs to the other."""
        return np.array([[float(own == name) for name in self.superpopulations] for own in self.superpopulation])


def read_components(sites: Path, populations: Path) -> Components:
    """Read both tables (columns: resources/README.d/ancestry_components.md). Raises InputError."""
    rows, people = _rows(sites), _rows(populations)
    pcs = [c for c in rows[0] if c.startswith("PC")]
    names = [p["population"] for p in people if "population" in p]
    lacking = [c for c in ("chrom", "pos", "ref", "alt", "centre", "scale", "PC1", *names) if c not in rows[0]]
    if lacking or not names:
        raise _bad(sites, f"no column {', '.join(lacking) or 'of a population'}")
    try:
        return _components(rows, people, pcs, names)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(populations, f"tables that do not belong together or a cell that is no number ({error})") from error


def _components(
    rows: list[dict[str, str]], people: list[dict[str, str]], pcs: list[str], names: list[str]
) -> Components:
    low = np.tril_indices(len(pcs))
    covariance = np.zeros((len(people), len(pcs), len(pcs)))
    for spread, row in zip(covariance, people, strict=True):
        spread[low] = [float(row[f"cov_{pcs[i]}_{pcs[j]}"]) for i, j in zip(*low, strict=True)]
        spread.T[low] = spread[low]
    chrom = [str(canonical(r["chrom"])) for r in rows]
    order = sorted(range(len(rows)), key=lambda i: (CONTIGS.index(chrom[i]), int(rows[i]["pos"])))
    ordered = [rows[i] for i in order]
    panel = Panel(
        np.array([chrom[i] for i in order]), _numbers(ordered, ["pos"])[:, 0].astype(np.int64),
        np.array([r["ref"] for r in ordered]), np.array([r["alt"] for r in ordered]),
        tuple(names), np.clip(_numbers(ordered, names), FLOOR, 1 - FLOOR),
    )  # fmt: skip
    centre, scale = _numbers(ordered, ["centre", "scale"]).T
    residual_mean, residual_sd = _numbers(people, ["residual_mean", "residual_sd"]).T
    return Components(
        panel, centre, scale, _numbers(ordered, pcs), tuple(p["superpopulation"] for p in people),
        _numbers(people, [f"mean_{c}" for c in pcs]), covariance, residual_mean, residual_sd,
    )  # fmt: skip


def _numbers(rows: list[dict[str, str]], columns: list[str]) -> Floats:
    return np.array([[float(r[c]) for c in columns] for r in rows], dtype=np.float64)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    if not rows:
        raise _bad(path, "no rows")
    return rows


def _bad(path: Path, found: str) -> InputError:
    return InputError(
        Problem(str(path), found, "the two tables that scripts/update_ancestry_components.py writes",
                "make them again, or leave genomics.ancestry_components as it is", 1)
    )  # fmt: skip
