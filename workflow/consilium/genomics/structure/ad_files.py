"""Foreign share by allele depths, for every patient of the sheet whose VCF has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from consilium.core.pool import processes
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.genomics.cohort import text, variants
from consilium.genomics.intake.panel import read_panel
from consilium.genomics.structure.allele_depths import best, foreign_share, read_depths
from consilium.genomics.structure.contamination import Contamination


def foreign_shares(
    files: Sequence[Sample], patients: Sequence[str], panel: Path, limit: float, beside: Path, threads: int = 1
) -> dict[str, dict[str, Any]]:
    """Patient -> columns contamination* of table genotype_identity; patients without AD are left out.

    What must be unpacked first lies in a temporary folder `beside`.
    """
    work = partial(_of_file, panel=panel, patients=tuple(patients), beside=beside)
    tasks = [(s.patient, s.path) for s in files]
    if threads > 1 and len(tasks) > 1:
        with processes(threads) as pool:
            parts = list(pool.map(work, tasks))
    else:
        parts = [work(task) for task in tasks]
    shares: dict[str, list[Contamination]] = {}
    for part in parts:
        for patient, share in part.items():
            shares.setdefault(patient, []).append(share)
    return {patient: _columns(best(found), limit) for patient, found in shares.items()}


def _of_file(task: tuple[str, str], panel: Path, patients: tuple[str, ...], beside: Path) -> dict[str, Contamination]:
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
    return {name: foreign_share(depths, k, sites) for k, name in enumerate(names)}


def _columns(share: Contamination, limit: float) -> dict[str, Any]:
    return {
        "contamination": share.alpha,
        "contamination_sites": share.n_sites,
        "contamination_verdict": share.verdict(limit),
        "contamination_reason": share.reason,
    }
