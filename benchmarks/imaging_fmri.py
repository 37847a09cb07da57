"""fMRI: parcel series against nilearn's NiftiLabelsMasker, and memory of the whole process stage on a large run.

    python benchmarks/imaging_fmri.py parcels [--out FILE]     a 59 MB and a 59 MB gzipped run, 100 parcels
    python benchmarks/imaging_fmri.py memory [--gb 1.0]        a run of that size, made here, through stage process

parcels: turn and turn about in one process, least of the repetitions, wall and CPU seconds, largest difference of the
values relative to their mean. memory: largest resident size of the stage's process, as the kernel counts it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

REPEATS = 5


def run_of(shape: tuple[int, int, int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(int16 volumes, (x, y, z) labels of about 100 boxes): a head-sized ball with noise over a dark rim."""
    rng = np.random.default_rng(seed)
    x, y, z = np.indices(shape[:3])
    centre = (np.array(shape[:3]) - 1) / 2
    inside = sum(((g - c) / (0.85 * c)) ** 2 for g, c in zip((x, y, z), centre, strict=True)) < 1
    level = np.where(inside, 900, 20)[..., None]
    voxels = (level + rng.normal(0, 12, shape)).astype(np.int16)
    edge = [max(1, n // 6) for n in shape[:3]]
    boxes = x // edge[0] * 100 + y // edge[1] * 10 + z // edge[2]
    _, labels = np.unique(np.where(inside, boxes + 1, 0), return_inverse=True)
    return voxels, labels.reshape(shape[:3]).astype(np.int16)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - wall, time.process_time() - cpu, found


def parcels_once(folder: Path, packed: bool) -> dict[str, float]:
    import nibabel as nib
    from consilium.imaging.fmri import parcels
    from consilium.imaging.intake import nifti
    from nilearn.maskers import NiftiLabelsMasker

    voxels, labels = run_of((64, 64, 36, 200), 1)
    affine = np.diag([3.0, 3.0, 3.5, 1.0])
    path = folder / ("run.nii.gz" if packed else "run.nii")
    image = nib.Nifti1Image(voxels, affine)
    image.header["pixdim"][4] = 2.0
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, 6) if packed else content)
    atlas = nib.Nifti1Image(labels, affine)
    n = int(labels.max())

    def peer() -> np.ndarray:
        return NiftiLabelsMasker(atlas, standardize=None, resampling_target=None).fit_transform(str(path))

    def ours() -> np.ndarray:
        run: Any = nifti.read(path, "fMRI").voxels  # of a run they are frames
        return parcels.series(run, labels, n)

    turns = [(timed(peer), timed(ours)) for _ in range(REPEATS)]
    theirs, mine = turns[0][0][2], turns[0][1][2]
    least = {
        f"{who} {what}": min(turn[i][j] for turn in turns)
        for i, who in enumerate(("nilearn", "ours"))
        for j, what in enumerate(("wall s", "CPU s"))
    }
    return {
        **least,
        "ratio wall": least["nilearn wall s"] / least["ours wall s"],
        "ratio CPU": least["nilearn CPU s"] / least["ours CPU s"],
        "largest relative difference": float(np.abs(mine - theirs).max() / np.abs(theirs).mean()),
        "parcels": n,
    }


def memory(gb: float, packed: bool, nice: int) -> dict[str, float]:
    """Stage process on one run; the simulated head with noise, repeated until it is large enough."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = written(folder / ("run.nii.gz" if packed else "run.nii"), gb, packed)
        (folder / "samples.tsv").write_text(
            f"patient\tmodality\tkind\tpath\ttaken_on\nP1\timaging\tfMRI\t{next(folder.glob('run.*'))}\t2024-01-01\n"
        )
        script = Path(__file__).resolve().parents[1] / "scripts" / "imaging.py"
        command = [sys.executable, str(script), "process", "--samples", str(folder / "samples.tsv"), "--patients", "P1",
                   "--folder", str(folder / "patients"), "--manifest", str(folder / "m.json")]  # fmt: skip
        wall = time.perf_counter()
        subprocess.run(command, check=True, preexec_fn=lambda: os.nice(nice))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        features = json.loads(next(folder.glob("patients/P1/imaging/*/features.json")).read_text())
        reasons = [b["reason"] for b in features["blocks"].values() if b["reason"]]
        assert not reasons, reasons
        return {
            "raw GB": size / 1e9,
            "wall s": time.perf_counter() - wall,
            "CPU s": used.ru_utime + used.ru_stime,
            "peak resident GB": used.ru_maxrss * 1024 / 1e9,
        }


def written(path: Path, gb: float, packed: bool) -> int:
    """A run of the simulated head at 2.5 mm with noise of its own in every volume; its size in bytes, unpacked."""
    import nibabel as nib
    from consilium.simulate.images_head import head, sample, voxel_mm

    base, shape = head(), (72, 84, 64)
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = -2.5 * (np.array(shape) - 1) / 2 + [0, -18, 12]
    mm = voxel_mm(shape, affine)
    gm, wm, brain = (sample(m.astype(np.float32), base.affine, mm) for m in (base.gm, base.wm, base.brain))
    still = 1000 * (0.75 * gm + 0.6 * wm + np.clip(brain - gm - wm, 0, 1))
    still += 200 * sample(base.t1, base.affine, mm) * (brain < 0.1)
    n = round(gb * 1e9 / (still.size * 2))
    header = nib.Nifti1Header()
    header.set_data_shape((*shape, n))
    header.set_data_dtype(np.int16)
    header.set_sform(affine, 1)
    header["pixdim"][4], header["vox_offset"], header["magic"] = 2.0, 352, b"n+1"
    header.set_xyzt_units("mm", "sec")
    rng = np.random.default_rng(2)
    with gzip.open(path, "wb", compresslevel=1) if packed else open(path, "wb") as handle:
        handle.write(header.binaryblock + b"\0" * 4)
        for _ in range(n):
            noisy = still + rng.normal(0, 10, shape).astype(np.float32)
            handle.write(np.clip(noisy, 0, 32000).astype("<i2").tobytes(order="F"))
    return 352 + still.size * 2 * n


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("what", choices=["parcels", "memory"])
    asked.add_argument("--gb", type=float, default=1.0)
    asked.add_argument("--packed", action="store_true", help="memory: as .nii.gz")
    asked.add_argument("--nice", type=int, default=10, help="memory: how far the stage gives way to others")
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    if given.what == "memory":
        rows = {"nii.gz" if given.packed else "nii": memory(given.gb, given.packed, given.nice)}
    else:
        with tempfile.TemporaryDirectory() as name:
            rows = {("nii.gz" if packed else "nii"): parcels_once(Path(name), packed) for packed in (False, True)}
    lines = ["file\tmeasure\tvalue"]
    lines += [f"{file}\t{measure}\t{value:.4g}" for file, row in rows.items() for measure, value in row.items()]
    lines += [f"all\tload average\t{os.getloadavg()[0]:.2g}"]
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
