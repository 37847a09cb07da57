"""Genome files that are broken on purpose, each with the cause that its refusal must name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from consilium.simulate import variants
from consilium.simulate.genomes import Genomes
from consilium.simulate.regions import GRCH37

SHIFT_37 = 61_000  # bases that a GRCh37 position differs here; the truth is another number for every window
WHAT = ("truncated", "GRCh37", "not a VCF", "columns", "truncated BAM")


def write(
    patients: list[str], genomes: Genomes, donor: str, bam: Path | None, root: Path, seed: int
) -> tuple[list[dict[str, str]], pd.DataFrame]:
    """One broken file for each of the first five `patients`, made from the data of `donor`.

    `bam`: an intact BAM to cut (None: no such fault). Returns sample rows and truth: patient, file, line, what.
    """
    folder = Path(root) / "raw" / "genomics"
    style = pd.DataFrame(
        [{"chr_names": True, "phased": True, "haploid_x": True, "dot_alt": False, "depth_fields": True,
          "unnormalised": False, "gaps": ""}]
    ).itertuples()  # fmt: skip
    body = variants.body(genomes, [donor], next(style), seed)
    rows, truth = [], []
    for patient, what in zip(patients, WHAT, strict=False):
        if what == "truncated BAM" and bam is None:
            continue
        kind = "bam" if "BAM" in what else "vcf"
        path = folder / f"{patient}.{'bam' if kind == 'bam' else 'vcf.gz'}"
        line = _write(path, patient, what, body, bam)
        rows.append({"patient": patient, "modality": "genomics", "kind": kind, "path": str(path), "taken_on": ""})
        truth.append({"patient": patient, "file": str(path), "line": line, "what": what})
    return rows, pd.DataFrame(truth)


def _write(path: Path, patient: str, what: str, body: str, bam: Path | None) -> int:
    """Writes one file; returns the line of the fault (0: the file as a whole)."""
    header = variants.header([patient], True, True)
    if what == "truncated BAM" and bam is not None:
        whole = bam.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif what == "not a VCF":
        path.write_text("Dear colleague, the genome will follow next week.\n")
    elif what == "GRCh37":
        header = variants.header([patient], True, True, GRCH37)
        variants.save(path, header + _shifted(body), bgzip=True)
    elif what == "columns":
        lines = body.splitlines(keepends=True)
        lines[1] = "\t".join(lines[1].split("\t")[:6]) + "\n"
        variants.save(path, header + "".join(lines), bgzip=False)
        return header.count("\n") + 2
    else:
        variants.save(path, header + body, bgzip=True)
        path.with_name(path.name + ".tbi").unlink()
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 6 // 10])
    return 0


def _shifted(body: str) -> str:
    out = []
    for line in body.splitlines(keepends=True):
        chrom, pos, rest = line.split("\t", 2)
        out.append(f"{chrom}\t{int(pos) + SHIFT_37}\t{rest}")
    return "".join(out)
