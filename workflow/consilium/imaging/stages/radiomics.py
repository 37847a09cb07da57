"""The stage that lists the radiomic features of every mask."""

from __future__ import annotations

from pathlib import Path


def radiomics(manifests: list[Path], samples: Path, out: Path) -> None:
    """One row a mask: its radiomic features, or why it has none.

    manifests: of stage process. samples: samples.tsv. out: table "radiomics" (TSV).
    """
    from consilium.core.chunks import read_manifests
    from consilium.core.sheets import read_samples
    from consilium.core.store import write_table
    from consilium.imaging.collect import Cohort
    from consilium.imaging.radiomics.table import table

    rows = [s for s in read_samples(samples) if s.modality == "imaging"]
    write_table(out, "radiomics", table(Cohort(read_manifests(manifests), rows, [])))
