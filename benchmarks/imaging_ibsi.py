"""How many of IBSI's reference values are met: digital phantom, and the CT phantom in its configurations A to E.

    python benchmarks/imaging_ibsi.py --ibsi FOLDER [--more FOLDER] [--out benchmarks/imaging_ibsi.tsv]

FOLDER: ibsi_1_digital_phantom, ibsi_1_ct_radiomics_phantom (github.com/theibsi/data_sets) and ibsi_1_reference_values
(CSV: reference value; tolerance; tag, as in github.com/oncoray/mirp). --more: a folder with further CSV files of the
same names, ibsi_1_chest_config_{c,d,e}.csv. A value is met if it, or it rounded to the three digits to which
references are given, lies within the tolerance. Prints every value that is not met; exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.imaging.radiomics.measure import AGGREGATIONS, everything  # noqa: E402
from consilium.imaging.radiomics.prepare import Settings, box, region  # noqa: E402

FLAT = tuple(a for a, (flat, *_) in AGGREGATIONS.items() if flat)
DEEP = tuple(a for a, (flat, *_) in AGGREGATIONS.items() if not flat)
CT_A = Settings(range=(-500, 400), bin_size=25, discrete=True)
CONFIGURATIONS = {
    "dig_phantom": (Settings(discrete=True), FLAT + DEEP),
    "chest_config_a": (CT_A, FLAT),
    "chest_config_b": (replace(CT_A, spacing_mm=(2, 2, 0), whole_units=True, bin_size=0, bins=32), FLAT),
    "chest_config_c": (Settings((2, 2, 2), whole_units=True, range=(-1000, 400), bin_size=25), DEEP),
    "chest_config_d": (Settings((2, 2, 2), whole_units=True, sigmas=3, bins=32, discrete=True), DEEP),
    "chest_config_e": (Settings((2, 2, 2), 3, whole_units=True, range=(-1000, 400), sigmas=3, bins=32), DEEP),
}


@dataclass(frozen=True)
class Phantom:
    voxels: np.ndarray
    mask: np.ndarray
    spacing: np.ndarray


def phantom(folder: Path) -> Phantom:
    image = nib.nifti1.load(folder / "nifti/image/phantom.nii.gz")
    mask = nib.nifti1.load(folder / "nifti/mask/mask.nii.gz")
    spacing = np.round(np.array(image.header.get_zooms()[:3], dtype=np.float64), 4)
    return Phantom(np.asarray(image.dataobj, dtype=np.float64), np.asarray(mask.dataobj) > 0, spacing)


def measured(data: Phantom, settings: Settings, aggregations: tuple[str, ...]) -> dict[str, float]:
    """Features, and what IBSI asks of the image and the masks before and after each step, by the references' tags."""
    prepared = region(data.voxels, data.mask, data.spacing, settings)
    whole = region(data.voxels, np.ones_like(data.mask), data.spacing, replace(settings, range=None, sigmas=0))
    unsorted = region(data.voxels, data.mask, data.spacing, replace(settings, range=None, sigmas=0))
    out = everything(prepared, settings, aggregations)
    for step, voxels, spacing in (("init", data.voxels, data.spacing), ("interp", whole.voxels, whole.spacing)):
        out |= {f"img_dim_{a}_{step}_img": n for a, n in zip("xyz", voxels.shape, strict=True)}
        out |= {f"vox_dim_{a}_{step}_img": s for a, s in zip("xyz", spacing, strict=True)}
        for name, value in (("mean", voxels.mean()), ("min", voxels.min()), ("max", voxels.max())):
            out[f"{name}_int_{step}_img"] = float(value)
    masks = {
        "init": (data.voxels, data.mask, data.mask),
        "interp": (unsorted.voxels, unsorted.inside, unsorted.shape),
        "reseg": (prepared.voxels, prepared.inside, prepared.shape),
    }
    for step, (voxels, inside, shape) in masks.items():
        size = data.voxels.shape if step == "init" else whole.voxels.shape
        out |= {f"int_mask_dim_{a}_{step}_roi": n for a, n in zip("xyz", size, strict=True)}
        for kind, mask in (("int", inside), ("morph", shape)):
            sides = [s.stop - s.start for s in box(mask, (0, 0, 0))]
            out |= {f"{kind}_mask_bb_dim_{a}_{step}_roi": n for a, n in zip("xyz", sides, strict=True)}
            out[f"{kind}_mask_vox_count_{step}_roi"] = float(mask.sum())
        for name, value in (("mean", voxels[inside].mean()), ("min", voxels[inside].min()),
                            ("max", voxels[inside].max())):  # fmt: skip
            out[f"int_mask_{name}_int_{step}_roi"] = float(value)
    return out


def met(value: float, reference: float, tolerance: float) -> bool:
    near = tolerance * (1 + 1e-9)
    return abs(value - reference) <= near or abs(float(f"{value:.3g}") - reference) <= near


def compared(found: dict[str, float], file: Path) -> tuple[int, int, list[str]]:
    """(values met, values with a reference, a line for each that is not met)."""
    lines, good, count = [], 0, 0
    with open(file, newline="", encoding="utf-8") as handle:
        for reference, tolerance, tag in list(csv.reader(handle, delimiter=";"))[1:]:
            if not reference:  # IBSI found no consensus
                continue
            count += 1
            value = found.get(tag, float("nan"))
            if met(value, float(reference), float(tolerance)):
                good += 1
            else:
                lines.append(f"  {tag}: {value:.6g}, reference {reference} +- {tolerance}")
    return good, count, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ibsi", type=Path, required=True)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    digital = phantom(args.ibsi / "ibsi_1_digital_phantom")
    chest = phantom(args.ibsi / "ibsi_1_ct_radiomics_phantom")
    rows, missed = ["configuration\tmet\treferences"], 0
    for name, (settings, aggregations) in CONFIGURATIONS.items():
        file = args.ibsi / "ibsi_1_reference_values" / f"ibsi_1_{name}.csv"
        if not file.exists() and args.more:
            file = args.more / file.name
        if not file.exists():
            continue
        data = digital if name == "dig_phantom" else chest
        good, count, lines = compared(measured(data, settings, aggregations), file)
        missed += count - good
        rows.append(f"{name}\t{good}\t{count}")
        print("\n".join([rows[-1], *lines]), flush=True)
    if args.out:
        args.out.write_text("\n".join(rows) + "\n", encoding="utf-8")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
