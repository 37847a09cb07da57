"""Speed of depth per region against mosdepth: 5 Mb at 30 fold, 2,000 regions, whole processes, turn and turn about.

    python benchmarks/coverage.py --folder FOLDER [--turns 7] [--out benchmarks/coverage.tsv]

Makes the BAM in FOLDER (simulated 2 x 150 bases with names, qualities and tags as sequencers give them; 300 MB of
records). Prints wall and processor seconds, least and median, the ratio, and how many regions have the same mean depth
(to the last printed digit: a half can be rounded either way).
Needs mosdepth and samtools on the PATH.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "benchmarks")]
from whole_processes import ENVIRONMENT  # noqa: E402

CONTIG, LENGTH, START, SPAN, READ, DEPTH = "chr20", 6_000_000, 500_000, 5_000_000, 150, 30
N_REGIONS = 2_000
CIGARS = (f"{READ}M", "70M3D80M", "20S60M2I68M")
WORK = """
import sys
from pathlib import Path
from consilium.genomics.reads.coverage import Source, measure
from consilium.genomics.reads.alignments import ReadsFile
from consilium.genomics.reads.regions import Region, read_bed
bam, bed, out = map(Path, sys.argv[1:])
places = [Region("target", g, c, ((s, e),)) for c, s, e, g in read_bed(bed)]
found, _ = measure(ReadsFile(bam), Source(bam, Path(f"{bam}.bai"), {"chr20": 0}), places, [], 20)
out.write_text("".join(f"{total / r.n_bases:.2f}\\n" for r, total in zip(places, found[:, 0])))
"""


def make(folder: Path) -> tuple[Path, Path]:
    """The BAM (sorted, indexed) and the BED of its regions; made once."""
    bam, bed = folder / "reads.bam", folder / "regions.bed"
    step = SPAN // N_REGIONS
    bed.write_text(
        "".join(f"{CONTIG}\t{START + i * step}\t{START + i * step + 1000}\tr{i}\n" for i in range(N_REGIONS))
    )
    if Path(f"{bam}.bai").exists():
        return bam, bed
    rng = np.random.default_rng(1)
    pairs = SPAN * DEPTH // (2 * READ)
    start = rng.integers(START, START + SPAN - 600, pairs)
    insert = np.clip(rng.normal(350, 60, pairs), READ, 590).astype(int)
    bases = rng.choice(np.frombuffer(b"ACGT", dtype=np.uint8), LENGTH).tobytes().decode()
    courses = []
    for _ in range(200):
        quality = np.full(READ, 37, dtype=np.uint8)
        poor = rng.integers(0, 30)
        quality[rng.choice(READ, poor, replace=False)] = rng.choice([25, 11, 2], poor)
        courses.append(bytes(quality + 33).decode())
    kind, course = np.searchsorted([0.98, 0.99], rng.random((pairs, 2))), rng.integers(0, 200, (pairs, 2))
    twice = rng.random(pairs) < 0.03
    rows = []
    for i in range(pairs):
        places = (int(start[i]), int(start[i] + insert[i]) - READ)
        for m in (0, 1):
            flag, at = (99, 147)[m] + 1024 * int(twice[i]), places[m]
            name = f"A00123:45:HXXX:1:{1000 + i % 1000}:{i}"
            rows.append((at, f"{name}\t{flag}\t{CONTIG}\t{at + 1}\t60\t{CIGARS[kind[i, m]]}\t=\t"
                             f"{places[1 - m] + 1}\t{(1, -1)[m] * int(insert[i])}\t{bases[at : at + READ]}\t"
                             f"{courses[course[i, m]]}\tRG:Z:s\tNM:i:0\tMD:Z:150\tAS:i:150\n"))  # fmt: skip
    rows.sort(key=lambda row: row[0])
    sam = folder / "reads.sam"
    with open(sam, "w", encoding="utf-8") as handle:
        handle.write(f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:{CONTIG}\tLN:{LENGTH}\n@RG\tID:s\tSM:s\n")
        handle.writelines(text for _, text in rows)
    subprocess.run(["samtools", "view", "-b", "-o", str(bam), str(sam)], check=True)
    subprocess.run(["samtools", "index", str(bam)], check=True)
    sam.unlink()
    return bam, bed


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a process."""
    began, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, env=ENVIRONMENT)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    bam, bed = make(options.folder)
    own, theirs = options.folder / "own.txt", options.folder / "m"
    commands = {
        "mosdepth -n --by": ["mosdepth", "-n", "--by", str(bed), str(theirs), str(bam)],
        "consilium": [sys.executable, "-c", WORK, str(bam), str(bed), str(own)],
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(options.turns):
        for name, command in commands.items():
            times[name].append(timed(command))
    with gzip.open(f"{theirs}.regions.bed.gz", "rt") as handle:
        expected = [line.split()[4] for line in handle]
    lines = ["program\twall_min\twall_median\tcpu_min\tcpu_median\n"]
    for name, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        cells = (min(wall), statistics.median(wall), min(cpu), statistics.median(cpu))
        lines.append("\t".join([name, *(f"{c:.2f}" for c in cells)]) + "\n")
    ratio = [min(t[k] for t in times["consilium"]) / min(t[k] for t in times["mosdepth -n --by"]) for k in (0, 1)]
    same = sum(abs(float(a) - float(b)) < 0.011 for a, b in zip(expected, own.read_text().split(), strict=True))
    lines.append(f"# ratio of the least: wall {ratio[0]:.2f}, processor {ratio[1]:.2f}; "
                 f"{same} of {len(expected)} regions with the same mean depth\n")  # fmt: skip
    print("".join(lines), end="")
    if options.out:
        options.out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
