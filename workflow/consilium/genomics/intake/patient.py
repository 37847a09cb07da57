"""Work on one patient: own VCFs to one normalised VCF; reads to quality, allele counts and, where needed, calls."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.sheets import WHOLE_COHORT, Sample
from consilium.core.store import write_facts, write_text
from consilium.genomics.decoding import own, variants
from consilium.genomics.decoding.lines import UnfitError
from consilium.genomics.intake import normalise, reading, thresholds, vcf
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.callable_regions import Regions, Touched, read_bed
from consilium.genomics.intake.calls import Calls, Part, merge
from consilium.genomics.intake.panel import Panel
from consilium.genomics.intake.setup import Setup
from consilium.genomics.reads import alignments as reads
from consilium.genomics.reads import calling
from consilium.genomics.structure import contamination

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLS_FILE = "variants.vcf.gz"
COUNTS_FILE = "counts.tsv"
READS_KINDS = ("bam", "cram")


def one_sample(names: list[str], report: vcf.Report) -> list[int]:
    """Column choice for a patient's own file: it must hold one sample, whatever its name."""
    if len(names) != 1:
        raise report.stop(f"{len(names)} samples in one patient's file ({', '.join(names[:3])} …)", "one sample",
                          "give the file once, with patient '*' (samples named as in the patient sheet)")  # fmt: skip
    return [0]


def patients_in(names: list[str], patients: set[str], report: vcf.Report) -> list[int]:
    """Column choice for a joint file: the samples named as a patient of the sheet; there must be one."""
    columns = [i for i, name in enumerate(names) if name in patients]
    if not columns:
        raise report.stop(f"no patient of the sheet among its {len(names)} samples ({', '.join(names[:3])} …)",
                          "sample names as in the patient sheet", "rename the samples (bcftools reheader)")  # fmt: skip
    return columns


def calls_of_reads(task: Task, results: Path) -> list[Path]:
    """The VCF called from a patient's reads, where the intake depends on it: no own VCF in the sheet."""
    if any(s.kind == "vcf" for s in task.samples):
        return []
    return [results / task.patient / "genomics_reads" / CALLS_FILE]


def intake_patient(task: Task, folder: Path, setup: Setup, results: Path) -> list[Problem]:
    """Write the patient's normalised VCF and facts.json {source, files} into `folder`.

    `results` is the folder of all patients. Without own VCFs, the calls made from the patient's reads are taken.
    """
    files = [s for s in task.samples if s.kind == "vcf"]
    if not files:
        return _take_calls(folder, calls_of_reads(task, results)[0])
    tables = reading.Tables.of(setup)
    problems: list[Problem] = []
    facts: list[dict[str, Any]] = []
    parts: list[Path | dict[str, list[Calls]]] = []
    touched = Touched(tables.wanted)
    with variants.scratch(folder) as scratch:
        for i, sample in enumerate(files):
            report = vcf.Report(sample.path, task.patient, setup.validation)
            with suppress(InputError):
                found, about = _decoded(task, report, tables, scratch / f"{i}") or _read(
                    report, tables, touched, scratch
                )
                parts.append(found)
                facts.append(about)
            problems += report.problems
        if not facts:
            raise InputError(problems)
        whole = [p for p in parts if isinstance(p, dict)]
        if len(whole) < len(parts):
            n = own.write(folder / CALLS_FILE, task.patient, parts, scratch)
        else:
            layers = {c: [layer for part in whole for layer in part.get(c, [])] for c in CONTIGS}
            problems += _fill(task, layers, facts, tables, touched, whole=len(facts) == len(files))
            merged = ((c, *merge([Part(p, np.array([0])) for p in found], 1)) for c, found in layers.items() if found)
            n = variants.write_vcf(folder / CALLS_FILE, [task.patient], merged)
    write_facts(folder / "facts.json", {"source": "vcf", "n_rows": n, "files": facts})
    return problems


def _decoded(
    task: Task, report: vcf.Report, tables: reading.Tables, place: Path
) -> tuple[Path, dict[str, Any]] | None:  # fmt: skip
    """(`place`, into which a large file is decoded; its facts); None where the full reader must take it.

    Callable regions need the place of every record, the levels other than standard its every value.
    """
    setup = tables.setup
    regions = setup.callable or any(s.kind == "callable" for s in task.samples)
    if regions or setup.validation != "standard" or not own.is_large(Path(report.file)):
        return None
    try:
        found, lost = own.decode(report, tables, place)
    except UnfitError:
        return None
    return place, found.with_counts({**file_facts(report), "calls_under_limits": lost})


def _read(
    report: vcf.Report, tables: reading.Tables, touched: Touched, scratch: Path
) -> tuple[dict[str, list[Calls]], dict[str, Any]]:
    """(layers of a file read record by record, its facts). Raises InputError, also kept in `report`."""
    source, lost = thresholds.applied(Path(report.file), tables.setup.limits, None, scratch)
    found = reading.calls_of(source, report, partial(one_sample, report=report), tables, touched=touched)
    return found, {**file_facts(report), "calls_under_limits": sum(lost.values())}


def _fill(
    task: Task, layers: dict[str, list[Calls]], facts: list[dict[str, Any]], tables: reading.Tables, touched: Touched,
    whole: bool,
) -> list[Problem]:  # fmt: skip
    """Add the reference calls of the patient's callable regions to `layers`, counted in the first file's facts.

    Only once all files of the patient were read (`whole`), and on one build: what a refused file spoke of is not known.
    """
    problems: list[Problem] = []
    own = [s for s in task.samples if s.kind == "callable"]
    builds = sorted({str(f["build"]) for f in facts})
    if not (own or tables.setup.callable):
        return []
    if not whole or len(builds) > 1:
        found = "callable regions beside " + ("a VCF that was refused" if not whole else "VCFs of two builds")
        return [Problem(s.path, found, "regions of files that were all read, on one build", "mend the VCF", 0,
                        task.patient) for s in own]  # fmt: skip
    regions = regions_of([task.patient], own, tables.setup, problems, builds[0])
    if regions is not None:
        regions = reading.lifted_regions(regions, builds[0], tables.setup)
        facts[0]["n_callable"] = regions.fill(layers, tables.wanted, touched, tables.bases, 1)
    return problems


def regions_of(
    patients: Sequence[str], own: Sequence[Sample], setup: Setup, problems: list[Problem], build: str
) -> Regions | None:
    """Callable regions of each of `patients` (the chosen columns of a file): own ones, and those of everybody.

    What is wrong with the BED files is added to `problems`. None where there is none at all.
    """
    given = [(s.path, s.patient) for s in own] + [(str(p), WHOLE_COHORT) for p in setup.callable]
    beds = []
    for path, patient in given:
        bed, faults = read_bed(Path(path), patient.strip(WHOLE_COHORT), setup.validation, build)
        problems += faults
        beds += [(bed, patient)] if bed else []
    return Regions([[b for b, who in beds if who in (p, WHOLE_COHORT)] for p in patients]) if beds else None


def file_facts(report: vcf.Report) -> dict[str, Any]:
    """What one VCF held, for facts.json and the table of files."""
    lift = report.lift
    return {
        "file": report.file,
        "build": report.build,
        "build_by_known_sites": report.evidence.build or "not told",
        "known_sites_grch38": report.evidence.grch38,
        "known_sites_grch37": report.evidence.grch37,
        "n_records": report.n_records,
        "n_left_out": report.n_left_out,
        "n_other_contigs": report.n_other_contigs,
        "n_filtered": report.n_filtered,
        "n_polyploid": report.n_polyploid,
        "n_callable": report.n_callable,
        "lift": asdict(lift) if lift else None,
    }


def _take_calls(folder: Path, made: Path) -> list[Problem]:
    if not made.exists():
        write_facts(folder / "facts.json", {"source": "none", "n_rows": 0, "files": []})
        return []
    for name in (made, Path(f"{made}.csi")):
        (folder / name.name).write_bytes(name.read_bytes())
    write_facts(folder / "facts.json", {"source": "reads", "n_rows": None, "files": []})
    return []


def reads_patient(
    task: Task, folder: Path, setup: Setup, sexes: Mapping[str, str], call_for: set[str]
) -> list[Problem]:
    """Write counts.tsv, qc.json and, for patients in `call_for`, the called VCF, from the patient's first good reads.

    Every further BAM or CRAM of the patient is only checked and said to be unused.
    """
    problems: list[Problem] = []
    used = None
    for sample in (s for s in task.samples if s.kind in READS_KINDS):
        file = reads.ReadsFile(Path(sample.path), task.patient, setup.reference)
        try:
            reads.check(file)
            if used is not None:
                raise file.problem("a second reads file of this patient", "one reads file a patient",
                                   "merge the files (samtools merge)")  # fmt: skip
            _use_reads(file, folder, setup, sexes.get(task.patient, "unknown"), task.patient in call_for, problems)
            used = sample.sample
        except InputError as error:
            problems += error.problems
    if used is None:
        raise InputError(problems)
    return problems


def _use_reads(
    file: reads.ReadsFile, folder: Path, setup: Setup, sex: str, must_call: bool, problems: list[Problem]
) -> None:
    panel, wanted, _, reference = setup.load()
    with variants.scratch(folder) as scratch:
        with reads.indexed(file, scratch) as alignments:
            counts = reads.allele_counts(alignments, panel)
            path = str(alignments.filename.decode())
            names = reads.contig_names(alignments)
            lengths = dict(zip(alignments.references, alignments.lengths, strict=True))
        index = next((str(p) for p in scratch.glob("reads.*ai")), None)
        quality = reads.quality(path, counts, setup.reference)
        write_text(folder / COUNTS_FILE, counts_text(panel, counts))
        share = contamination.estimate(counts, panel)
        write_facts(folder / "qc.json", {**quality, "file": str(file.path), "contamination": share.alpha,
                    "contamination_statistic": share.statistic, "contamination_sites": share.n_sites,
                    "contamination_reason": share.reason})  # fmt: skip
        if not must_call:
            return
        if reference is None:
            allowed = "genomics.reference set in the configuration, or a VCF of this patient"
            lacking = file.problem("no reference FASTA to call variants from reads", allowed, "configure the FASTA")
            problems += lacking.problems
            return
        regions = calling.windows(wanted, names, lengths)
        report = vcf.Report(str(file.path), file.patient)
        found = calling.call(file, path, index, regions, sex, scratch, wanted) if regions else iter(())
        layers = normalise.normalised(found, report, 1, wanted, reference)
    merged = ((c, *merge([Part(p, np.array([0])) for p in layers[c]], 1)) for c in CONTIGS if c in layers)
    variants.write_vcf(folder / CALLS_FILE, [file.patient], merged)
    problems += report.problems


def counts_text(panel: Panel, counts: reads.Counts) -> str:
    columns = zip(panel.chrom, panel.pos, panel.ref, panel.alt, counts.n_ref, counts.n_alt, counts.n_other, strict=True)
    lines = ["chrom\tpos\tref\talt\tn_ref\tn_alt\tn_other", *("\t".join(map(str, row)) for row in columns)]
    return "\n".join(lines) + "\n"


def read_counts(path: Path) -> reads.Counts:
    """Counts of a counts.tsv, in panel order."""
    table = np.genfromtxt(path, delimiter="\t", skip_header=1, usecols=(4, 5, 6), dtype=np.int64)
    return reads.Counts(*table.reshape(-1, 3).T)
