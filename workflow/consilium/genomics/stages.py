"""Genomics: VCF, BAM and CRAM to cohort genotypes, their quality, ancestry, kinship and identity."""

from __future__ import annotations

from pathlib import Path


def check(
    samples: Path,
    sheet: Path,
    known_sites: Path,
    out: Path,
    reference: Path | None = None,
    scores: list[Path] | None = None,
) -> None:
    """Open every genomics file, with the checks that the later stages make; write the problems (table quarantine)."""
    from consilium.core import refused, sheets
    from consilium.core.store import write_table
    from consilium.genomics import checking
    from consilium.genomics.polygenic_tables import read_scores

    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    ids = {p.patient for p in sheets.read_patients(sheet)}
    problems = [p for row in rows for p in checking.problems_of(row, ids, known_sites, reference)]
    problems += read_scores(scores or [])[1]
    write_table(out, "quarantine", refused.quarantine("genomics", problems))


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
    threads: int = 1,
) -> None:
    """Reads of a chunk of patients: quality, allele counts at the panel sites, contamination, calls where needed.

    Variants are called for patients without a VCF of their own, at the panel sites and at the positions of `targets`
    (star alleles) and `scores` (polygenic), reference calls included.
    """
    from functools import partial

    from consilium.core import chunks, sheets
    from consilium.genomics import checking, intake

    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    setup = intake.Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference)
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
    threads: int = 1,
) -> None:
    """VCFs of a chunk of patients, or the calls from their reads: checked, normalised, one VCF a patient."""
    from functools import partial

    from consilium.core import chunks, sheets
    from consilium.genomics import checking
    from consilium.genomics import intake as work

    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    setup = work.Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference)
    tasks = checking.tasks(rows, patients, ("vcf", *work.READS_KINDS), folder, "genomics_intake")
    chunks.run_chunk(
        "intake", "genomics", tasks, partial(work.intake_patient, setup=setup, results=folder), manifest,
        checking.setup_digest(setup), threads,
        extra_inputs=partial(work.calls_of_reads, results=folder),
    )  # fmt: skip


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
    threads: int = 1,
) -> None:
    """Joint VCFs and the patients' own VCFs to cohort genotypes (VCF-Zarr); what was refused so far to `quarantine`.

    `intake` and `reads` are the manifests of those stages. `sources`: where each patient's genotypes come from.
    """
    from consilium.core import chunks, refused, sheets
    from consilium.core.errors import Problem
    from consilium.core.store import write_facts, write_table
    from consilium.genomics import cohort, variants
    from consilium.genomics.intake import Setup

    setup = Setup(panel, known_sites, tuple(targets or ()), tuple(scores or ()), reference)
    ids = [p.patient for p in sheets.read_patients(sheet)]
    rows = [s for s in sheets.read_samples(samples) if s.modality == "genomics"]
    joints = cohort.read_joints([s.path for s in rows if s.patient == sheets.WHOLE_COHORT], ids, setup, threads)
    entries = [e for paths in (intake, reads) for e in chunks.read_manifests(paths or [])]
    own = cohort.own_files(chunks.read_manifests(intake or []))
    chosen = cohort.sources(ids, joints, own)
    with variants.scratch(genotypes.parent) as scratch:
        n = variants.write_vcf(scratch / "merged.vcf.gz", list(chosen), cohort.merged(joints, own, chosen))
        variants.write_vcz(genotypes, scratch / "merged.vcf.gz", list(chosen), n)
    ignored = {j.file: j.n_ignored for j in joints}
    write_facts(sources, {"sources": chosen, "n_variants": n, "samples_not_in_sheet": ignored})
    problems = [Problem(**p) for e in entries for p in e["problems"]] + [p for j in joints for p in j.problems]
    write_table(quarantine, "quarantine", refused.quarantine("genomics", problems))


def cohort_qc(
    genotypes: Path, sources: Path, sheet: Path, max_missing_rate: float, samples_qc: Path, variants_qc: Path
) -> None:
    """Quality of the cohort's genotypes per patient (sex check included) and per variant."""
    from consilium.core import sheets
    from consilium.core.store import read_facts, write_table
    from consilium.genomics import matrix, quality

    calls = matrix.load(genotypes)
    sexes = {p.patient: p.sex for p in sheets.read_patients(sheet)}
    people = quality.samples_table(calls, read_facts(sources)["sources"], sexes, max_missing_rate)
    inferred = dict(zip(people["patient"], people["sex_inferred"], strict=True))
    known = {p: s if s != "unknown" else inferred.get(p, "unknown") for p, s in sexes.items()}
    write_table(samples_qc, "samples_qc", people)
    write_table(variants_qc, "variants_qc", quality.variants_table(calls, known))


def structure(genotypes: Path, sheet: Path, panel: Path, ancestry: Path, kinship: Path) -> None:
    """Ancestry against the allele-frequency reference, principal components for figures, kinship of all pairs."""
    from consilium.core import sheets
    from consilium.core.store import write_table
    from consilium.genomics import ancestry as populations
    from consilium.genomics import kinship as kin
    from consilium.genomics import matrix
    from consilium.genomics.panel import read_panel

    calls, reference = matrix.load(genotypes), read_panel(panel)
    families = {p.patient: p.family for p in sheets.read_patients(sheet)}
    counts = matrix.alt_counts(calls.rows(kin.independent_variants(calls)))
    assigned = populations.assign(matrix.at_panel(calls, reference), reference)
    write_table(ancestry, "ancestry", populations.table(calls.samples, assigned, reference, kin.components(counts)))
    write_table(kinship, "kinship", kin.kinship_table(calls.samples, counts, families))


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
    from consilium.genomics import identity as whose
    from consilium.genomics import matrix
    from consilium.genomics.panel import read_panel

    calls, reference = matrix.load(genotypes), read_panel(panel)
    at_panel = matrix.at_panel(calls, reference)
    origin = read_facts(sources)["sources"]
    given = [s for s in sheets.read_samples(samples) if s.modality == "genomics" and s.kind in ("bam", "cram")]
    entries = chunks.read_manifests(reads or [])
    rows = [whose.row(e, given, calls.samples, at_panel, origin, reference, max_contamination) for e in entries]
    for row in rows:
        write_facts(folder / row["patient"] / "genomics" / "identity.json", row)
    write_table(out, "identity", whose.table(rows))


def pharmacogenes(genotypes: Path, sheet: Path, tables: Path, folder: Path, out: Path) -> None:
    """Star alleles of every patient, each gene with its untested positions.

    `tables` is the folder of star-allele tables. Writes <folder>/<patient>/genomics/pharmacogenes.json, then `out`.
    """
    import pandas as pd

    from consilium.core.sheets import read_patients
    from consilium.core.store import write_table, write_text
    from consilium.genomics.genotypes import open_genotypes
    from consilium.genomics.pharmacogene_tables import call_patients, finding_row, findings_json
    from consilium.genomics.star_tables import read_genes

    names = [p.patient for p in read_patients(sheet)]
    with open_genotypes(genotypes) as store:
        findings = call_patients(read_genes(tables), store, names)
    for name in names:
        write_text(folder / name / "genomics" / "pharmacogenes.json", findings_json(findings[name]))
    rows = [finding_row(name, finding) for name in names for finding in findings[name]]
    write_table(out, "pharmacogenes", pd.DataFrame(rows))


def polygenic(
    genotypes: Path,
    sheet: Path,
    ancestry: Path,
    panel: Path,
    out: Path,
    matches: Path,
    quarantine: Path,
    scores: list[Path] | None = None,
) -> None:
    """Polygenic scores of every patient, and how each variant of each score was matched.

    A scoring file that cannot be used goes to `quarantine` and stops nothing. `ancestry` and `panel`: posteriors and
    allele frequencies that fill a patient's missing calls. Without scores the tables are empty.
    """
    import pandas as pd

    from consilium.core import refused
    from consilium.core.register import TABLES
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table, write_table
    from consilium.genomics.genotypes import open_genotypes
    from consilium.genomics.panel import read_panel
    from consilium.genomics.polygenic_tables import match_rows, read_scores, score_rows

    names = [p.patient for p in read_patients(sheet)]
    files, problems = read_scores(scores or [])
    reference = read_panel(panel) if files else None
    posteriors = read_table(ancestry, "ancestry")
    sums, matched = [], []
    with open_genotypes(genotypes) as store:
        for score in files:
            rows, found = score_rows(score, store, names, reference, posteriors)
            sums += rows
            matched += match_rows(score, found)
    for path, name, content in ((out, "polygenic", sums), (matches, "polygenic_matches", matched)):
        write_table(path, name, pd.DataFrame(content) if content else TABLES[name].empty())
    write_table(quarantine, "quarantine", refused.quarantine("genomics", problems))


def features(
    sheet: Path,
    samples: Path,
    samples_qc: Path,
    ancestry: Path,
    stars: Path,
    scores: Path,
    tables: Path,
    out: Path,
    quarantine: Path,
    problems: list[Path] | None = None,
) -> None:
    """The feature block "variants", and the room's quarantine list from the lists of its stages (`problems`).

    `stars` and `scores` are pharmacogenes.tsv and polygenic.tsv. A patient without genotypes, or excluded by quality
    control, is present=False with the reason.
    """
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import read_table, write_features, write_table
    from consilium.genomics import genomic_features as made
    from consilium.genomics.star_tables import read_genes

    names = [p.patient for p in read_patients(sheet)]
    listed = refused.joined([read_table(path, "quarantine") for path in problems or []])
    supplied = {s.patient for s in read_samples(samples) if s.modality == "genomics"}
    absent = made.absent_reasons(names, supplied, made.first_causes(listed), read_table(samples_qc, "samples_qc"))
    columns = {
        **made.polygenic_columns(read_table(scores, "polygenic")),
        **made.pharmacogene_columns(read_table(stars, "pharmacogenes"), read_genes(tables)),
        **made.ancestry_columns(read_table(ancestry, "ancestry")),
    }
    write_features(out, {"variants": made.variants_block(names, columns, absent)})
    write_table(quarantine, "quarantine", listed)
