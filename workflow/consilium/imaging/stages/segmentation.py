"""The stages of segmentation: training store, training, prediction, collection."""

from __future__ import annotations

from pathlib import Path


def segment_store(
    samples: Path,
    patients: Path,
    manifests: list[Path],
    images: Path,
    masks: Path,
    store: Path,
    kind: str = "FLAIR",
    pixels: int = 96,
    pixel_mm: float = 2.5,
    folds: int = 5,
    seed: int = 0,
) -> None:
    """Bring every patient's image and mask onto one grid, as float16 and uint8 arrays that are read by memory map.

    samples, patients: the sheets. manifests: of stage process (what it refused or excluded is left out). images,
    masks: .npy. store: JSON, who lies where, and the patient-wise folds. kind: of image. pixels, pixel_mm: the grid.
    """
    from consilium.core.chunks import read_manifests
    from consilium.core.sheets import read_patients, read_samples
    from consilium.imaging.segment import fill, usable
    from consilium.imaging.segment.grid import Grid

    rows = [s for s in read_samples(samples) if s.modality == "imaging"]
    verdicts = usable.of(read_manifests(manifests), rows)
    fill.fill(read_patients(patients), rows, verdicts, kind, Grid(pixels, pixel_mm), folds, seed,
              (images, masks, store))  # fmt: skip


def segment_train(
    store: Path,
    part: str,
    model: Path,
    member: int = 0,
    dimensions: int = 2,
    width: int = 16,
    patch: int = 64,
    depth: int = 16,
    batch: int = 12,
    epochs: int = 30,
    mirror: bool = True,
    augmentation: float = 0.4,
    seed: int = 0,
) -> None:
    """Train one U-Net of one part and judge every threshold and clean-up in its tuning patients.

    store: store.json. part: number of the fold held out, or "final". model: safetensors. member: which network of the
    part, from 0; each has its own seed and tuning patients. dimensions: 2 or 3. width: channels of the first level.
    patch, depth: size of a training patch in pixels and slices. batch: patches a step. epochs: passes over as many
    slices as there are. mirror: left and right may be exchanged. augmentation: its strength, 0 for none. seed: of the
    run.
    """
    from consilium.imaging.segment import model as models
    from consilium.imaging.segment import part as parts
    from consilium.imaging.segment import store as stores
    from consilium.imaging.segment.train import Settings

    settings = Settings(dimensions, width, patch, depth, batch, epochs, mirror, augmentation, seed)
    fitted = parts.fit(stores.load(store), part, member, settings, lambda line: print(line, flush=True))
    models.save(model, fitted)


def segment_join(networks: list[Path], model: Path) -> None:
    """Join the networks of one part into the model that predicts: their mean, with threshold and clean-up for all.

    networks: of stage segment_train. model: safetensors.
    """
    from consilium.imaging.segment import model as models

    models.join(networks, model)


def segment_predict(store: Path, samples: Path, part: str, model: Path, folder: Path, manifest: Path) -> None:
    """Predict the lesions of the patients whom a part judges, into folder/<patient>/segmentation/.

    store: store.json. samples: samples.tsv. part: number of a fold (its held-out patients), "final" (patients without
    a mask) or "given" (everybody: the model was trained elsewhere). model: safetensors. folder: the patients' result
    folders, with what stage process left there. manifest: JSON with what became of each.
    """
    from functools import partial

    from consilium.core.chunks import Task, run_chunk
    from consilium.core.provenance import file_digest
    from consilium.core.sheets import read_samples
    from consilium.imaging.segment import patient
    from consilium.imaging.segment import store as stores

    rows = {(s.patient, s.sample): s for s in read_samples(samples) if s.modality == "imaging"}
    tasks = [
        Task(
            e.patient, tuple(rows[(e.patient, s)] for s in (e.image, e.mask) if s), folder / e.patient / patient.FOLDER
        )
        for e in stores.judged(stores.listed(store), part)
    ]
    work = partial(patient.one_patient, model_file=model, part=part, patients=folder)
    run_chunk("segment_predict", "imaging", tasks, work, manifest, {"part": part, "model": file_digest(model)},
              extra_inputs=partial(patient.registration, patients=folder))  # fmt: skip


def segment_collect(
    manifests: list[Path], store: Path, samples: Path, table: Path, records: Path, figure: Path
) -> None:
    """Collect the predictions of all parts: agreement, features, picture of the best, the median and the worst case.

    manifests: of stage segment_predict. store: store.json. samples: samples.tsv. table: TSV. records: JSON, features
    or the reason for none by patient, and what failed. figure: PNG.
    """
    from consilium.core.chunks import read_manifests
    from consilium.core.sheets import read_samples
    from consilium.core.store import atomic, read_facts, write_facts, write_table
    from consilium.imaging.segment import collect, picture

    rows = {(s.patient, s.sample): s for s in read_samples(samples) if s.modality == "imaging"}
    entries = read_manifests(manifests)
    done = collect.found(entries)
    write_table(table, "segmentation", collect.table(done))
    problems = [p for e in entries for p in e["problems"]]
    write_facts(records, {"patients": collect.records(done, read_facts(store)), "problems": problems})
    with atomic(figure) as temporary:
        picture.draw(temporary, collect.cases(done, rows))
