"""Variants against outcomes; Hardy-Weinberg by ancestry; what was left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consilium.genomics.association.cohort import Cohort


def association(
    genotypes: Path,
    sheet: Path,
    samples_qc: Path,
    identity: Path,
    kinship: Path,
    ancestry: Path,
    analyses: str,
    seed: int,
    folder: Path,
    out: Path,
    hits: Path,
    people: Path,
) -> None:
    """Every analysis of `analyses` (JSON of genomics.association) over all variants of the cohort.

    Writes <folder>/association_<name>.parquet for each, then the tables of analyses, smallest p values and people left
    out. An analysis that cannot be made says why in `out`; its variants are an empty table.
    """
    import pandas as pd

    from consilium.core.register import TABLES
    from consilium.core.store import write_table
    from consilium.genomics.association import cohort as work
    from consilium.genomics.association.analyses import read_analyses

    known = _cohort(genotypes, sheet, samples_qc, identity, kinship, ancestry)
    about, best, absent = [], [TABLES["association_hits"].empty()], []
    for analysis in read_analyses(analyses):
        result = work.analysed(known, analysis, seed)
        table = TABLES["association_variants"].empty() if result.variants is None else result.variants
        write_table(folder / f"association_{analysis.name}.parquet", "association_variants", table)
        about.append(result.about)
        best.append(work.hits(analysis.name, table))
        absent += [
            {"analysis": analysis.name, "patient": patient, "rule": rule, "reason": reason}
            for patient, (rule, reason) in result.left_out.people.items()
        ]
    write_table(out, "association", pd.DataFrame(about))
    write_table(hits, "association_hits", pd.concat([b for b in best if len(b)] or best[:1], ignore_index=True))
    write_table(people, "association_people", pd.DataFrame(absent, columns=["analysis", "patient", "rule", "reason"]))


def _cohort(genotypes: Path, sheet: Path, samples_qc: Path, identity: Path, kinship: Path, ancestry: Path) -> Cohort:
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table
    from consilium.genomics.association.cohort import Cohort
    from consilium.genomics.cohort import matrix
    from consilium.genomics.cohort.planes import dosages
    from consilium.genomics.structure.kinship import independent_variants

    calls, populations = matrix.load(genotypes), read_table(ancestry, "ancestry")
    return Cohort(
        read_patients(sheet), calls, dosages(calls.planes, independent_variants(calls)),
        read_table(samples_qc, "samples_qc"), read_table(identity, "identity"), read_table(kinship, "kinship"),
        dict(zip(populations["patient"], populations["population"], strict=True)),
    )  # fmt: skip


def hwe_by_ancestry(genotypes: Path, ancestry: Path, out: Path) -> None:
    """Hardy-Weinberg test of every variant within each population of the cohort."""
    from consilium.core.store import read_table, write_table
    from consilium.genomics.cohort import matrix
    from consilium.genomics.cohort.hwe_groups import hwe_table

    populations = read_table(ancestry, "ancestry")
    assigned = dict(zip(populations["patient"], populations["population"], strict=True))
    write_table(out, "hwe_by_ancestry", hwe_table(matrix.load(genotypes), assigned))


def dropped(
    samples_qc: Path,
    variants_qc: Path,
    hwe: Path,
    out: Path,
    association_people: Path | None = None,
    association_variants: list[Path] | None = None,
) -> None:
    """One list of every patient and site that was left out or flagged.

    `association_variants` are the files association_<name>.parquet, `association_people` the people left out of them.
    """
    from consilium.core.register import TABLES
    from consilium.core.store import read_parts, read_table, write_parts
    from consilium.genomics.cohort.dropped import dropped_parts

    absent = TABLES["association_people"].empty()
    if association_people is not None:
        absent = read_table(association_people, "association_people")
    tables = (
        (path.stem.removeprefix("association_"), read_table(path, "association_variants"))
        for path in association_variants or []
    )
    sites = read_parts(variants_qc, "variants_qc", ("chrom", "pos", "ref", "alt", "filter", "reason"))
    people = read_table(samples_qc, "samples_qc")
    write_parts(out, "dropped", dropped_parts(people, sites, read_table(hwe, "hwe_by_ancestry"), absent, tables))
