"""Judges the intake on collections of valid and invalid VCF and SAM: `python tests/configs/judge_bad_input.py DATA`.

DATA is the folder of real data (bad_input). Each content counts once. Per kind of file and level of validation: how
many were refused, lost a record, had a fault named, or passed without a word. Prints the table of
docs/methods/genomics_intake.md, then every invalid body without a line, and every valid file that was refused.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

from consilium.core.errors import InputError
from consilium.genomics.intake import sam_text, vcf
from consilium.genomics.intake.build import KnownSites
from consilium.genomics.intake.vcf_report import LEVELS

SITES = KnownSites(Path(__file__).resolve().parents[2] / "resources" / "build_sites.tsv")
OUTCOMES = ("refused", "record left out", "fault named", "nothing said")


def contents(archive: Path, suffix: str) -> dict[bytes, str]:
    """Content -> one of its names; a content that is filed as valid and as invalid appears under its first name."""
    with tarfile.open(archive) as files:
        members = sorted((m for m in files if m.name.endswith(suffix)), key=lambda m: m.name)
        found: dict[bytes, str] = {}
        for member in members:
            handle = files.extractfile(member)
            found.setdefault(handle.read() if handle else b"", member.name)
    return found


def judged(path: Path, level: str) -> tuple[str, vcf.Report]:
    report = vcf.Report(str(path), "", level)
    try:
        for _ in vcf.read(path, report, SITES):
            pass
    except InputError:
        return OUTCOMES[0], report
    return OUTCOMES[1] if report.left_out else OUTCOMES[2] if report.noted else OUTCOMES[3], report


def kind(name: str, content: bytes) -> str:
    base = Path(name).name
    if "passed" in name.split("/")[-3:][0] or base.startswith("passed"):
        return "valid, with genotypes" if re.search(rb"\tFORMAT\t", content) else "valid, sites alone"
    return f"invalid {'body' if 'failed_body' in base else 'header'}"


def main(data: Path) -> None:
    counts: dict[tuple[str, str], Counter[str]] = {}
    odd = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "x.vcf"
        for content, name in contents(data / "bad_input" / "vcf" / "vcf_open.tar.gz", ".vcf").items():
            path.write_bytes(content)
            for level in LEVELS:
                outcome, report = judged(path, level)
                which = kind(name, content)
                counts.setdefault((which, level), Counter())[outcome] += 1
                if which == "invalid body" and not any(p.line for p in report.problems):
                    odd.append(f"{level}: no line for {name}")
                if which == "valid, with genotypes" and outcome == OUTCOMES[0] and level != "strict":
                    odd.append(f"{level}: refused {name}")
        path = Path(scratch) / "x.sam"
        for content, name in contents(data / "bad_input" / "sam" / "hts_specs_sam.tar.gz", ".sam").items():
            path.write_bytes(content)
            which = "valid SAM" if "/passed/" in name else "invalid SAM"
            outcome = OUTCOMES[0] if sam_text.problems(path) else OUTCOMES[3]
            counts.setdefault((which, "any"), Counter())[outcome] += 1
            if (which == "valid SAM") == (outcome == OUTCOMES[0]):
                odd.append(f"{outcome}: {name}")
    print("| files | level | " + " | ".join(OUTCOMES) + " |\n|---|---|" + "---|" * len(OUTCOMES))
    for (which, level), found in sorted(counts.items()):
        print(f"| {which} | {level} | " + " | ".join(str(found[o]) for o in OUTCOMES) + " |")
    print("\n".join(odd) or "nothing unexpected")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
