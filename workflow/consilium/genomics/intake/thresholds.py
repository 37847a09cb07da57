"""Genotypes under the depth or quality that is asked for: rewritten as missing in VCF text, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from consilium.core.errors import InputError
from consilium.genomics.intake.vcf_opening import lines_of
from consilium.genomics.intake.vcf_report import Report

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?")


@dataclass(frozen=True)
class Limits:
    """Calls with DP below min_dp or GQ below min_gq are missing; 0: not asked. A call without the value stays."""

    min_dp: int = 0
    min_gq: int = 0

    def __bool__(self) -> bool:
        return bool(self.min_dp or self.min_gq)


NO_LIMITS = Limits()


def applied(path: Path, limits: Limits, patients: Collection[str] | None, scratch: Path) -> tuple[Path, dict[str, int]]:
    """(the file, or without calls under the limits a copy in `scratch`; patient -> calls lost). Not a VCF: itself."""
    lost: Counter[str] = Counter()
    if not limits or not path.is_file():
        return path, {}
    out = scratch / "limited.vcf"
    try:
        with lines_of(path, Report(str(path), "*")) as lines, open(out, "w", encoding="utf-8", newline="") as copy:
            names: list[str] = []
            for line in lines:
                if line.startswith("#CHROM"):
                    names = line.rstrip("\r\n").split("\t")[9:]
                copy.write(line if line.startswith("#") or not line.strip() else _limited(line, names, limits, lost))
    except InputError:
        return path, {}
    return out, {p: n for p, n in lost.items() if patients is None or p in patients}


def _limited(line: str, names: Sequence[str], limits: Limits, lost: Counter[str]) -> str:
    cells = line.split("\t")
    keys = cells[8].split(":") if len(cells) > 9 else []
    wanted = [(keys.index(k), limit) for k, limit in (("DP", limits.min_dp), ("GQ", limits.min_gq))
              if limit and k in keys]  # fmt: skip
    if keys[:1] != ["GT"] or not wanted or len(cells) != 9 + len(names):
        return line
    for i, name in enumerate(names, start=9):
        values = cells[i].split(":")
        texts = [(values[at].strip(), limit) for at, limit in wanted if at < len(values)]
        called = values[0].strip("./|") != ""
        if called and any(_NUMBER.fullmatch(text) and float(text) < limit for text, limit in texts):
            lost[name] += 1
            cells[i] = ":".join(["./.", *values[1:]])
    return "\t".join(cells)


__all__ = ["Limits", "applied"]
