"""Small VCF texts for the tests of this folder."""

import gzip
from functools import cache
from pathlib import Path

from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.setup import Setup

HEADER = "##fileformat=VCFv4.2\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"
ROOT = Path(__file__).resolve().parents[3]
SITES = ROOT / "resources" / "build_sites.tsv"


def text(rows: list[str], samples: tuple[str, ...] = ("P1",), meta: str = "") -> str:
    """A VCF with `rows` given as cells joined by blanks."""
    lines = [COLUMNS + "".join(f"\t{s}" for s in samples), *("\t".join(r.split(" ")) for r in rows)]
    return HEADER + meta + "\n".join(lines) + "\n"


def write(path: Path, rows: list[str], samples: tuple[str, ...] = ("P1",), meta: str = "") -> Path:
    content = text(rows, samples, meta).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def small_setup(folder: Path) -> Setup:
    """One panel site and twenty known sites: the real tables read for every example would cost more than all else."""
    (folder / "panel.tsv").write_text("chrom\tpos\tref\talt\tX\nchr1\t99\tA\tC\t0.5\n")
    (folder / "sites.tsv").write_text("".join(SITES.read_text().splitlines(keepends=True)[:20]))
    return Setup(folder / "panel.tsv", folder / "sites.tsv")


@cache
def known_sites() -> KnownSites:
    return KnownSites(SITES)
