"""DNA around the variants that patients carry, for networks that read sequences."""

from __future__ import annotations

from pathlib import Path


def windows(
    sheet: Path,
    samples: Path,
    genotypes: Path,
    sources: Path,
    reference: Path,
    length: int,
    most: int,
    select: str,
    rare: float,
    out: Path,
    quarantine: Path,
    regions: Path | None = None,
    gff: Path | None = None,
    genes: Path | None = None,
    frequencies: Path | None = None,
    consequences: Path | None = None,
    intake: list[Path] | None = None,
) -> None:
    """Reference and patient's sequence, `length` columns, around at most `most` variants of each patient.

    Wanted are the variants that `select` names (rare: population frequency up to `rare`) in `regions` (BED), else in
    the exons of `genes` by `gff`. `intake`: manifests of that stage. Variants that do not fit `reference` go to
    `quarantine`.
    """
    import pandas as pd

    from consilium.core import refused
    from consilium.core.errors import InputError
    from consilium.core.register import TABLES
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table, write_table
    from consilium.genomics.cohort.genotypes import open_genotypes
    from consilium.genomics.findings import inputs
    from consilium.genomics.intake.normalise import Reference
    from consilium.genomics.windows import chosen, table
    from consilium.genomics.windows.regions import regions_of

    rows, problems = [], []
    try:
        intervals = regions_of(regions, gff, genes)
        known = read_table(consequences, "consequences") if consequences else None
        wanted = chosen.Wanted(select, length, most, rare, frequencies, known)
        bases = Reference(reference)
        looked = inputs.looked_at(samples, sources, intake or (), read_patients(sheet), intervals)
        with open_genotypes(genotypes) as store:
            found = chosen.choose(store, intervals, bases, reference, wanted)
            rows, problems = table.rows(store, found, looked, bases, length), found.problems
    except InputError as error:
        problems = error.problems
    write_table(out, "dna_windows", pd.DataFrame(rows) if rows else TABLES["dna_windows"].empty())
    refused.write_quarantine(quarantine, "genomics", problems)
