"""One patient's files: checked, read, normalised."""

from __future__ import annotations

from pathlib import Path


def check(
    samples: Path,
    sheet: Path,
    panel: Path,
    known_sites: Path,
    out: Path,
    targets: list[Path] | None = None,
    scores: list[Path] | None = None,
    reference: Path | None = None,
    lift_table: Path | None = None,
    chain: Path | None = None,
    regions: list[Path] | None = None,
    validation: str = "standard",
    tables: Path | None = None,
) -> None:
    """Open every genomics file, with the checks that the later stages make; write the problems (table quarantine).

    `tables` is the folder of star-allele tables, whose genes outside calls name; without it they are not opened.
    """
    from consilium.core import refused, sheets
    from consilium.genomics.intake import checking
    from consilium.genomics.intake.build import KnownSites
    from consilium.genomics.intake.setup import Setup
    from consilium.genomics.scores.rows import read_scores
    from consilium.genomics.scores.score_build import build_by_sites
    from consilium.genomics.stars import outside
    from consilium.genomics.stars.tables import read_genes

    setup = Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference, lift_table, chain,
                  tuple(regions or ()), validation)  # fmt: skip
    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    ids = {p.patient for p in sheets.read_patients(sheet)}
    known = KnownSites(known_sites)
    genomes = [row for row in rows if row.kind != outside.KIND]
    problems = [p for row in genomes for p in checking.problems_of(row, ids, setup, known)]
    problems += outside.read_calls(rows, read_genes(tables), sorted(ids))[1] if tables else []
    problems += read_scores(scores or [], build_by_sites(known_sites), chain)[1]
    refused.write_quarantine(out, "genomics", problems)


def reads(
    samples: Path,
    sheet: Path,
    patients: str,
    folder: Path,
    panel: Path,
    known_sites: Path,
    manifest: Path,
    targets: list[Path] | None = None,
    scores: list[Path] | None = None,
    reference: Path | None = None,
    lift_table: Path | None = None,
    chain: Path | None = None,
    regions: list[Path] | None = None,
    validation: str = "standard",
    threads: int = 1,
) -> None:
    """Reads of a chunk of patients: quality, allele counts at the panel sites, contamination, calls where needed.

    Variants are called for patients without a VCF of their own, at the panel sites and at the positions of `targets`
    (star alleles) and `scores` (polygenic), reference calls included.
    """
    from functools import partial

    from consilium.core import chunks, sheets
    from consilium.genomics.intake import checking
    from consilium.genomics.intake import patient as intake
    from consilium.genomics.intake.setup import Setup

    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    setup = Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference, lift_table, chain,
                  tuple(regions or ()), validation)  # fmt: skip
    sexes = {p.patient: p.sex for p in sheets.read_patients(sheet)}
    with_vcf = {s.patient for s in rows if s.kind == "vcf"}
    tasks = checking.tasks(rows, patients, intake.READS_KINDS, folder, "genomics_reads")
    call_for = {t.patient for t in tasks} - with_vcf
    work = partial(intake.reads_patient, setup=setup, sexes=sexes, call_for=call_for)
    chunks.run_chunk(
        "reads", "genomics", tasks, work, manifest,
        {**checking.setup_digest(setup), "sex": {t.patient: sexes.get(t.patient, "") for t in tasks},
         "call": sorted(call_for)},
        threads,
    )  # fmt: skip


def intake(
    samples: Path,
    patients: str,
    folder: Path,
    panel: Path,
    known_sites: Path,
    manifest: Path,
    targets: list[Path] | None = None,
    scores: list[Path] | None = None,
    reference: Path | None = None,
    lift_table: Path | None = None,
    chain: Path | None = None,
    regions: list[Path] | None = None,
    validation: str = "standard",
    min_dp: int = 0,
    min_gq: int = 0,
    threads: int = 1,
) -> None:
    """VCFs of a chunk of patients, or the calls from their reads: checked, normalised, one VCF a patient.

    Genotypes of VCFs with DP below `min_dp` or GQ below `min_gq` become missing.
    """
    from functools import partial

    from consilium.core import chunks, sheets
    from consilium.genomics.intake import checking
    from consilium.genomics.intake import patient as work
    from consilium.genomics.intake.setup import Setup
    from consilium.genomics.intake.thresholds import Limits

    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    setup = Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference, lift_table, chain,
                  tuple(regions or ()), validation, Limits(min_dp, min_gq))  # fmt: skip
    tasks = checking.tasks(rows, patients, ("vcf", *work.READS_KINDS), folder, "genomics_intake", ("callable",))
    chunks.run_chunk(
        "intake", "genomics", tasks, partial(work.intake_patient, setup=setup, results=folder), manifest,
        checking.setup_digest(setup), threads,
        extra_inputs=partial(work.calls_of_reads, results=folder),
    )  # fmt: skip
