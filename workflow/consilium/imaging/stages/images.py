"""The stages of the images themselves: check, process, collect."""

from __future__ import annotations

from pathlib import Path


def check(samples: Path, out: Path) -> None:
    """Open every image of the sheet as the later stages do and list those that cannot be used.

    samples: samples.tsv. out: quarantine table (TSV). Never fails on bad images.
    """
    from consilium.core import refused
    from consilium.core.errors import InputError, Problem
    from consilium.core.sheets import read_samples
    from consilium.core.store import scratch_folder
    from consilium.imaging.intake import reader

    problems: list[Problem] = []
    for sample in [s for s in read_samples(samples) if s.modality == "imaging"]:
        try:
            with scratch_folder(out.parent / ".check") as scratch:
                reader.read(sample, scratch)
        except InputError as error:
            problems += error.problems
    refused.write_quarantine(out, "imaging", problems)


def process(samples: Path, patients: str, folder: Path, manifest: Path, settings: str = "{}", threads: int = 1) -> None:
    """Process the images of some patients into folder/<patient>/imaging/<sample>/.

    samples: samples.tsv. patients: names joined by commas. folder: the patients' result folders. manifest: JSON with
    what became of each. settings: the config's section imaging as JSON. threads: processes over patients,
    and threads within one where patients are fewer.
    """
    from functools import partial

    from consilium.core.chunks import Task, run_chunk
    from consilium.core.sheets import read_samples
    from consilium.imaging.process import one_patient, sidecars
    from consilium.imaging.settings import Settings

    rows = [s for s in read_samples(samples) if s.modality == "imaging"]
    tasks = [
        Task(patient, tuple(s for s in rows if s.patient == patient), folder / patient / "imaging")
        for patient in patients.split(",")
        if any(s.patient == patient for s in rows)
    ]
    chosen = Settings.from_json(settings)
    chosen.brain.check()
    each = max(1, threads // max(1, len(tasks)))  # cores left over where patients are few
    run_chunk("process", "imaging", tasks, partial(one_patient, settings=chosen, threads=each), manifest,
              chosen.facts(), threads, sidecars)  # fmt: skip


def features(manifests: list[Path], patients: Path, samples: Path, features: Path, qc: Path, quarantine: Path,
             segmentation: str = "") -> None:  # fmt: skip
    """Collect the patients' images into the room's feature store, the quality table and the quarantine list.

    manifests: of stage process. patients, samples: the sheets. features: zip of Zarr groups. qc, quarantine: TSV.
    segmentation: records of stage segment_collect; "" without one.
    """
    from consilium.core import refused
    from consilium.core.chunks import read_manifests
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import write_features, write_table
    from consilium.imaging import collect
    from consilium.imaging.quality.table import qc_table
    from consilium.imaging.segment import collect as predicted

    rows = [s for s in read_samples(samples) if s.modality == "imaging"]
    names = [p.patient for p in read_patients(patients)]
    cohort = collect.Cohort(read_manifests(manifests), rows, names)
    write_features(features, collect.all_blocks(cohort) | predicted.blocks_of(segmentation, names))
    write_table(qc, "image_qc", qc_table(cohort))
    problems = [*cohort.problems, *predicted.problems_of(segmentation)]
    refused.write_quarantine(quarantine, "imaging", problems)
