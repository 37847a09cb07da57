"""Lesions outlined by one network or several a fold, against experts' masks: Dice by patient, five folds.

    python benchmarks/imaging_segmentation.py make-data WORK
    python benchmarks/imaging_segmentation.py train WORK --fold 0 --member 0     # each fold, each member
    python benchmarks/imaging_segmentation.py judge WORK --figure cases.png --out benchmarks/imaging_segmentation.tsv

74 low-grade gliomas, FLAIR (`$CONSILIUM_DATA/imaging/lgg_radiogenomics`). One training took 35 to 44 processor
minutes. Judged are each network alone and the mean of the first two, three, ... networks of a fold, on its patients
that none of them has seen, with threshold and clean-up from the networks' tuning patients. Written by fold, and of all
folds that have so many networks together: mean Dice with its 95 % interval (2,000 draws of patients), median, patients
below .5, mean gain over network 0 alone with its interval (the same patients), processor seconds a volume.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests" / "configs")]
from consilium.core.sheets import Patient, Sample  # noqa: E402
from consilium.imaging.segment import fill, picture, pieces, predict, store, train  # noqa: E402
from consilium.imaging.segment import model as models  # noqa: E402
from consilium.imaging.segment.grid import Grid  # noqa: E402
from consilium.imaging.stages import segment_train  # noqa: E402
from consilium.imaging.volume import Volume  # noqa: E402

Array = np.ndarray
FOLDS, DRAWS = 5, 2000
COLUMNS = ("networks", "fold", "patients", "dice", "low", "high", "median", "below_half", "gain", "gain_low",
           "gain_high", "threshold", "smallest_ml", "cpu_s_a_volume")  # fmt: skip


@dataclass(frozen=True)
class Fold:
    """What one network, or several together, say of the held-out patients of a fold."""

    entries: tuple[store.Entry, ...]
    probabilities: dict[str, Array]
    rule: pieces.Rule
    cpu_s: float


@dataclass(frozen=True)
class Judged:
    """Dice by patient, and that of the fold's network 0 alone for the same patients."""

    dice: Array
    alone: Array
    rule: pieces.Rule
    cpu_s: float


def make_data(work: Path) -> None:
    """NIfTI of all patients, and from it the store on which networks learn."""
    from prepare_glioma import write_images

    archive = Path(os.environ["CONSILIUM_DATA"]) / "imaging/lgg_radiogenomics/flair96_open.tar"
    lines = write_images(archive, work)
    cells = [line.split("\t") for patient in sorted(lines) for line in lines[patient]]
    rows = [Sample(p, room, kind, path, day, kind, i) for i, (p, room, kind, path, day) in enumerate(cells, 2)]
    fine = {p: {"FLAIR": "", "mask": ""} for p in lines}
    out = work / "images.npy", work / "masks.npy", work / "store.json"
    fill.fill([Patient(p) for p in sorted(lines)], rows, fine, "FLAIR", Grid(96, 2.5), FOLDS, 0, out)


def network(work: Path, fold: int, member: int) -> Path:
    return work / "networks" / f"{fold}_{member}.safetensors"


def predicted(work: Path, opened: store.Store, fold: int, member: int) -> Fold:
    """Prediction of the held-out patients by one network; kept beside the network's file."""
    file = network(work, fold, member)
    model, kept = models.load(file), file.with_suffix(".npz")
    entries = store.judged(opened.trainable, str(fold))
    if not kept.exists() or kept.stat().st_mtime < file.stat().st_mtime:
        where, started = train.device(), time.process_time()
        found: dict[str, Any] = {
            e.patient: predict.predict(model.nets, opened.of(e)[0], e.slice_mm, model.settings, where).probability
            for e in entries
        }
        found["cpu_s"] = (time.process_time() - started) / len(entries)
        np.savez(kept, **found)
    with np.load(kept) as content:
        arrays = {name: content[name] for name in content.files}
    return Fold(entries, arrays, model.rule, float(arrays.pop("cpu_s")))


def together(work: Path, fold: int, members: Sequence[int], of: Sequence[Fold]) -> Fold:
    """The mean of some networks of a fold, with the rule of the model that stage segment_join would write."""
    rule = models.common_rule([note for m in members for note in models.about(network(work, fold, m))["notes"]])
    mean = {p: np.mean([f.probabilities[p] for f in of], axis=0) for p in of[0].probabilities}
    return Fold(of[0].entries, mean, rule, sum(f.cpu_s for f in of))


def outlined(opened: store.Store, fold: Fold) -> dict[str, tuple[float, Array, Array]]:
    """Patient -> (Dice, outline, expert's mask)."""
    pixel_mm, out = float(opened.facts["pixel_mm"]), {}
    for e in fold.entries:
        found = pieces.cleaned(fold.probabilities[e.patient], e.slice_mm * pixel_mm**2 / 1000, fold.rule)
        expert = np.asarray(opened.of(e)[1]) > 0
        out[e.patient] = (pieces.dice(found, expert), found, expert)
    return out


def interval(values: Array) -> tuple[float, float]:
    """Of the mean, by drawing patients anew."""
    draws = np.random.default_rng(0).choice(values, (DRAWS, len(values))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def row(name: str, fold: str, found: Sequence[Judged]) -> dict[str, str]:
    """One line of the result; found: of one fold or of all."""
    dice, alone = (np.concatenate(values) for values in zip(*((j.dice, j.alone) for j in found), strict=True))
    rule = found[0].rule if len(found) == 1 else None
    gain = dice - alone
    numbers = [dice.mean(), *interval(dice), np.median(dice)]
    gains = [gain.mean(), *interval(gain)]
    seconds = np.mean([j.cpu_s for j in found])
    return dict(zip(COLUMNS, [
        name, fold, str(len(dice)), *(f"{v:.4f}" for v in numbers), str(int((dice < 0.5).sum())),
        *(f"{v:.4f}" for v in gains), *([str(rule.threshold), str(rule.smallest_ml)] if rule else ["", ""]),
        f"{seconds:.2f}"], strict=True))  # fmt: skip


def judge(work: Path, out: Path | None, figure: Path | None) -> None:
    opened = store.load(work / "store.json")
    numbers = {f: [m for m in range(9) if network(work, f, m).exists()] for f in range(FOLDS)}
    single = {(f, m): predicted(work, opened, f, m) for f in numbers for m in numbers[f]}
    most = max(map(len, numbers.values()))
    rows = []
    for members in [(m,) for m in range(most)] + [tuple(range(n)) for n in range(2, most + 1)]:
        name, found = "+".join(map(str, members)), {}
        for f in (f for f in numbers if set(members) <= set(numbers[f])):
            fold = together(work, f, members, [single[f, m] for m in members])
            dice, alone = (np.array([d for d, *_ in outlined(opened, g).values()]) for g in (fold, single[f, 0]))
            found[f] = Judged(dice, alone, fold.rule, fold.cpu_s)
            rows.append(row(name, str(f), [found[f]]))
        which = "all" if len(found) == FOLDS else " ".join(map(str, found))
        rows.append(row(name, which, list(found.values())))
        print("\t".join(rows[-1].values()), flush=True)
    if figure:
        draw(opened, [together(work, f, ms, [single[f, m] for m in ms]) for f, ms in numbers.items()], figure)
    if out:
        with open(out, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def draw(opened: store.Store, folds: Sequence[Fold], file: Path) -> None:
    """Best, median and worst patient of the mean of all networks."""
    found = []
    for fold in folds:
        outlines = outlined(opened, fold)
        found += [(*outlines[e.patient], e, fold.probabilities[e.patient]) for e in fold.entries]
    found.sort(key=lambda case: case[0])
    cases = []
    for what, at in (("best", -1), ("median", len(found) // 2), ("worst", 0)):
        dice, outline, expert, e, probability = found[at]
        voxels = np.asarray(opened.of(e)[0], dtype=np.float32).T
        image = Volume(voxels, np.diag([2.5, 2.5, e.slice_mm, 1.0]), "FLAIR", "nifti")
        entropy = predict.Prediction(probability).entropy
        cases.append(picture.Case(f"{what}, Dice {dice:.2f}", image, outline.T, expert.T, entropy.T))
    picture.draw(file, cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make-data", "train", "judge"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--member", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    if args.what == "make-data":
        make_data(args.work)
    elif args.what == "train":
        file = network(args.work, args.fold, args.member)
        segment_train(args.work / "store.json", str(args.fold), file, args.member, epochs=args.epochs)
    else:
        judge(args.work, args.out, args.figure)


if __name__ == "__main__":
    main()
