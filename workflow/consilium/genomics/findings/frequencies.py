"""Population frequencies of some variants from a VCF with INFO/AF (sites only will do)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from consilium.core.errors import InputError, Problem
from consilium.genomics.intake import records
from consilium.genomics.intake.build import canonical
from consilium.genomics.intake.vcf_opening import lines_of
from consilium.genomics.intake.vcf_report import Report

Key = tuple[str, int, str, str]


def read_frequencies(path: Path, wanted: Collection[Key]) -> dict[Key, float]:
    """Variant -> frequency, for those of `wanted` in the file; an indexed file is asked at their positions only.

    Raises InputError when the file is no VCF, is not whole, or no line that was read has INFO/AF.
    """
    keys = frozenset(wanted)
    lines = _fetched(path, keys) if _indexed(path) else _streamed(path)
    out: dict[Key, float] = {}
    n, n_with = 0, 0
    for line in lines:
        if line.startswith("#"):
            continue
        n += 1
        for key, frequency in _of_line(line):
            n_with += 1
            if key in keys:
                out[key] = max(frequency, out.get(key, 0.0))
    if n and not n_with:
        raise InputError(Problem(str(path), "no INFO/AF in its records", "AF, one value an alternative allele",
                                 "supply a VCF with population frequencies"))  # fmt: skip
    return out


def _indexed(path: Path) -> bool:
    return any(Path(f"{path}{s}").exists() for s in (".tbi", ".csi"))


def _streamed(path: Path) -> Iterator[str]:
    with lines_of(path, Report(str(path))) as lines:
        yield from lines


def _fetched(path: Path, keys: Iterable[Key]) -> Iterator[str]:
    import pysam

    try:
        with pysam.TabixFile(str(path)) as table:
            names = {canonical(c): c for c in table.contigs}
            for chrom, position in sorted({(k[0], k[1]) for k in keys}):
                if chrom in names:
                    yield from table.fetch(names[chrom], max(position - 1, 0), position)
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), f"an index that cannot be used ({type(error).__name__})", "a bgzipped VCF "
                                 "with its .tbi or .csi", "index it again (tabix -p vcf)")) from None  # fmt: skip


def _of_line(line: str) -> Iterator[tuple[Key, float]]:
    cells = line.rstrip("\r\n").split("\t")
    chrom = canonical(cells[0])
    if len(cells) < 8 or chrom is None or not cells[1].isdigit():
        return
    info = next((i[3:] for i in cells[7].split(";") if i.startswith("AF=")), "")
    for alt, text in zip(cells[4].split(","), info.split(","), strict=False):
        try:
            frequency = float(text)
        except ValueError:
            continue
        if alt.isalpha():
            yield (chrom, *records.trimmed(int(cells[1]), cells[3].upper(), alt.upper())), frequency
