"""Families, Mendelian errors, homozygosity, and whose genotypes they are."""

from __future__ import annotations

from pathlib import Path


def families(
    genotypes: Path, sheet: Path, panel: Path, kinship: Path, samples_qc: Path, families: Path, mendel: Path
) -> None:
    """Families by kinship against the sheet's, and Mendelian errors of every trio (of the sheet, or by kinship)."""
    from consilium.core import sheets
    from consilium.core.store import read_table, write_table
    from consilium.genomics.cohort import matrix
    from consilium.genomics.intake.panel import read_panel
    from consilium.genomics.structure import families as kin
    from consilium.genomics.structure import mendel as inheritance
    from consilium.genomics.structure import variant_only
    from consilium.genomics.structure.kinship import shared_sites

    calls, people = matrix.load(genotypes), sheets.read_patients(sheet)
    pairs, quality = read_table(kinship, "kinship"), read_table(samples_qc, "samples_qc")
    inferred = dict(zip(quality["patient"], quality["sex_inferred"], strict=True))
    sexes = {p.patient: p.sex if p.sex != "unknown" else inferred.get(p.patient, "unknown") for p in people}
    lacking = variant_only.of_cohort(calls, read_panel(panel))
    trios = inheritance.trios_of_sheet(calls.samples, people)
    trios += inheritance.trios_of_kinship(calls.samples, pairs, sexes)
    counted = inheritance.count(trios, inheritance.autosomal_blocks(calls) if trios else ())
    write_table(mendel, "mendel", inheritance.table(calls.samples, trios, counted, lacking))
    own = {p.patient: p.family for p in people}
    write_table(families, "families", kin.table(calls.samples, pairs, own, lacking, shared_sites(calls)))


def homozygosity(genotypes: Path, panel: Path, ancestry: Path, out: Path) -> None:
    """Runs of homozygosity of every patient, and inbreeding against the frequencies of the patient's ancestry."""
    import numpy as np

    from consilium.core.store import read_table, write_table
    from consilium.genomics.cohort import matrix
    from consilium.genomics.intake.panel import read_panel
    from consilium.genomics.structure import ancestry as origin
    from consilium.genomics.structure import homozygosity as runs
    from consilium.genomics.structure import variant_only

    calls, reference = matrix.load(genotypes), read_panel(panel)
    lacking = variant_only.of_cohort(calls, reference)
    found, spanned, n_sites = runs.runs_of_cohort(calls, lacking)
    shares = origin.posteriors(read_table(ancestry, "ancestry"), calls.samples, reference.populations)
    at_panel = matrix.at_panel(calls, reference)
    coefficient, used = runs.inbreeding(at_panel, reference.frequency @ np.nan_to_num(shares).T)
    coefficient = np.where(np.isnan(shares).any(axis=1), np.nan, coefficient)
    table = runs.table(calls.samples, found, spanned, n_sites, coefficient, used, lacking, origin.MINIMUM_SITES)
    write_table(out, "homozygosity", table)


def genotype_identity(
    samples: Path,
    sheet: Path,
    panel: Path,
    kinship: Path,
    samples_qc: Path,
    identity: Path,
    families: Path,
    max_contamination: float,
    out: Path,
    reads_qc: Path | None = None,
    threads: int = 1,
) -> None:
    """Sex, parents, families and reads against each patient's genotypes; exchanged patients; foreign share by AD.

    `reads_qc`: table with the sex by depth of reads.
    """
    from consilium.core import sheets
    from consilium.core.store import read_table, write_table
    from consilium.genomics.structure import families as kin
    from consilium.genomics.structure import swaps
    from consilium.genomics.structure.ad_files import foreign_shares

    people = {p.patient: p for p in sheets.read_patients(sheet)}
    quality, told = read_table(samples_qc, "samples_qc"), read_table(families, "families")
    # Somebody called from reads at chosen sites alone shares too few sites with a parent to be told from others.
    thin = set(quality["patient"][quality["missing_rate"] > swaps.MOST_MISSING])
    present = {name: people[name] for name in quality["patient"] if name in people}
    known = swaps.evidence(
        dict(zip(quality["patient"], quality["sex_inferred"], strict=True)),
        [r.patient for r in told.itertuples() if not r.reason.endswith(kin.BARE) and r.patient not in thin],
        read_table(kinship, "kinship"),
        read_table(identity, "identity"),
    )
    depth = read_table(reads_qc, "reads_qc") if reads_qc else None
    by_depth = dict(zip(depth["patient"], depth["sex_by_depth"], strict=True)) if depth is not None else {}
    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics" and s.kind == "vcf"]
    impure = foreign_shares(rows, list(present), panel, max_contamination, out.parent, threads)
    write_table(out, "genotype_identity", swaps.table(present, known, by_depth, impure))
