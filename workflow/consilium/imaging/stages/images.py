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
    from consilium.core.store import write_table
    from consilium.imaging.intake import reader

    problems: list[Problem] = []
    for sample in [s for s in read_samples(samples) if s.modality == "imaging"]:
        try:
            reader.read(sample)
        except InputError as error:
            problems += error.problems
    write_table(out, "quarantine", refused.quarantine("imaging", problems))


def process(samples: Path, patients: str, folder: Path, manifest: Path, grid_mm: float = 6.0,
            registration: str = "deformable", atlas_image: str = "", atlas_labels: str = "",
            pet_reference: str = "cerebellum", threads: int = 1) -> None:  # fmt: skip
    """Process the images of some patients into folder/<patient>/imaging/<sample>/.

    samples: samples.tsv. patients: names joined by commas. folder: the patients' result folders. manifest: JSON with
    what became of each. grid_mm: voxel size of the volumes for the image network. registration: affine or deformable.
    atlas_image, atlas_labels: the user's atlas, "" for the default. pet_reference: region of uptake ratios. threads:
    processes over patients, and threads within one where patients are fewer.
    """
    from functools import partial

    from consilium.core.chunks import Task, run_chunk
    from consilium.core.sheets import read_samples
    from consilium.imaging.brain.choice import Choice
    from consilium.imaging.process import one_patient, sidecars

    image, labels = (Path(name) if name else None for name in (atlas_image, atlas_labels))
    choice = Choice(registration == "deformable", image, labels, pet_reference)
    choice.check()
    rows = [s for s in read_samples(samples) if s.modality == "imaging"]
    tasks = [
        Task(patient, tuple(s for s in rows if s.patient == patient), folder / patient / "imaging")
        for patient in patients.split(",")
        if any(s.patient == patient for s in rows)
    ]
    each = max(1, threads // max(1, len(tasks)))  # cores left over where patients are few
    run_chunk("process", "imaging", tasks, partial(one_patient, grid_mm=grid_mm, choice=choice, threads=each), manifest,
              {"grid_mm": grid_mm} | choice.settings(), threads, sidecars)  # fmt: skip


def features(manifests: list[Path], patients: Path, samples: Path, features: Path, qc: Path, quarantine: Path) -> None:
    """Collect the patients' images into the room's feature store, the quality table and the quarantine list.

    manifests: of stage process. patients, samples: the sheets. features: zip of Zarr groups. qc, quarantine: TSV.
    """
    from consilium.core import refused
    from consilium.core.chunks import read_manifests
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import write_features, write_table
    from consilium.imaging import collect

    rows = [s for s in read_samples(samples) if s.modality == "imaging"]
    names = [p.patient for p in read_patients(patients)]
    cohort = collect.Cohort(read_manifests(manifests), rows, names)
    write_features(features, collect.all_blocks(cohort))
    write_table(qc, "image_qc", collect.qc_table(cohort))
    write_table(quarantine, "quarantine", refused.quarantine("imaging", cohort.problems))
