"""Small VCF texts for the tests of this folder."""

import gzip
from functools import cache
from pathlib import Path

from consilium.genomics.intake.build import KnownSites

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


@cache
def known_sites() -> KnownSites:
    return KnownSites(SITES)
