"""How much radiomic features move when a mask is drawn a voxel larger, smaller or to the side.

    python benchmarks/radiomics_stability.py --lesions FILE.tar [--out benchmarks/radiomics_stability.tsv]

FILE.tar: one .npz a patient with `flair` and `mask` (slice, y, x), here 74 gliomas of TCGA at 96 pixels (about 2.5 mm).
Features are measured on each mask as drawn, eroded and dilated by one voxel in plane, and shifted by one voxel along x
and y. ICC(1) over the five versions (Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420): share of a feature's
variance that lies between lesions. Prints each family's share of features at 0.9 and above, and those below 0.5.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
from consilium.imaging.radiomics.lesion_block import Wanted, measured  # noqa: E402
from consilium.imaging.volume import Volume  # noqa: E402

STABLE, POOR, MIN_LESION = 0.9, 0.5, 200
CROSS = np.zeros((3, 3, 3), dtype=bool)
CROSS[:, 1, 1] = CROSS[1, :, 1] = True
AFFINE = np.diag([2.5, 2.5, 5.0, 1.0])


def versions(mask: np.ndarray) -> list[np.ndarray]:
    return [
        mask,
        ndimage.binary_erosion(mask, CROSS),
        ndimage.binary_dilation(mask, CROSS),
        np.roll(mask, 1, axis=0),
        np.roll(mask, 1, axis=1),
    ]


def lesions(file: Path) -> list[list[dict[str, float]]]:
    """Features of the versions of each lesion."""
    out = []
    with tarfile.open(file) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if not member.name.endswith(".npz"):
                continue
            stream = tar.extractfile(member)
            assert stream is not None
            data = np.load(io.BytesIO(stream.read()))
            image = Volume(data["flair"].T.astype(np.float32), AFFINE, "FLAIR", "nifti")
            mask = data["mask"].T
            if mask.sum() < MIN_LESION:
                continue
            tissue = float(np.median(image.voxels[(image.voxels > 20) & ~mask]))
            blocks = [measured(m, image, tissue, Wanted(spacing_mm=0))[0] for m in versions(mask)]
            if not any(b.reason for b in blocks):
                out.append([{f.name.removeprefix("flair."): f.value for f in b.features} for b in blocks])
    return out


def icc(values: np.ndarray) -> float:
    """ICC(1) of (lesion, version); NaN where all values are the same."""
    k = values.shape[1]
    between = k * values.mean(axis=1).var(ddof=1)
    within = values.var(axis=1, ddof=1).mean()
    spread = between + (k - 1) * within
    return float((between - within) / spread) if spread > 0 else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesions", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = lesions(args.lesions)
    scores = {name: icc(np.array([[v[name] for v in one] for one in found])) for name in found[0][0]}
    families = defaultdict(list)
    for name, score in scores.items():
        if score == score:
            families[name.split("_")[0]].append(score)
    print(f"{len(found)} lesions")
    for family, all_scores in families.items():
        stable = sum(s >= STABLE for s in all_scores)
        print(f"{family}\t{stable} of {len(all_scores)} at {STABLE} or above\tmedian {np.median(all_scores):.2f}")
    print("the same everywhere:", ", ".join(n for n, s in scores.items() if s != s))
    print("below", POOR, ":", ", ".join(f"{n} {s:.2f}" for n, s in scores.items() if s < POOR))
    if args.out:
        args.out.write_text("feature\ticc\n" + "".join(f"{n}\t{s:.3f}\n" for n, s in scores.items()), encoding="utf-8")


if __name__ == "__main__":
    main()
