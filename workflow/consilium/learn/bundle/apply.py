"""Takes a bundle to another cohort: verify, align by name and unit, predict. Nothing is fitted here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from consilium.core.errors import InputError, Problem
from consilium.core.provenance import file_digest
from consilium.learn.bundle import card, pack
from consilium.learn.cohort import words
from consilium.learn.cohort.data import Block, Cohort
from consilium.learn.fusion.model import Trained

MANIFEST = "manifest.json"
FORMAT = 5  # of a bundle's files; raised whenever older ones can no longer be read


def verified(folder: Path) -> dict[str, Any]:
    """The manifest, after every file's hash was compared. InputError names every changed, lacking or foreign file."""
    path = folder / MANIFEST
    if not path.exists():
        raise InputError(
            Problem(
                str(folder), f"no {MANIFEST}", "a bundle as a training run writes it", "name results/<cohort>/bundle"
            )
        )
    try:
        manifest = dict(json.loads(path.read_text(encoding="utf-8")))
        listed: dict[str, str] = manifest["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            Problem(str(path), f"unreadable: {error}", "the manifest of a bundle", "copy it again")
        ) from error
    if manifest.get("bundle_format") != FORMAT:
        found = f"a bundle of format {manifest.get('bundle_format', 1)}"
        raise InputError(
            Problem(str(path), found, f"format {FORMAT}", "train it again, or apply it with the version that wrote it")
        )
    problems = []
    for name, digest in sorted(listed.items()):
        file = folder / name
        if not file.is_file():
            problems.append(Problem(str(file), "lacking", "every file of the manifest", "copy the whole bundle"))
        elif file_digest(file) != digest:
            problems.append(
                Problem(str(file), "changed since training (sha256 differs)", digest, "copy the bundle again")
            )
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")}
    for name in sorted(present - set(listed) - {MANIFEST}):
        problems.append(Problem(str(folder / name), "not in the manifest", "files of the manifest alone", "remove it"))
    if problems:
        raise InputError(problems)
    return manifest


def task_of(manifest: dict[str, Any], folder: Path, task: str) -> dict[str, Any]:
    """What the manifest says of one task; InputError when the bundle has no such task."""
    known = {t["name"]: t for t in manifest["tasks"]}
    if task not in known:
        raise InputError(Problem(str(folder), f"no task '{task}'", ", ".join(known), "name a task of the bundle"))
    return dict(known[task])


def load(folder: Path, task: str) -> Trained:
    """The model of one task; InputError when the self-test does not give the expected numbers."""
    files = pack.read_folder(folder / task)
    trained = pack.unpack(files)
    cohort = card.selftest_cohort(trained, json.loads(files["dictionary.json"]))
    wanted = json.loads(files["selftest.json"])["expected"]
    if not card.agree(json.loads(json.dumps(card.expected(trained, cohort))), wanted):
        raise InputError(
            Problem(str(folder / task), "the self-test gives other numbers than at training", "agreement to 1e-6",
                    "use the versions in manifest.json")
        )  # fmt: skip
    return trained


def aligned(cohort: Cohort, dictionary: dict[str, Any], source: str) -> tuple[Cohort, dict[str, Any]]:
    """Blocks of the bundle in its order of features; (cohort, what is lacking or unknown, by name).

    A lacking block is absent for everybody, a lacking feature missing; other units, shapes or times: InputError.
    """
    notes: dict[str, Any] = {"lacking_blocks": [], "unknown_blocks": [], "lacking_features": {}, "unknown_features": {}}
    notes["unknown_blocks"] = [b.name for b in cohort.blocks if b.name not in dictionary]
    blocks: list[Block] = []
    problems: list[Problem] = []
    for name, about in dictionary.items():
        block = cohort.block(name)
        if block is None:
            notes["lacking_blocks"].append(name)
            continue
        wrong = _mismatch(block, about)
        problems += [Problem(source, f"{name}: {found}", allowed, mend) for found, allowed, mend in wrong]
        if not wrong:
            blocks.append(_reordered(block, about, notes))
    if problems:
        raise InputError(problems)
    blocks.sort(key=lambda b: b.name)
    return replace(cohort, blocks=tuple(blocks)), notes


def _mismatch(block: Block, about: dict[str, Any]) -> list[tuple[str, str, str]]:
    if block.layout != about["layout"]:
        return [(f"layout {block.layout}", about["layout"], "supply the same kind of data")]
    if block.layout == "volume" and block.shape != about["shape"]:
        return [(f"grid {block.shape}", f"grid {about['shape']}", "set imaging.grid_mm as in the training cohort")]
    out = []
    if block.layout == "bag" and block.shape[0] != about["shape"][0]:
        return [(f"{block.shape[0]} instances", f"{about['shape'][0]} instances",
                 "set omics.max_instances as in the training cohort")]  # fmt: skip
    if block.layout == "dna" and block.shape != about["shape"]:
        mine, wanted = (f"{n} windows of {(width - 1) // 2} columns" for n, width in (block.shape, about["shape"]))
        return [(mine, wanted, "set length and max_per_patient of genomics.windows as in the training cohort")]
    if block.layout == "words" and block.shape != about["shape"]:
        return [(f"{block.shape[0]} words", f"{about['shape'][0]} words", "set text.words as in the training cohort")]
    if block.layout == "series" and list(block.time) != about["time"]:
        out.append((f"{len(block.time)} time bins", f"{len(about['time'])} bins at the bundle's times",
                    "set ehr.window_days and ehr.bins as in the training cohort"))  # fmt: skip
    unit = dict(zip(block.features, block.units, strict=True))
    for f in about["features"]:
        if f["name"] in unit and unit[f["name"]] != f["unit"]:
            out.append((f"{f['name']} in '{unit[f['name']]}'", f"'{f['unit']}'", "convert it"))
    return out


def _reordered(block: Block, about: dict[str, Any], notes: dict[str, Any]) -> Block:
    if block.layout == "volume":
        return block
    if block.layout == "words":  # each cohort has its own list, which is no news
        return words.under(block, [f["name"] for f in about["features"]])
    wanted = [f["name"] for f in about["features"]]
    place = {f: i for i, f in enumerate(block.features)}
    lacking = [f for f in wanted if f not in place]
    unknown = [f for f in block.features if f not in set(wanted)]
    if lacking:
        notes["lacking_features"][block.name] = lacking
    if unknown:
        notes["unknown_features"][block.name] = unknown
    values = np.full((*block.values.shape[:-1], len(wanted)), np.nan, dtype=np.float32)
    for k, f in enumerate(wanted):
        if f in place:
            values[..., k] = block.values[..., place[f]]
    seen = np.isfinite(values).reshape(len(values), -1).any(axis=1)
    present = block.present & seen
    reasons = tuple(
        r if r or ok else "none of the bundle's features" for r, ok in zip(block.reasons, present, strict=True)
    )
    units = tuple(f["unit"] for f in about["features"])
    return replace(block, values=values, present=present, reasons=reasons, features=tuple(wanted), units=units)
