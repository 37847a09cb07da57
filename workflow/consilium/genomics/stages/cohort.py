"""The cohort's genotypes: joined, judged, compared."""

from __future__ import annotations

from pathlib import Path


def merge(
    sheet: Path,
    samples: Path,
    panel: Path,
    known_sites: Path,
    genotypes: Path,
    sources: Path,
    quarantine: Path,
    intake: list[Path] | None = None,
    reads: list[Path] | None = None,
    targets: list[Path] | None = None,
    scores: list[Path] | None = None,
    reference: Path | None = None,
    lift_table: Path | None = None,
    chain: Path | None = None,
    regions: list[Path] | None = None,
    validation: str = "standard",
    kept: Path | None = None,
    min_dp: int = 0,
    min_gq: int = 0,
    threads: int = 1,
) -> None:
    """Joint VCFs and the patients' own VCFs to cohort genotypes (VCF-Zarr); what was refused so far to `quarantine`.

    `intake` and `reads` are the manifests of those stages. `sources`: where each patient's genotypes come from.
    `kept`: folder of decoded joint VCFs, which are not decoded again while nothing that makes them changes. Calls of
    joint files with DP below `min_dp` or GQ below `min_gq` become missing.
    """
    from consilium.genomics.cohort import workers

    with workers.processes(threads) as pool:  # first of all: they start while everything else is imported and read
        from consilium.core import chunks, refused, sheets
        from consilium.core.errors import Problem
        from consilium.core.store import write_facts
        from consilium.genomics.cohort import joining as cohort
        from consilium.genomics.cohort import vcfzarr
        from consilium.genomics.decoding import variants
        from consilium.genomics.intake.setup import Setup
        from consilium.genomics.intake.thresholds import Limits

        setup = Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference, lift_table, chain,
                      tuple(regions or ()), validation, Limits(min_dp, min_gq))  # fmt: skip
        ids = [p.patient for p in sheets.read_patients(sheet)]
        rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
        own_regions = [s for s in rows if s.kind == "callable" and s.patient != sheets.WHOLE_COHORT]
        files = [s.path for s in rows if s.patient == sheets.WHOLE_COHORT and s.kind == "vcf"]
        entries = [e for paths in (intake, reads) for e in chunks.read_manifests(paths or [])]
        own = cohort.own_files(chunks.read_manifests(intake or []))
        with variants.scratch(genotypes.parent) as scratch:
            joints = cohort.decode_joints(files, ids, setup, kept or scratch / "joint", pool, own_regions)
            chosen = cohort.sources(ids, joints, own)
            plan = cohort.merged(joints, own, chosen, scratch, pool)
            vcfzarr.write(genotypes, plan, list(chosen), pool, threads)
    facts = {"sources": chosen, "n_variants": len(plan), "samples_not_in_sheet": {j.file: j.n_ignored for j in joints},
             "calls_under_limits": {j.file: j.n_below for j in joints},
             "files": [j.facts for j in joints if j.facts]}  # fmt: skip
    write_facts(sources, facts)
    problems = [Problem(**p) for e in entries for p in e["problems"]] + [p for j in joints for p in j.problems]
    refused.write_quarantine(quarantine, "genomics", problems)


def cohort_qc(
    genotypes: Path,
    sources: Path,
    sheet: Path,
    max_missing_rate: float,
    samples_qc: Path,
    variants_qc: Path,
    threads: int = 1,
) -> None:
    """Quality of the cohort's genotypes per patient (sex check included) and per variant."""
    from consilium.core import sheets
    from consilium.core.store import read_facts, write_columns
    from consilium.genomics.cohort import matrix, quality
    from consilium.genomics.memory import keep_memory

    keep_memory()
    calls = matrix.load(genotypes)
    sexes = {p.patient: p.sex for p in sheets.read_patients(sheet)}
    counted = quality.tally(calls, threads)
    people = quality.samples_table(calls, read_facts(sources)["sources"], sexes, max_missing_rate, counted)
    inferred = dict(zip(people["patient"], people["sex_inferred"], strict=True))
    known = {p: s if s != "unknown" else inferred.get(p, "unknown") for p, s in sexes.items()}
    write_columns(samples_qc, "samples_qc", people)
    write_columns(variants_qc, "variants_qc", quality.variants_table(calls, known, counted, threads))


def structure(
    genotypes: Path,
    sheet: Path,
    panel: Path,
    ancestry: Path,
    kinship: Path,
    components: Path | None = None,
    populations: Path | None = None,
) -> None:
    """Ancestry against the reference, principal components for figures, kinship of all pairs.

    `components` and `populations`: the reference's principal components; without them frequencies alone decide.
    """
    from consilium.core import sheets
    from consilium.core.store import write_table
    from consilium.genomics.cohort import matrix
    from consilium.genomics.intake.panel import read_panel
    from consilium.genomics.structure import ancestry as origin
    from consilium.genomics.structure import kinship as kin
    from consilium.genomics.structure import variant_only
    from consilium.genomics.structure.components import read_components

    calls, reference = matrix.load(genotypes), read_panel(panel)
    families = {p.patient: p.family for p in sheets.read_patients(sheet)}
    counts = matrix.alt_counts(calls.rows(kin.independent_variants(calls)))
    if components and populations:
        space = read_components(components, populations)
        assigned = origin.assign_projected(matrix.at_panel(calls, space.panel), space)
    else:
        assigned = origin.assign(matrix.at_panel(calls, reference), reference)
    write_table(ancestry, "ancestry", origin.table(calls.samples, assigned, kin.components(counts)))
    lacking = variant_only.of_cohort(calls, reference)
    write_table(kinship, "kinship", kin.kinship_table(calls.samples, counts, families, lacking))


def identity(
    samples: Path,
    genotypes: Path,
    sources: Path,
    panel: Path,
    folder: Path,
    max_contamination: float,
    out: Path,
    reads: list[Path] | None = None,
) -> None:
    """Do a patient's reads and genotypes belong to one person, and are the reads of one person only?

    `reads` are the manifests of that stage. Also writes <folder>/<patient>/genomics/identity.json.
    """
    from consilium.core import chunks, sheets
    from consilium.core.store import read_facts, write_facts, write_table
    from consilium.genomics.cohort import matrix
    from consilium.genomics.intake.panel import read_panel
    from consilium.genomics.structure import identity as whose

    calls, reference = matrix.load(genotypes), read_panel(panel)
    at_panel = matrix.at_panel(calls, reference)
    origin = read_facts(sources)["sources"]
    given = [s for s in sheets.read_samples(samples) if s.modality == "genomics" and s.kind in ("bam", "cram")]
    entries = chunks.read_manifests(reads or [])
    rows = [whose.row(e, given, calls.samples, at_panel, origin, reference, max_contamination) for e in entries]
    for row in rows:
        write_facts(folder / row["patient"] / "genomics" / "identity.json", row)
    write_table(out, "identity", whose.table(rows))
