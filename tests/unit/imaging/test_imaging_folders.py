"""DICOM folders as they come: which series is taken, what is left out, what is refused and why."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from consilium.core.errors import InputError
from consilium.core.sheets import Sample
from consilium.imaging.intake import reader
from consilium.imaging.volume import Volume, shear
from dicom_cases import AFFINE, FLAIR, PERSON, SCOUT, T1, T2, VOXELS, edit, enhanced, series
from pydicom.data import get_testdata_file


def read(path: Path, kind: str, number: int | None = None) -> Volume:
    return reader.read(Sample("P001", "imaging", kind, str(path), "", kind, 2, number))


def refusal(path: Path, kind: str, number: int | None = None) -> str:
    with pytest.raises(InputError) as error:
        read(path, kind, number)
    return "\n".join(str(p) for p in error.value.problems)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Localizer, T1, T2, FLAIR and a screenshot of one person, every file in one folder, and a text."""
    tmp_path = tmp_path_factory.mktemp("study")
    for number, (name, fields) in enumerate({"s": SCOUT, "T1": T1, "T2": T2, "FLAIR": FLAIR}.items(), start=1):
        series(tmp_path / name, voxels=VOXELS + number, SeriesNumber=number, **fields)
    edit(tmp_path / "s", lambda d: d.__setattr__("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"), new="shot")
    whole = tmp_path / "whole"
    whole.mkdir()
    for k, file in enumerate(f for f in sorted(tmp_path.rglob("*.dcm")) if f.parent != whole):
        shutil.copy(file, whole / f"{k:03d}")
    (whole / "readme.txt").write_text("not DICOM")
    return whole


@pytest.mark.parametrize(("kind", "number"), [("T1", 2), ("T2", 3), ("FLAIR", 4)])
def test_the_series_that_its_header_tells_is_taken(study: Path, kind: str, number: int) -> None:
    volume = read(study, kind)
    assert np.array_equal(volume.voxels, VOXELS + number)
    assert volume.seen["kind"] == kind and volume.seen["series"] == number and volume.seen["series_in_folder"] == 4
    assert any(f"series {number} taken of 4 series" in note and "TE" in note for note in volume.notes)


def test_what_is_there_is_listed_where_headers_do_not_decide(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(study, folder)
    text = refusal(folder, "CT")
    assert "no CT series for kind CT" in text and "series 3: MR, T2, 10 images" in text and "column series" in text
    series(tmp_path / "again", SeriesNumber=7, **T1)
    for file in (tmp_path / "again").iterdir():
        shutil.copy(file, folder / f"again{file.name}")
    text = refusal(folder, "T1")
    assert "2 series that could be the T1" in text and "series 7: MR, T1, 10 images" in text
    assert np.array_equal(read(folder, "T1", 7).voxels, VOXELS)
    assert "no series 9" in refusal(folder, "T1", 9)
    for _, _, _, value in series(tmp_path / "names").rows:
        assert value not in text


def test_a_named_series_of_another_contrast_is_flagged_and_a_localizer_refused(study: Path) -> None:
    assert any("speaks for T2 (TE 100 ms, TR 5000 ms)" in n for n in read(study, "T1", 3).notes)
    assert "localizer by its header" in refusal(study, "T1", 1)


def test_a_broken_series_spoils_no_other(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(study, folder)
    series(tmp_path / "colour", SeriesNumber=8, **T1)
    edit(tmp_path / "colour", lambda d: d.update({"SamplesPerPixel": 3}))
    for file in (tmp_path / "colour").iterdir():
        shutil.copy(file, folder / f"colour{file.name}")
    assert np.array_equal(read(folder, "T1").voxels, VOXELS + 2)
    assert "10 file(s) with a colour image" in refusal(tmp_path / "colour", "T1")
    assert "colour image" in refusal(folder, "T1", 8)
    one = next(f for f in sorted(folder.iterdir()) if f.name[0] in "0123" and pydicom.dcmread(f).SeriesNumber == 3)
    one.write_bytes(one.read_bytes()[:-40])
    assert "1 file(s) with truncated pixels" in refusal(folder, "T2")
    assert np.array_equal(read(folder, "FLAIR").voxels, VOXELS + 4)


def test_slices_sent_twice_are_used_once(tmp_path: Path) -> None:
    series(tmp_path / "s")
    files = sorted((tmp_path / "s").iterdir())
    shutil.copy(files[2], tmp_path / "s" / "copy")  # the same file
    twin = pydicom.dcmread(files[5])  # the same image under a new identifier
    twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    twin.save_as(tmp_path / "s" / "twin")
    volume = read(tmp_path / "s", "T1")
    assert np.array_equal(volume.voxels, VOXELS) and "2 duplicate file(s) left out" in volume.notes


def test_the_echo_of_the_sheets_kind_is_taken(tmp_path: Path) -> None:
    series(tmp_path / "s", **T2 | {"EchoTime": "12"})

    def second(dataset: pydicom.Dataset) -> None:
        dataset.EchoTime, dataset.InstanceNumber = "100", dataset.InstanceNumber + 10
        dataset.PixelData = (dataset.pixel_array + 1000).tobytes()

    edit(tmp_path / "s", second, new="e2")
    volume = read(tmp_path / "s", "T2")
    assert np.array_equal(volume.voxels, VOXELS + 1000)
    assert "2 echoes (12, 100 ms): that of 100 ms taken" in volume.notes
    assert np.array_equal(read(tmp_path / "s", "T1").voxels, VOXELS)


def test_magnitude_is_taken_and_phase_refused(tmp_path: Path) -> None:
    series(tmp_path / "s", ImageType=["ORIGINAL", "PRIMARY", "M"])

    def phase(dataset: pydicom.Dataset) -> None:
        dataset.ImageType, dataset.InstanceNumber = ["ORIGINAL", "PRIMARY", "P"], dataset.InstanceNumber + 10
        dataset.PixelData = (dataset.pixel_array + 1000).tobytes()

    edit(tmp_path / "s", phase, new="p")
    volume = read(tmp_path / "s", "T1")
    assert np.array_equal(volume.voxels, VOXELS) and "magnitude, phase images: magnitude taken" in volume.notes
    for file in (tmp_path / "s").iterdir():
        if not file.name.startswith("p"):
            file.unlink()
    assert "phase images" in refusal(tmp_path / "s", "T1")


def test_an_enhanced_image_and_its_missing_slices(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    enhanced(tmp_path / "whole" / "a.dcm")
    volume = read(tmp_path / "whole", "T1")
    assert np.array_equal(volume.voxels, VOXELS) and np.allclose(volume.affine, AFFINE, atol=1e-4)
    (tmp_path / "gap").mkdir()
    enhanced(tmp_path / "gap" / "a.dcm", lost=(4, 5))
    assert "2 missing slice" in refusal(tmp_path / "gap", "T1")


def test_oblique_slices_keep_their_place(tmp_path: Path) -> None:
    turn = np.eye(4)
    turn[:3, :3] = [[0.8, -0.6, 0], [0.48, 0.64, -0.6], [0.36, 0.48, 0.8]]
    series(tmp_path / "s", affine=turn @ AFFINE)
    volume = read(tmp_path / "s", "T1")
    spot = np.argwhere(volume.voxels == VOXELS[2, 3, 4])[0]
    assert np.allclose(volume.affine @ [*spot, 1], turn @ AFFINE @ [2, 3, 4, 1], atol=1e-3)


def test_a_tilted_gantry_is_straightened(tmp_path: Path) -> None:
    voxels = np.random.default_rng(1).integers(0, 900, (24, 30, 10)).astype(np.int16)
    voxels[10:14, 12:18, 4:7] = 3000
    series(tmp_path / "s", "CT", voxels=voxels, GantryDetectorTilt="15")

    def tilt(dataset: pydicom.Dataset) -> None:
        x, y, z = (float(v) for v in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, f"{y + np.tan(np.radians(15)) * z:.8g}", z]

    edit(tmp_path / "s", tilt)
    volume = read(tmp_path / "s", "CT")
    assert shear(volume.affine) < 1e-6 and any("tilted gantry" in n for n in volume.notes)
    block = np.argwhere(volume.voxels > 2000).mean(axis=0)
    want = AFFINE @ [11.5, 14.5, 5, 1] - [0, np.tan(np.radians(15)) * (AFFINE @ [0, 0, 5, 1])[2], 0, 0]
    assert np.allclose(volume.affine @ [*block, 1], want, atol=1.0)


@pytest.mark.parametrize(
    "name", ["RLE", "jpeg_ls_lossless", "jp2klossless", "bigendian", "implicit"]
)  # the same slice in five transfer syntaxes, as pydicom carries it for its own tests
def test_compressed_slices_equal_plain_ones(tmp_path: Path, name: str) -> None:
    for part in ("MR_small.dcm", f"MR_small_{name}.dcm"):
        (tmp_path / part).mkdir()
        for k in range(3):
            dataset = pydicom.dcmread(get_testdata_file(part, download=False))
            place = np.array(dataset.ImagePositionPatient, float)
            along = np.cross(*np.array(dataset.ImageOrientationPatient, float).reshape(2, 3))
            dataset.ImagePositionPatient = [f"{v:.8g}" for v in place + 3 * k * along]
            dataset.InstanceNumber = k + 1
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k}"
            dataset.save_as(tmp_path / part / f"{k}.dcm")
    plain, packed = (read(tmp_path / part, "T2") for part in ("MR_small.dcm", f"MR_small_{name}.dcm"))
    assert plain.voxels.std() > 100
    assert np.array_equal(plain.voxels, packed.voxels) and np.array_equal(plain.affine, packed.affine)


def test_jpeg_lossless(tmp_path: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    series(tmp_path / "s")
    for file in sorted((tmp_path / "s").iterdir()):
        dataset = pydicom.dcmread(file)
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.SetUseCompression(True)
        writer.SetCompressor("JPEG")
        writer.SetFileName(str(tmp_path / "one.dcm"))
        writer.Execute(sitk.GetImageFromArray(dataset.pixel_array[None]))
        packed = pydicom.dcmread(tmp_path / "one.dcm")
        dataset.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
        dataset.PixelData = packed.PixelData
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(file)
    assert "JPEG Lossless" in packed.file_meta.TransferSyntaxUID.name
    assert np.array_equal(read(tmp_path / "s", "T1").voxels, VOXELS)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 60])
    assert "truncated or damaged compressed pixels" in refusal(tmp_path / "s", "T1")


def test_ct_and_pet_that_do_not_say_their_unit_are_noted(tmp_path: Path) -> None:
    series(tmp_path / "ct", "CT")
    assert any("perhaps not in Hounsfield units" in n for n in read(tmp_path / "ct", "CT").notes)
    series(tmp_path / "pet", "PT", Units="BQML", DecayCorrection="START")
    volume = read(tmp_path / "pet", "PET")
    assert volume.unit == "Bq/ml" and any("SUV not computed: no dose" in n for n in volume.notes)


def test_another_body_part_is_noted_in_closed_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series(tmp_path / "s", BodyPartExamined="KNEE", **T1)
    volume = read(tmp_path / "s", "T1")
    assert any("body part limb" in n for n in volume.notes) and volume.seen["body_part"] == "limb"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series(tmp_path / "t", BodyPartExamined=f"{PERSON.family}?!", **T1)
    caplog.clear()
    with warnings.catch_warnings():  # pydicom's quote the value: they must not reach a log
        warnings.simplefilter("error")
        assert read(tmp_path / "t", "T1").seen["body_part"] == "not told by the header"
    assert PERSON.family not in caplog.text


def test_nothing_of_the_conversion_stays(tmp_path: Path) -> None:
    series(tmp_path / "s")
    (tmp_path / "scratch").mkdir()
    volume = reader.read(Sample("P001", "imaging", "T1", str(tmp_path / "s"), "", "T1", 2), tmp_path / "scratch")
    assert np.array_equal(volume.voxels, VOXELS) and list((tmp_path / "scratch").iterdir()) == []
