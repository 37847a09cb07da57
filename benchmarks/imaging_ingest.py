"""Reading a DICOM series with every check, against dcm2niix alone on the same files.

    python benchmarks/imaging_ingest.py --data FOLDER [--rounds 3] [--big]

FOLDER: imaging/dcm_qa_nih of the real data (In/, In_20180918GE.tar.xz). CPU seconds (of this process and of those that
it starts), turn and turn about, median of the rounds; on a loaded machine CPU seconds hold better than wall seconds.
`--big`: also a CT of 300 slices of 512 x 512 voxels made here, with the peak memory of reading it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import dcm2niix
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow")]
from consilium.core.sheets import Sample  # noqa: E402
from consilium.imaging.intake import dicom_heads, reader  # noqa: E402


def cpu(work: Callable[[], object]) -> float:
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def alone(folder: Path) -> None:
    """dcm2niix as a user calls it."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([dcm2niix.bin, "-g", "i", "-o", out, str(folder)], capture_output=True, check=True)


def measure(name: str, folder: Path, kind: str, rounds: int) -> None:
    sample = Sample("P1", "imaging", kind, str(folder), "", kind, 2)
    n = sum(1 for f in folder.rglob("*") if f.is_file())
    ours, heads, theirs = [], [], []
    for _ in range(rounds):
        ours.append(cpu(lambda: reader.read(sample)))
        heads.append(cpu(lambda: dicom_heads.read(folder)))
        theirs.append(cpu(lambda: alone(folder)))
    a, h, b = (statistics.median(v) for v in (ours, heads, theirs))
    print(f"{name:12s} {n:5d} {a:8.2f} {h:8.2f} {b:8.2f} {a / b:6.1f}")


def big_ct(folder: Path, slices: int = 300, side: int = 512) -> None:
    """A CT of int16 noise, one file a slice."""
    import pydicom

    folder.mkdir()
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = (
        pydicom.uid.CTImageStorage,
        pydicom.uid.ExplicitVRLittleEndian,
    )
    rng = np.random.default_rng(1)
    for k in range(slices):
        one = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.Modality, one.ImageType = (
            meta.MediaStorageSOPClassUID,
            "CT",
            ["ORIGINAL", "PRIMARY", "AXIAL"],
        )
        one.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(f"1.2.3.{k}")
        one.SeriesInstanceUID, one.SeriesNumber, one.InstanceNumber = "1.2.3", 1, k + 1
        one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, k * 1.25], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness, one.RescaleSlope, one.RescaleIntercept = [0.7, 0.7], 1.25, 1, -1024
        one.Rows = one.Columns = side
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 1
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.PixelData = rng.integers(0, 2000, (side, side)).astype(np.int16).tobytes()
        one.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--big", action="store_true")
    asked = options.parse_args()
    print("CPU seconds  files  reading  headers dcm2niix  ratio")
    with tempfile.TemporaryDirectory() as place:
        with tarfile.open(asked.data / "In_20180918GE.tar.xz") as packed:
            packed.extractall(place)
        for root in (Path(place) / "In" / "20180918GE", asked.data / "In" / "20180918Si"):
            for folder in sorted(f for f in root.iterdir() if f.is_dir()):
                measure(f"{root.name[-2:]} {folder.name}", folder, "fMRI", asked.rounds)
        if asked.big:
            big_ct(Path(place) / "ct")
            measure("CT 300 x 512", Path(place) / "ct", "CT", asked.rounds)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(f"peak memory {peak:.2f} GB for {300 * 512 * 512 * 4 / 1e9:.2f} GB of float32 voxels")


if __name__ == "__main__":
    main()
