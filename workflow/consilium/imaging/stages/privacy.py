"""The stages of de-identified copies: write them, and say what was taken out."""

from __future__ import annotations

from pathlib import Path


def deidentify(samples: Path, patients: str, folder: Path, manifest: Path, keep: Path, profile: Path, key_file: Path,
               results: Path, keep_faces: bool = False, threads: int = 1) -> None:  # fmt: skip
    """Write de-identified copies of some patients' DICOM images into folder/<patient>/deidentified/<sample>/.

    samples: samples.tsv. patients: names joined by commas. folder: the patients' result folders. manifest: JSON with
    what became of each. keep, profile: resources/dicom_keep.tsv and dicom_profile.tsv. key_file: the secret; made where
    absent, refused inside `results`. keep_faces: do not take faces out. threads: processes.
    """
    from functools import partial

    from consilium.core.chunks import Task, run_chunk
    from consilium.core.provenance import file_digest
    from consilium.core.sheets import read_samples
    from consilium.imaging.privacy import key
    from consilium.imaging.privacy.patient import is_dicom, one_patient

    secret = key.load(key_file, results)
    rows = [s for s in read_samples(samples) if s.modality == "imaging" and is_dicom(Path(s.path))]
    tasks = [
        Task(patient, tuple(s for s in rows if s.patient == patient), folder / patient / "deidentified")
        for patient in patients.split(",")
        if any(s.patient == patient for s in rows)
    ]
    work = partial(one_patient, secret=secret, keep=keep, tags=profile, deface=not keep_faces)
    settings = {"deface": not keep_faces, "tables": [file_digest(keep), file_digest(profile)],
                "key": secret.name("settings", "key")}  # fmt: skip
    run_chunk("deidentify", "imaging", tasks, work, manifest, settings, threads)


def deidentified(manifests: list[Path], out: Path) -> None:
    """One table of what was kept, replaced and removed in the copies, by group of tags; no values.

    manifests: of stage deidentify. out: TSV.
    """
    from consilium.core.chunks import read_manifests
    from consilium.core.store import write_table
    from consilium.imaging.privacy.patient import removed_table

    write_table(out, "image_deidentified", removed_table(read_manifests(manifests)))
