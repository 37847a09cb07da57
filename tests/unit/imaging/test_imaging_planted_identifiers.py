"""Identifiers planted wherever image files can hold them are in no output, log or file name of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from consilium.core import store
from consilium.imaging import stages
from consilium.simulate import images_brain
from consilium.simulate.images_ct import chest
from imaging_cases import people
from leaks import patterns, search
from planted_identifiers import Places, dicom, nifti, with_text
from test_imaging_stages import sheets

RESOURCES = Path(__file__).resolve().parents[3] / "resources"


def row(kind: str, path: Path, patient: str = "P001") -> dict[str, str]:
    return {"patient": patient, "modality": "imaging", "kind": kind, "path": str(path), "taken_on": ""}


def write_images(root: Path, places: Places, head: Any) -> list[dict[str, str]]:
    """CT as DICOM and NIfTI, a mask, images to be refused; MR and PET as both."""
    lungs, _ = chest(np.random.default_rng(3))
    some = lungs.voxels[:, :, 20:32]  # slices: enough, and quick to write
    hu = (some.astype(np.int32) + 1024).astype(np.uint16)
    raw = root / "raw"
    dicom(raw / "ct", hu, lungs.affine, "CT", places, RescaleIntercept="-1024", RescaleSlope="1")
    dicom(raw / "text", with_text(hu, "DOE^JANE"), lungs.affine, "CT", places)
    dicom(raw / "us", hu, lungs.affine, "CT", places)
    for file in (raw / "us").rglob("*.dcm"):
        file.write_bytes(file.read_bytes().replace(b"1.2.840.10008.5.1.4.1.1.2", b"1.2.840.10008.5.1.4.1.1.6"))
    nifti(raw / "n" / "ct.nii.gz", some.astype(np.int16), lungs.affine, places)
    nifti(raw / "n" / "mask.nii.gz", (some > 100).astype(np.uint8), lungs.affine, places)
    rows = [row("CT", raw / "ct"), row("CT", raw / "text"), row("CT", raw / "us")]
    rows += [row("CT", raw / "n" / "ct.nii.gz", "P002"), row("mask", raw / "n" / "mask.nii.gz", "P002")]
    return rows + _pet_and_mr(raw, places, head)


def _pet_and_mr(raw: Path, places: Places, head: Any) -> list[dict[str, str]]:
    scan = images_brain.pet(0.0, np.random.default_rng(4))
    stored = np.round(scan.voxels / scan.voxels.max() * 32000).astype(np.uint16)
    dicom(raw / "pet", stored, scan.affine, "PT", places, Units="BQML", DecayCorrection="START", RescaleSlope="1",
          RescaleIntercept="0", PatientWeight="70")  # fmt: skip
    nifti(raw / "n" / "pet.nii.gz", stored.astype(np.int16), scan.affine, places, {"Units": "Bq/mL", "BodyWeight": 70})
    nifti(raw / "n" / "t1.nii.gz", head.voxels.astype(np.int16), head.affine, places)
    dicom(raw / "mr", head.voxels.astype(np.uint16), head.affine, "MR", places, EchoTime="2.9", RepetitionTime="2300")
    own = [row(kind, raw / "n" / f"{kind.lower()}.nii.gz", "P002") for kind in ("PET", "T1")]
    return [row("T1", raw / "mr"), row("PET", raw / "pet"), *own]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(request, tmp_path_factory, head):
    """(folder of outputs, places, root); logs are what the stages print, warnings included."""
    root = tmp_path_factory.mktemp("planted")
    places = Places()
    rows = write_images(root, places, head)
    patients, samples = sheets(root, people(2), rows)
    out = root / "out"
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), _logged(out / "log.txt"):
        stages.check(samples, out / "check.tsv")
        stages.process(samples, "P001,P002", out / "p", out / "m.json", '{"grid_mm": 8}')
        stages.features([out / "m.json"], patients, samples, out / "f.zarr.zip", out / "qc.tsv", out / "q.tsv")
        copies(samples, out, root / "secret.key")
    return out, places, root


class _logged:  # noqa: N801 - read as a verb
    """Sends the process's standard output and error, at the level of file descriptors, into a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        import os

        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.kept = [os.dup(1), os.dup(2)]
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT)
        for target in (1, 2):
            os.dup2(handle, target)
        os.close(handle)

    def __exit__(self, *_: object) -> None:
        import os

        for target, kept in zip((1, 2), self.kept, strict=True):
            os.dup2(kept, target)
            os.close(kept)


def copies(samples: Path, out: Path, key: Path) -> None:
    stages.deidentify(samples, "P001,P002", out / "p", out / "d.json", RESOURCES / "dicom_keep.tsv",
                      RESOURCES / "dicom_profile.tsv", key, out)  # fmt: skip
    stages.deidentified([out / "d.json"], out / "deidentified.tsv")


def test_sixty_identifiers_in_twenty_places_are_planted(run) -> None:
    _, places, root = run
    assert len(places.all) >= 60 and len(places.values) >= 20
    raw = list((root / "raw").rglob("*"))
    missing = places.all - {hit.rsplit(": ", 1)[1] for hit in search(raw, patterns(places.all), root)}
    assert not missing  # what cannot be found where it was planted would not be found in an output either


def test_none_is_in_any_output_log_or_file_name(run) -> None:
    out, places, _ = run
    files = sorted(out.rglob("*"))
    assert {".json", ".png", ".gz", ".dcm", ".tsv", ".zip", ".txt"} <= {f.suffix for f in files}
    assert search(files, patterns(places.all), out) == []


def test_images_are_used_or_refused_for_what_they_are(run) -> None:
    out, _, _ = run
    listed = store.read_table(out / "q.tsv", "quarantine")
    causes = dict(zip(listed["file"].map(lambda f: Path(f).name), listed["cause"], strict=True))
    assert "text burned into the pixels" in causes.pop("text") and "ultrasound" in causes.pop("us")
    causes.pop("mask.nii.gz", "")  # where a T1 is beside it, it belongs to that and lies outside
    assert not causes
    table = store.read_table(out / "deidentified.tsv", "image_deidentified")
    assert "CT" in set(table["sample"]) and (table.loc[table["group"] == "private", "kept"] == 0).all()
    assert table.loc[table["group"] == "private", "removed"].min() > 0
    assert table["reason"].str.contains("text burned").any()
