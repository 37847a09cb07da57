"""The training store against reading NIfTI.gz: time a sample as a share of a training step, and peak memory.

    python benchmarks/imaging_store.py [--patients 40] [--out benchmarks/imaging_store.tsv]

Simulated heads with a lesion (noise and a ball, 96 x 96 x 32). One step: a batch of 12 patches of 64 pixels through
the U-Net, forward, backward, optimizer, one thread. Loading from the store: choosing the places, reading the slices of
the batch by memory map, to float32, other side and place beside them. From NIfTI.gz: the same, but every sample's
volume is read and scaled. Lesions in other heads, turning, scaling and changing intensities cost the same in both and
are told apart. Median of the repeats.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from consilium.core.sheets import Patient, Sample
from consilium.imaging.intake import reader
from consilium.imaging.segment import fill, store, train
from consilium.imaging.segment.grid import Grid, scaled
from consilium.imaging.segment.net import build
from consilium.imaging.segment.sampler import Patches

BATCH, PATCH, SHAPE = 12, 64, (96, 96, 32)


def simulate(folder: Path, patients: int) -> list[Sample]:
    rows = []
    for i in range(patients):
        random = np.random.default_rng(i)
        where = np.indices(SHAPE).transpose(1, 2, 3, 0) - np.array((48, 48, 16))
        head = np.linalg.norm(where / (34, 42, 20), axis=-1) < 1
        ball = np.linalg.norm(where - random.uniform(-12, 12, 3), axis=-1) < random.uniform(4, 10)
        image = (random.normal(20, 5, SHAPE) + 80 * head + 60 * (ball & head)).clip(0).astype(np.float32)
        for kind, array in (("FLAIR", image), ("mask", (ball & head).astype(np.uint8))):
            path = folder / f"P{i}_{kind}.nii.gz"
            nib.save(nib.Nifti1Image(array, np.diag([2.5, 2.5, 5.0, 1.0])), path)
            rows.append(Sample(f"P{i}", "imaging", kind, str(path), "", kind, 2))
    return rows


def median_ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[1:])


def measure(folder: Path, patients: int, repeats: int) -> list[tuple[str, float, str]]:
    import torch

    rows = simulate(folder, patients)
    people = [Patient(f"P{i}") for i in range(patients)]
    out = folder / "images.npy", folder / "masks.npy", folder / "store.json"
    fine = {p.patient: {"FLAIR": "", "mask": ""} for p in people}
    started = time.perf_counter()
    fill.fill(people, rows, fine, "FLAIR", Grid(96, 2.5), 5, 0, out)
    filling = 1000 * (time.perf_counter() - started) / patients
    opened = store.load(out[2])
    settings = train.Settings(patch=PATCH, batch=BATCH)
    train.device()
    patches = Patches(opened, [p.patient for p in people], settings.shape, PATCH, 1, True, settings.augmentation)
    random, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    net = build(settings.shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), fused=True)
    images, masks = patches.batch(BATCH, random, generator)

    def step() -> None:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    files = [s for s in rows if s.kind == "FLAIR"]

    def from_nifti() -> None:
        for at in random.integers(len(files), size=BATCH):
            volume = reader.read(files[at])
            scaled(volume.voxels, "FLAIR", float(volume.spacing[0]))

    def from_store() -> None:
        patches.read([(entry, int(at[0])) for entry, at in patches.choose(BATCH, random)])

    reading = median_ms(from_store, repeats)
    whole = median_ms(lambda: patches.batch(BATCH, random, generator), repeats)
    stepping, nifti = median_ms(step, repeats), median_ms(from_nifti, max(3, repeats // 5))
    return [
        ("training step", stepping / BATCH, "ms a sample"),
        ("loading from the store", reading / BATCH, "ms a sample"),
        ("loading from the store, share of a step", reading / stepping, "fraction"),
        ("augmentation", (whole - reading) / BATCH, "ms a sample"),
        ("loading from NIfTI.gz", nifti / BATCH, "ms a sample"),
        ("loading from NIfTI.gz, share of a step", nifti / stepping, "fraction"),
        ("filling the store", filling, "ms a patient, once"),
        ("store on disk", sum(f.stat().st_size for f in out) / patients / 1e6, "MB a patient"),
        ("peak memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch), args.patients, args.repeats)
    lines = ["what\tvalue\tunit", *(f"{what}\t{value:.4g}\t{unit}" for what, value, unit in found)]
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
