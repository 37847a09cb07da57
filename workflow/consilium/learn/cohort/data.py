"""Feature blocks of all rooms as plain arrays: gathered once per cohort, taken by rows, aligned to a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import DEMOGRAPHICS
from consilium.core.store import atomic, read_features
from consilium.learn.cohort import words
from consilium.learn.uncertainty import groups

if TYPE_CHECKING:
    import xarray as xr

    from consilium.core.sheets import Patient

Array = np.ndarray


@dataclass(frozen=True)
class Block:
    """One modality. values: float32, NaN = missing: (patient, feature) of a table, (patient, time, feature) of a
    series, (patient, z, y, x) of a volume, (patient, instance, feature) of a bag, (patient, position) of words: the
    place of each word in `features`, words.UNKNOWN for one that is not there; (patient, window, feature) of DNA.

    present(patient): supplied and usable. reasons(patient): "" where present, else why not. features and units are
    empty for a volume; time is empty but for a series.
    """

    name: str
    title: str
    layout: str
    values: Array
    present: Array
    reasons: tuple[str, ...]
    features: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    time: tuple[float, ...] = ()

    def take(self, rows: Array) -> Block:
        kept = tuple(self.reasons[i] for i in rows)
        return replace(self, values=self.values[rows], present=self.present[rows], reasons=kept)

    @property
    def shape(self) -> list[int]:
        return list(self.values.shape[1:])


@dataclass(frozen=True)
class Cohort:
    """Patients in sheet order and their blocks, by name in alphabetical order."""

    patients: tuple[str, ...]
    sites: tuple[str, ...]
    families: tuple[str, ...]
    blocks: tuple[Block, ...]
    levels: groups.Levels = field(default_factory=dict)  # declared groups, see uncertainty.groups

    def take(self, rows: Array) -> Cohort:
        """A cohort of these rows alone: what a fit step gets cannot see anybody else."""
        rows = np.asarray(rows, dtype=int)
        pick = lambda items: tuple(items[i] for i in rows)  # noqa: E731
        blocks = tuple(b.take(rows) for b in self.blocks)
        return Cohort(
            pick(self.patients), pick(self.sites), pick(self.families), blocks, groups.take(self.levels, list(rows))
        )

    def only(self, names: Sequence[str]) -> Cohort:
        """With these blocks alone (all when `names` is empty)."""
        if not names:
            return self
        return replace(self, blocks=tuple(b for b in self.blocks if b.name in names))

    def block(self, name: str) -> Block | None:
        return next((b for b in self.blocks if b.name == name), None)

    @property
    def mask(self) -> Array:
        """present as bool (patient, block)."""
        if not self.blocks:
            return np.zeros((len(self.patients), 0), dtype=bool)
        return np.stack([b.present for b in self.blocks], axis=1)


def gathered(
    stores: Sequence[Path], patients: Sequence[Patient], levels: groups.Levels | None = None, min_patients: int = 1
) -> Cohort:
    """All blocks of all feature stores, and age and sex, rows in the order of the sheet; levels: see groups.declared.

    min_patients: a word of fewer patients becomes words.UNKNOWN.
    """
    ids = [p.patient for p in patients]
    blocks = []
    for path in stores:
        for short, dataset in read_features(path).items():
            block = _block(f"{dataset.attrs['room']}/{short}", dataset, ids)
            blocks.append(words.of_many(block, min_patients) if block.layout == "words" else block)
    blocks.append(demographics(patients))
    blocks.sort(key=lambda b: b.name)
    sites, families = tuple(p.site for p in patients), tuple(p.family for p in patients)
    return Cohort(tuple(ids), sites, families, tuple(blocks), levels or {})


def _block(name: str, dataset: xr.Dataset, ids: list[str]) -> Block:
    layout = str(dataset.attrs["layout"])
    place = {str(p): i for i, p in enumerate(dataset["patient"].values)}
    rows = [place.get(p, -1) for p in ids]
    found = np.array([r >= 0 for r in rows], dtype=bool)
    values = dataset["values"].values[rows].astype(np.float32, copy=True)
    values[~np.isfinite(values)] = np.nan
    present: Array = dataset["present"].values[rows] & found
    values[~present] = np.nan
    reasons = tuple(
        str(dataset["reason"].values[r]) if ok else "not in the feature store"
        for r, ok in zip(rows, found, strict=True)
    )
    named = layout != "volume"
    return Block(
        name, str(dataset.attrs["title"]), layout, values, present, reasons,
        tuple(map(str, dataset["feature"].values)) if named else (),
        tuple(map(str, dataset["unit"].values)) if named else (),
        tuple(map(float, dataset["time"].values)) if layout == "series" else (),
    )  # fmt: skip


def demographics(patients: Sequence[Patient]) -> Block:
    """Age at the index date (years) and sex (1 female, 0 male), from the patient sheet."""
    female = {"female": 1.0, "male": 0.0}
    values = np.array([(p.age, female.get(p.sex)) for p in patients], dtype=np.float32).reshape(-1, 2)
    present = np.array(np.isfinite(values).any(axis=1))
    reasons = tuple(p.lacks_demographics for p in patients)
    return Block(DEMOGRAPHICS, "Age and sex", "table", values, present, reasons, ("age", "female"), ("years", ""))


def save(path: Path, cohort: Cohort) -> None:
    """One safetensors file; all names in a single metadata entry, since the order of several is not stable."""
    from safetensors.numpy import save_file

    arrays: dict[str, Array] = {}
    about: list[dict[str, Any]] = []
    for i, b in enumerate(cohort.blocks):
        arrays[f"{i:03d}.values"] = np.ascontiguousarray(b.values)
        arrays[f"{i:03d}.present"] = np.ascontiguousarray(b.present)
        names = ("name", "title", "layout", "reasons", "features", "units", "time")
        about.append({k: getattr(b, k) for k in names})
    facts = {"patients": cohort.patients, "sites": cohort.sites, "families": cohort.families, "blocks": about,
             "levels": cohort.levels}  # fmt: skip
    arrays["anchor"] = np.zeros(1, dtype=np.float32)  # the format wants one array at least
    with atomic(path) as temporary:
        save_file(arrays, temporary, metadata={"consilium": json.dumps(facts)})


def load(path: Path) -> Cohort:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as store:
        facts = json.loads(store.metadata()["consilium"])
        blocks = [
            Block(
                about["name"], about["title"], about["layout"], store.get_tensor(f"{i:03d}.values"),
                store.get_tensor(f"{i:03d}.present"),
                *(tuple(about[k]) for k in ("reasons", "features", "units", "time")),
            )
            for i, about in enumerate(facts["blocks"])
        ]  # fmt: skip
    levels = {name: tuple(of) for name, of in facts["levels"].items()}
    return Cohort(tuple(facts["patients"]), tuple(facts["sites"]), tuple(facts["families"]), tuple(blocks), levels)


def checked_names(cohort: Cohort, names: Sequence[str], task: str) -> None:
    """InputError when the configuration names a feature block that this cohort does not have."""
    have = [b.name for b in cohort.blocks]
    lacking = [n for n in names if n not in have]
    if lacking:
        raise InputError(
            [Problem("config", f"learn.tasks.{task}.blocks has '{n}', which no room wrote", ", ".join(have),
                     "correct the name, or supply that data") for n in lacking]
        )  # fmt: skip
