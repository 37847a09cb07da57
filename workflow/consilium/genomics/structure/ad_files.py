"""Foreign share by allele depths, for every patient of the sheet whose VCF has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from consilium.core.pool import processes
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.genomics.decoding import text, variants
from consilium.genomics.intake.panel import read_panel
from consilium.genomics.reads.alignments import Counts
from consilium.genomics.structure.allele_depths import best, common_error, read_depths, telling
from consilium.genomics.structure.contamination import Contamination, estimate


def foreign_shares(
    files: Sequence[Sample], patients: Sequence[str], panel: Path, limit: float, beside: Path, threads: int = 1
) -> dict[str, dict[str, Any]]:
    """Patient -> columns contamination* of table genotype_identity; patients without AD are left out.

    What must be unpacked first lies in a temporary folder `beside`. Files of variants alone are judged once all are
    read, by the error rate that they have in common.
    """
    read = partial(_of_file, panel=panel, patients=tuple(patients), beside=beside)
    parts = _mapped(read, [(s.patient, s.path) for s in files], threads)
    found = [(patient, told) for part in parts for patient, told in part.items()]
    carried = [told for _, told in found if isinstance(told, Counts)]
    judge = partial(estimate, panel=read_panel(panel), homozygous=True, error=common_error(carried))
    judged = iter(_mapped(judge, carried, threads))
    shares: dict[str, list[Contamination]] = {}
    for patient, told in found:
        shares.setdefault(patient, []).append(next(judged) if isinstance(told, Counts) else told)
    return {patient: _columns(best(of_files), limit) for patient, of_files in shares.items()}


def _mapped(work: Callable[[Any], Any], tasks: Sequence[Any], threads: int) -> list[Any]:
    if threads < 2 or len(tasks) < 2:
        return [work(task) for task in tasks]
    with processes(threads) as pool:
        return list(pool.map(work, tasks))


def _of_file(
    task: tuple[str, str], panel: Path, patients: tuple[str, ...], beside: Path
) -> dict[str, Contamination | Counts]:
    """Patient -> foreign share; of files of variants alone the reads that will tell it."""
    owner, path = task
    sites = read_panel(panel)
    try:
        with variants.scratch(beside) as scratch, text.readable(Path(path), scratch) as readable:
            depths = read_depths(readable, sites, patients if owner == WHOLE_COHORT else None)
    except (OSError, ValueError):
        return {}  # the intake has said why the file is not usable
    if depths is None:
        return {}
    names = depths.samples if owner == WHOLE_COHORT else [owner]
    found: dict[str, Contamination | Counts] = {}
    for k, name in enumerate(names):
        counts, homozygous = telling(depths, k)
        found[name] = counts if homozygous else estimate(counts, sites)
    return found


def _columns(share: Contamination, limit: float) -> dict[str, Any]:
    return {
        "contamination": share.alpha,
        "contamination_sites": share.n_sites,
        "contamination_verdict": share.verdict(limit),
        "contamination_reason": share.reason,
    }
