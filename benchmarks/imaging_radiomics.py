"""Radiomics of ten regions against pyradiomics 3.0.1 on cropped boxes: speed, turn and turn about, and every value.

    python benchmarks/imaging_radiomics.py --peer PYTHON [--turns 7] [--full] [--out benchmarks/imaging_radiomics.tsv]

PYTHON: an interpreter that has pyradiomics 3.0.1 (it needs numpy below 2 and builds with --no-build-isolation). The
image is a simulated T1 at 1 mm; the regions are ten balls and ellipsoids of 2,000 to 9,000 voxels in the brain. Both
sides are timed inside their process, after imports and one warm-up: wall and processor seconds for the ten regions.
pyradiomics is given boxes that were cut before its clock started; the time to cut them is in ours.
--full: pyradiomics on the uncropped volume too, once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
from pyradiomics_names import expected

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.imaging.radiomics.measure import FAMILIES, everything  # noqa: E402
from consilium.imaging.radiomics.prepare import Settings, region  # noqa: E402

BIN = 25.0
SHARED = FAMILIES - {"spatial", "loc", "ivh", "dzm"}  # what pyradiomics has too
PEER = """
import json, logging, sys, time
import numpy as np, SimpleITK as sitk, radiomics
from radiomics import featureextractor
radiomics.logger.setLevel(logging.ERROR)
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
data = np.load(sys.argv[1])
full = sys.argv[2] == "full"
extractor = featureextractor.RadiomicsFeatureExtractor(binWidth=25, additionalInfo=False)
extractor.enableAllFeatures()
def boxed(mask):
    cut = tuple(slice(max(w.min() - 1, 0), w.max() + 2) for w in np.nonzero(mask))
    return tuple(slice(None) for _ in cut) if full else cut
def image(array):
    return sitk.GetImageFromArray(np.ascontiguousarray(array.T))
voxels, masks = data["voxels"], [data[k] for k in sorted(data) if k.startswith("mask")]
cuts = [boxed(m) for m in masks]
pieces = [(np.ascontiguousarray(voxels[c]), m[c].astype(np.uint8)) for c, m in zip(cuts, masks)]
def once():
    return [extractor.execute(image(v), image(m)) for v, m in pieces]
print("ready", flush=True)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    found = once()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    values = [{k.replace("original_", ""): float(v) for k, v in f.items() if k.startswith("original")} for f in found]
    print(json.dumps({"spent": spent, "values": values}), flush=True)
"""


def scene() -> tuple[np.ndarray, list[np.ndarray]]:
    """(voxels, ten masks) at 1 mm, from a fixed seed."""
    from consilium.simulate.images_brain import t1

    scan = t1(0.0, "female", "site_2", np.random.default_rng(5), spacing_mm=1.0)
    voxels = scan.voxels.astype(np.float64)
    rng = np.random.default_rng(7)
    where = np.indices(voxels.shape)
    middle = np.array(voxels.shape) / 2
    masks = []
    for _ in range(10):
        centre = middle + rng.uniform(-25, 25, 3)
        radii = rng.uniform(7, 13, 3)
        masks.append((((where - centre[:, None, None, None]) / radii[:, None, None, None]) ** 2).sum(axis=0) <= 1)
    return voxels, masks


def bins(voxels: np.ndarray, masks: list[np.ndarray]) -> list[Settings]:
    """pyradiomics lays its bins on multiples of the width."""
    return [Settings(bin_size=BIN, origin=float(np.floor(voxels[m].min() / BIN) * BIN)) for m in masks]


def ours(voxels: np.ndarray, masks: list[np.ndarray], settings: list[Settings],
         families: frozenset[str] = FAMILIES) -> list[dict[str, float]]:  # fmt: skip
    """Features of every region, cut out of the whole volume here."""
    return [
        everything(region(voxels, mask, np.ones(3), chosen), chosen, ("3D_avg",), families)
        for mask, chosen in zip(masks, settings, strict=True)
    ]


def timed(work: Callable[[], list]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def peer(python: str, file: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([python, "-c", PEER, str(file), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        sys.exit(f"{python} cannot import pyradiomics")
    return process


def ask(process: subprocess.Popen[str]) -> dict:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return dict(json.loads(process.stdout.readline()))


def agreement(found: list[dict[str, float]], theirs: list[dict[str, float]], masks: list[np.ndarray]) -> None:
    """Print how many values are equal (relative 1e-6) and the largest difference of each feature that is not."""
    apart: dict[str, float] = {}
    for own, other, mask in zip(found, theirs, masks, strict=True):
        for name, value in expected(own, int(mask.sum())).items():
            gap = abs(value - other[name]) / max(abs(other[name]), 1e-12)
            apart[name] = max(apart.get(name, 0.0), gap)
    unequal = {k: v for k, v in apart.items() if v > 1e-6}
    print(f"{len(apart) - len(unequal)} of {len(apart)} features equal to 1e-6 in all regions")
    for name, gap in unequal.items():
        print(f"  {name}: relative difference up to {gap:.2g}")
    print("no counterpart here:", ", ".join(sorted(set(theirs[0]) - set(apart))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    voxels, masks = scene()
    settings = bins(voxels, masks)
    print("voxels of the regions:", ", ".join(str(int(m.sum())) for m in masks))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.npz"
        np.savez(file, allow_pickle=False, voxels=voxels, **{f"mask{i}": m for i, m in enumerate(masks)})
        process = peer(args.peer, file, "cropped")
        theirs, own = ask(process)["values"], ours(voxels, masks, settings)
        spent: dict[str, list[tuple[float, float]]] = {
            "pyradiomics": [],
            "consilium, same features": [],
            "consilium, all": [],
        }
        for _ in range(args.turns):
            spent["pyradiomics"].append(tuple(ask(process)["spent"]))
            spent["consilium, same features"].append(timed(lambda: ours(voxels, masks, settings, SHARED)))
            spent["consilium, all"].append(timed(lambda: ours(voxels, masks, settings)))
        process.terminate()
        if args.full:
            process = peer(args.peer, file, "full")
            spent["pyradiomics, full volume"] = [tuple(ask(process)["spent"])]
            process.terminate()
    agreement(own, theirs, masks)
    rows = ["what\twall_min\twall_median\tcpu_min\tcpu_median\tturns"]
    for name, times in spent.items():
        walls, cpus = zip(*times, strict=True)
        numbers = (min(walls), statistics.median(walls), min(cpus), statistics.median(cpus))
        rows.append("\t".join([name, *(f"{n:.3f}" for n in numbers), str(len(times))]))
    print("\n".join(rows))
    cpu = {k: [c for _, c in v] for k, v in spent.items()}
    for name in ("consilium, same features", "consilium, all"):
        ratio = min(cpu["pyradiomics"]) / min(cpu[name])
        print(f"pyradiomics on cropped boxes over {name}, least processor seconds: {ratio:.2f}")
    if args.out:
        args.out.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
