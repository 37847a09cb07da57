"""How often planted defects of images are caught, each with its own reason, and what is said of clean images.

    python benchmarks/imaging_defects.py [--draws 100] [--slow-draws 100] [--data FOLDER] [--only GROUP] [--out FILE]

Every draw has its own seed. Caught: the reason holds one of the words of the third column. Rows of `clean` images count
draws of which anything at all is said. Slow draws (a registration each) are counted apart. A row is written every ten
draws; one that --out already holds goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from consilium.core.provenance import seed_from
from defect_bench import files, heads, pairs, series

PART, MISSED = 10, "missed: "  # draws after which a row is written
COLUMNS = ("group", "defect", "words", "draws", "caught", "example")
Job = tuple[str, str, str, bool, Callable[[np.random.Generator], str]]  # group, defect, words ("": clean), slow, draw


def in_folder(draw: files.Draw) -> Callable[[np.random.Generator], str]:
    def one(rng: np.random.Generator) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return draw(rng, Path(folder))

    return one


def on_any(draw: Callable[..., str], bases: list) -> Callable[[np.random.Generator], str]:
    """One of the clean images, drawn at random."""
    return lambda rng: draw(bases[int(rng.integers(len(bases)))], rng)


def jobs(data: Path | None, only: str) -> Iterator[Job]:
    for name, (words, draw) in files.DEFECTS.items():
        yield "file", name, words, False, in_folder(draw)
    for name, draw in files.CLEAN.items():
        yield "file", name, "", False, in_folder(draw)
    some = heads.heads(data) if only in ("", "head", "copy") else []
    runs = series.series() if only in ("", "series") else []
    for name, (words, on_head) in heads.DEFECTS.items():
        yield "head", name, words, False, on_any(on_head, some)
    yield "head", "clean head", "", False, on_any(heads.clean, some)
    for name, (words, on_series) in series.DEFECTS.items():
        yield "series", name, words, False, on_any(on_series, runs)
    yield "series", "clean series", "", False, on_any(series.clean, runs)
    for name, (words, on_pair) in pairs.DEFECTS.items():
        yield "copy", name, words, False, on_any(on_pair, some)
    yield "copy", "two people", "", False, on_any(pairs.other_people, some)
    for name, (words, two) in pairs.COARSE.items():
        yield "copy", name, words, False, two
    for name, (words, alone) in pairs.SLOW.items():
        yield "relation", name, words, True, alone
    yield "relation", "T1 and FLAIR of one head", "", True, pairs.fits
    for name, (words, on_head) in heads.SLOW.items():
        yield "head", name, words, True, on_any(on_head, some)


def row(job: Job, first: int, upto: int, before: list[str]) -> list[str]:
    """Draws `first` to `upto` added to what is known of the earlier ones."""
    group, name, words, _, draw = job
    caught, told = int(before[4]), before[5]
    example, missed = ("", told) if told.startswith(MISSED) else (told, "")
    for i in range(first, upto):
        reason = draw(np.random.default_rng(seed_from(1, name, i)))
        hit = any(w in reason for w in words.split("|")) if words else bool(reason)
        caught += hit
        if hit:
            example = example or reason
        elif words:
            missed = missed or MISSED + (reason or "nothing said")
    return [group, name, words, str(upto), str(caught), " ".join((missed or example).split())[:160]]


def kept(file: Path | None) -> dict[str, list[str]]:
    if file is None or not file.exists():
        return {}
    return {r[1]: r for r in (line.split("\t") for line in file.read_text().splitlines()[1:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--slow-draws", type=int, default=100)
    parser.add_argument("--data", type=Path, help="folder of real images: its heads are drawn beside simulated ones")
    parser.add_argument("--only", default="", help="file, head, series, copy or relation")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    before = kept(options.out)
    for job in jobs(options.data, options.only):
        draws = options.slow_draws if job[3] else options.draws
        if options.only not in ("", job[0]):
            continue
        known = before.get(job[1], [*job[:3], "0", "0", ""])
        for first in range(int(known[3]), draws, PART):
            known = before[job[1]] = row(job, first, min(first + PART, draws), known)
            if options.out is not None:
                lines = ["\t".join(r) for r in (COLUMNS, *before.values())]
                options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print("\t".join(known), flush=True)


if __name__ == "__main__":
    main()
