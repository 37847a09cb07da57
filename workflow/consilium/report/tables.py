"""Everything the pages are made of, read once: the sheets, the tables of the active rooms, who has which block."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consilium.core.register import TABLES
from consilium.core.sheets import (
    DEMOGRAPHICS,
    KINDS,
    WHOLE_COHORT,
    Patient,
    Sample,
    Sheets,
    read_patients,
    read_samples,
)
from consilium.core.store import read_facts, read_parts, read_table

if TYPE_CHECKING:
    import pandas as pd

ROOM_TABLES: dict[str, tuple[str, ...]] = {
    "genomics": (
        "vcf_files",
        "samples_qc",
        "ancestry",
        "kinship",
        "identity",
        "pharmacogenes",
        "polygenic",
        "polygenic_adjusted",
        "families",
        "mendel",
        "homozygosity",
        "genotype_identity",
        "reads_qc",
        "coverage",
        "cyp2d6",
        "cnv_flags",
    ),
    "imaging": ("image_qc",),
    "omics": ("omics_qc",),
    "ehr": ("observations", "alerts", "drugs", "diagnoses"),
    "text": ("findings",),
}
TASK_TABLES = (
    "folds", "predictions", "leaderboard", "contributions", "differences", "set_coverage", "decision_curve",
    "learning_curve", "explanations", "strata", "augmentation", "augmentation_draws",
)  # fmt: skip
APPLY_TABLES = ("drift",)
TASK_FACTS = ("gates", "permuted", "explanation_gates", "strata", "drift")
TREATMENT_TABLES = ("guidelines", "effects")
FINDINGS_TABLES = ("gene_findings", "genes_assessed", "consequences", "hpo_ranking")
SEGMENTATION_TABLES = ("segmentation",)
ASSOCIATION_TABLES = ("association", "association_hits")


@dataclass(frozen=True)
class Task:
    """One prediction task of the configuration."""

    name: str
    type: str  # classification | survival | regression
    outcome: str = ""
    time: str = ""
    event: str = ""
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """Who has one feature block: `reason[p]` is "" where present, else why not."""

    name: str  # room/block
    title: str
    layout: str
    n_features: int  # voxels for a volume
    reason: dict[str, str]


@dataclass(frozen=True)
class Cohort:
    """The read results of one run. Tables of rooms that are not active, or that nobody wrote, are empty."""

    name: str
    mode: str
    root: Path  # results/<cohort>/cohort
    patients_folder: Path
    rooms: tuple[str, ...]
    tasks: tuple[Task, ...]
    sheets: Sheets
    tables: dict[str, pd.DataFrame]
    facts: dict[str, Any] = field(default_factory=dict)  # "<task>/gates" … -> content of the JSON file
    blocks: tuple[Block, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)  # analyte or image measure -> its name for people
    only: frozenset[str] | None = None  # patients whose rows are asked for; None = all
    _seen: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False)  # indices, made when first asked for

    def table(self, name: str) -> pd.DataFrame:
        """A table by contract name, or "<task>/<name>"; empty with the right columns when it is not there."""
        if name not in self.tables:
            self.tables[name] = TABLES[name.rpartition("/")[2]].empty()
        return self.tables[name]

    def whole(self, room: str, name: str, of: str = "") -> pd.DataFrame:
        """A large table that patients' pages do not need, read when asked for; `of`: the name in its path."""
        return _read(self.root, f"{of}/{name}", name, None) if room in self.rooms else TABLES[name].empty()

    def parts(self, room: str, name: str, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Some columns of a TSV table that may have a row a variant, in parts."""
        path = self.root.parent / TABLES[name].path
        if room in self.rooms and path.exists():
            yield from read_parts(path, name, columns)

    def rows(self, name: str, patient: str) -> list[dict[str, Any]]:
        """Rows of one patient as plain dicts, missing cells as None."""
        found: dict[str, list[dict[str, Any]]] = self._once(("rows", name), lambda: self._by_patient(name))
        return found.get(patient, [])

    def _by_patient(self, name: str) -> dict[str, list[dict[str, Any]]]:
        table = self.table(name)
        if self.only is not None:
            table = table[table["patient"].isin({*self.only, WHOLE_COHORT})]
        grouped: dict[str, list[dict[str, Any]]] = {}
        for row in records(table):
            grouped.setdefault(str(row["patient"]), []).append(row)
        return grouped

    def distinct(self, name: str, column: str) -> list[str]:
        """Sorted values of a text column over the whole cohort."""
        return list(self._once(("distinct", name, column), lambda: sorted(set(self.table(name)[column]))))

    def patient(self, name: str) -> Patient:
        people: dict[str, Patient] = self._once(("people",), lambda: {p.patient: p for p in self.sheets.patients})
        return people[name]

    def samples(self, room: str, kind: str, patient: str) -> list[Sample]:
        """Rows of the sample sheet of one kind; patient "*" for files of the whole cohort."""
        found: dict[tuple[str, str, str], list[Sample]] = self._once(("samples",), self._samples_by_kind)
        return found.get((room, kind, patient), [])

    def _samples_by_kind(self) -> dict[tuple[str, str, str], list[Sample]]:
        grouped: dict[tuple[str, str, str], list[Sample]] = {}
        for sample in self.sheets.samples:
            grouped.setdefault((sample.modality, sample.kind, sample.patient), []).append(sample)
        return grouped

    def _once(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        if key not in self._seen:
            self._seen[key] = make()
        return self._seen[key]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain dicts, missing cells as None."""
    return [{str(k): plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def plain(value: Any) -> Any:
    """A table cell as a JSON value: numpy scalars unpacked, missing as None."""
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value


def read_cohort(
    name: str,
    mode: str,
    root: Path,
    patients_folder: Path,
    patients: Path,
    samples: Path,
    active: str,
    tasks: str,
    only: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> Cohort:
    """Read the known contract paths of what is active and of `tasks` (JSON of the config).

    active: rooms, and tables of association, segmentation and treatment, joined by commas. A file of what is not active
    is never read: it may be left from an earlier run. `only`: large tables are read for these patients alone.
    """
    parts = active.split(",")
    rooms = tuple(room for room in KINDS if room in parts)
    work = tuple(_task(t) for t in json.loads(tasks))
    named = {t: t for room in rooms for t in ROOM_TABLES.get(room, ()) if t in TABLES}
    optional = (*TREATMENT_TABLES, *FINDINGS_TABLES, *ASSOCIATION_TABLES, *SEGMENTATION_TABLES)
    named |= {"quarantine": "quarantine"} | {t: t for t in optional if t in parts}
    of_task = (*TASK_TABLES, *(APPLY_TABLES if mode == "apply" else ()))
    named |= {f"{task.name}/{t}": t for task in work for t in of_task}
    tables = {key: _read(root, key, table, only) for key, table in named.items()}
    wanted = [f for f in TASK_FACTS if f != "strata" or f in parts]
    facts = {f"{t.name}/{f}": read_facts(root / "learn" / t.name / f"{f}.json") for t in work for f in wanted
             if (root / "learn" / t.name / f"{f}.json").exists()}  # fmt: skip
    people = Sheets(read_patients(patients), read_samples(samples))
    stored = [b for room in rooms for b in read_presence(room, root / "features" / f"{room}.zarr.zip")]
    lacks = {p.patient: p.lacks_demographics for p in people.patients}
    blocks = (*stored, Block(DEMOGRAPHICS, "Age and sex", "table", 2, lacks))
    asked = None if only is None else frozenset(only)
    return Cohort(name, mode, root, patients_folder, rooms, work, people, tables, facts, blocks, titles or {}, asked)


def read_titles(analytes: Path, measures: Path) -> dict[str, str]:
    """Names for people of the analytes that the ehr room harmonises with, and of what is measured in images."""
    titles: dict[str, str] = {}
    for path, key in ((analytes, "analyte"), (measures, "measure")):
        with open(path, newline="", encoding="utf-8") as handle:
            titles |= {row[key]: row["title"] for row in csv.DictReader(handle, delimiter="\t")}
    return titles


def _task(record: dict[str, Any]) -> Task:
    return Task(
        record["name"], record["type"], record.get("outcome") or "", record.get("time") or "",
        record.get("event") or "", tuple(record.get("blocks") or ()),
    )  # fmt: skip


def _read(root: Path, key: str, table: str, only: Sequence[str] | None) -> pd.DataFrame:
    """A registered table, whatever the suffix it was written with; empty when the file is not there."""
    import pandas as pd

    record = TABLES[table]
    task = key.rpartition("/")[0]
    path = root.parent / record.path.replace("<task>", task).replace("<name>", task).replace("<part>", "all")
    if not path.exists():
        return record.empty()
    if only is not None and path.suffix == ".parquet":
        return record.check(pd.read_parquet(path, filters=[("patient", "in", list(only))]))
    return read_table(path, table)


def read_presence(room: str, path: Path) -> list[Block]:
    """Who has which block of a room's feature store, without reading the values (volumes are large)."""
    if not path.exists():
        return []
    import zarr

    found = []
    with zarr.storage.ZipStore(path, mode="r") as store:
        root: Any = zarr.open_group(store, mode="r")
        for name in sorted(root.group_keys()):
            group = root[name]
            who = [str(p) for p in group["patient"][:]]
            reason = [str(r) for r in group["reason"][:]]
            attrs = dict(group.attrs)
            size = 1
            for n in group["values"].shape[1:]:
                size *= int(n)
            found.append(
                Block(f"{room}/{name}", str(attrs.get("title", name)), str(attrs.get("layout", "")), size,
                      dict(zip(who, reason, strict=True)))
            )  # fmt: skip
    return found
