"""Faces, skulls, letters in pixels, the key, and the keep-list of written DICOM."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.imaging.brain import atlas
from consilium.imaging.brain.registration import Alignment
from consilium.imaging.intake import deidentify, sidecar
from consilium.imaging.privacy import burned_in, faces, key, profile, scrub, skull
from consilium.imaging.volume import Volume
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_identifiers import with_text
from pydicom.dataset import Dataset

RESOURCES = Path(__file__).resolve().parents[3] / "resources"
SECRET = key.Secret(bytes(range(32)))


@pytest.fixture(scope="module")
def tables() -> profile.Profile:
    return profile.read(RESOURCES / "dicom_keep.tsv", RESOURCES / "dicom_profile.tsv")


def test_the_face_region_holds_eyes_nose_and_ears_and_no_brain() -> None:
    mask, grid = faces.region()

    def inside(mm: tuple[float, float, float]) -> bool:
        return bool(mask[tuple(np.round(np.linalg.inv(grid) @ (*mm, 1))[:3].astype(int))])

    for place in ((30, 66, -38), (-30, 66, -38), (0, 100, -45), (0, 90, -80), (82, -25, -30), (0, 60, -130)):
        assert inside(place), place
    for place in ((0, 60, 40), (0, -100, 0), (0, -30, -60), (40, 10, -35), (0, -60, -60)):
        assert not inside(place), place
    template = atlas.template()
    believed = Alignment(np.eye(4), 1.0, 1.0, "")
    assert not (faces.face(template.brain.shape, template.affine, believed) & template.brain).any()


def test_what_cannot_be_registered_is_only_shown_coarsely() -> None:
    volume = Volume(np.random.default_rng(1).random((40, 40, 40), np.float32), np.diag([1.0, 1, 1, 1]), "T1", "nifti")
    unknown = Alignment(np.eye(4), 0.0, 0.0, "not a head")
    assert faces.hidden(volume.voxels, volume.affine, unknown) is None
    shown, grid = faces.drawable(volume, unknown, deface=True)
    assert shown.shape == (10, 10, 10) and np.allclose(np.diag(grid)[:3], 4)
    assert faces.drawable(volume, unknown, deface=False)[0].shape == (40, 40, 40)


def test_a_ct_head_is_found_by_its_skull_and_loses_its_face() -> None:
    template = atlas.coarse_template(3.0)
    from scipy import ndimage

    brain = np.pad(template.brain, 8)
    grid = template.affine.copy()
    grid[:3, 3] -= grid[:3, :3] @ np.full(3, 8)
    head = ndimage.binary_dilation(brain, iterations=5)
    bone = ndimage.binary_dilation(brain, iterations=3) & ~ndimage.binary_dilation(brain, iterations=1)
    hu = np.where(bone, 900, np.where(head, 40, -1000)).astype(np.float32)
    placed = grid.copy()
    placed[:3, 3] += (7, -12, 300)  # a scanner's own origin
    volume = Volume(hu, placed, "CT", "nifti", unit="HU")
    alignment = skull.alignment(volume)
    assert alignment is not None and alignment.reason == ""
    assert np.allclose(alignment.matrix[:3, 3], (7, -12, 300), atol=6)
    shown = faces.hidden(hu, placed, alignment)
    assert np.array_equal(shown[brain], hu[brain]) and (shown != hu).sum() > 500
    assert skull.alignment(Volume(np.where(head, 40, -1000).astype(np.float32), placed, "CT", "nifti")) is None


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_letters_are_found_in_every_plane_and_noise_is_not(axis: int) -> None:
    noise = np.random.default_rng(2).normal(100, 20, (90, 130, 12)).astype(np.float32)
    assert burned_in.found(np.moveaxis(noise, 2, axis), "T1") == ""
    assert "text" in burned_in.found(np.moveaxis(with_text(noise, "DOE^JANE 1961"), 2, axis), "T1")


@pytest.mark.data
def test_no_real_image_is_taken_for_text(data: Path) -> None:
    import nibabel as nib

    for name in ("chris_PD", "pcasl", "fmri_pitch"):
        voxels = np.asarray(nib.load(data / "niivue_nifti" / f"{name}.nii.gz").dataobj, dtype=np.float32)
        assert burned_in.found(voxels, "T1") == "", name


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"}, "secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"}, "ultrasound"),
        ({"Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"}, "photograph"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen save"),
        ({"BurnedInAnnotation": "YES"}, "burned-in"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY"]}, ""),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3"}, ""),
    ],
)
def test_pictures_of_screens_and_people_are_told_by_their_headers(tags: dict, reason: str) -> None:
    dataset = Dataset()
    for name, value in tags.items():
        setattr(dataset, name, value)
    found = deidentify.burned_in(dataset)
    assert (reason in found) if reason else found == ""


def test_of_a_sidecar_only_numbers_and_known_words_stay() -> None:
    kept = sidecar.kept(
        {"EchoTime": 0.03, "ScanningSequence": "EP\\SE", "MRAcquisitionType": "3D", "Manufacturer": "Siemens Doe",
         "SequenceVariant": "SK\\DOE", "RepetitionTime": "Doe", "SeriesDescription": "Doe", "KVP": float("nan"),
         "AcquisitionTime": "10:15", "FlipAngle": True}
    )  # fmt: skip
    assert kept == {
        "EchoTime": 0.03,
        "ScanningSequence": "EP\\SE",
        "MRAcquisitionType": "3D",
        "Manufacturer": "Siemens",
    }


def test_the_key_is_made_once_and_refused_where_it_does_not_belong(tmp_path: Path) -> None:
    results = tmp_path / "results"
    file = tmp_path / "own" / "cohort.key"
    first, again = key.load(file, results), key.load(file, results)
    assert first == again and file.stat().st_mode & 0o777 == 0o600
    assert first.key.hex() not in repr(first)
    for bad, cause in ((results / "x.key", "within the results"), (tmp_path / "no.key", "not a key")):
        if bad.parent == tmp_path:
            bad.write_text("secret")
            bad.chmod(0o600)
        with pytest.raises(InputError, match=cause):
            key.load(bad, results)
    file.chmod(0o644)
    with pytest.raises(InputError, match="read by others"):
        key.load(file, results)


def test_new_identifiers_repeat_with_the_key_alone() -> None:
    other = key.Secret(bytes(32))
    uid = SECRET.uid("1.2.840.19610402.1")
    assert uid == SECRET.uid("1.2.840.19610402.1") != other.uid("1.2.840.19610402.1")
    assert uid.startswith("2.25.") and len(uid) <= 64 and "19610402" not in uid
    shifts = {SECRET.shift(f"P{i}").days for i in range(50)}
    assert len(shifts) > 40 and min(shifts) >= 180
    assert SECRET.uid("P1") != SECRET.name("uid", "P1")


@given(st.dates(datetime.date(1901, 1, 1), datetime.date(2099, 12, 31)), st.integers(0, 3000))
def test_moved_dates_keep_their_distance(day: datetime.date, apart: int) -> None:
    later = day + datetime.timedelta(days=apart)
    by = SECRET.shift("P001")
    one, two = (datetime.datetime.strptime(str(scrub.moved(f"{d:%Y%m%d}", by)), "%Y%m%d").date() for d in (day, later))
    assert (two - one).days == apart and one < day


def test_no_kept_attribute_is_one_that_the_profile_removes(tables: profile.Profile) -> None:
    removed = {
        line.split("\t")[0]
        for line in (RESOURCES / "dicom_profile.tsv").read_text().splitlines()
        if line.split("\t")[-1] == "X"
    }
    kept = {f"{tag:08X}": how.rule for tag, how in tables.keep.items()}
    through = {tag: rule for tag, rule in kept.items() if tag in removed}
    # Patient characteristics and dates are kept by options of the profile; the description is written anew.
    assert set(through) == {
        "00101010",
        "00101020",
        "00101030",
        "0008103E",
        "00181072",
        "00181073",
        "00181078",
        "00181079",
    }
    assert len(removed) > 380 and len(kept) > 200


@settings(max_examples=12)
@given(st.text(min_size=1, max_size=64))
def test_no_text_comes_through_whatever_attribute_it_is_typed_into(text: str) -> None:
    from pydicom.datadict import dictionary_VR
    from pydicom.dataelem import RawDataElement

    tables = profile.read(RESOURCES / "dicom_keep.tsv", RESOURCES / "dicom_profile.tsv")
    dataset = Dataset()
    planted = f"Zq{text}".encode("utf-8", "ignore")
    for tag, how in tables.keep.items():
        vr = dictionary_VR(tag)
        if how.rule not in ("sequence", "pixels") and len(vr) == 2:
            dataset._dict[tag] = RawDataElement(tag, vr, len(planted), planted, 0, False, True)
    with deidentify.quiet():
        clean = scrub.Scrubber(tables, SECRET, "P001", "T1").clean(dataset, scrub.Tally())
    assert "Zq" not in str(clean)
