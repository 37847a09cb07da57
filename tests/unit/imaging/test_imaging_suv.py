import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.imaging.intake import reader
from consilium.imaging.intake.suv import Dose, factor
from imaging_cases import sample


def test_factor_from_the_definition() -> None:
    # 70 kg, 350 MBq, one half-life later: half of the dose is left.
    assert factor(Dose(70, 350e6, 6586.2, 6586.2), "START") == pytest.approx(70_000 / 175e6)
    assert factor(Dose(70, 350e6, None, None), "ADMIN") == pytest.approx(70_000 / 350e6)


@pytest.mark.parametrize(
    ("dose", "decay", "word"),
    [
        (Dose(None, 350e6, 60, 6586), "START", "weight"),
        (Dose(70, 350.0, 60, 6586), "START", "dose"),
        (Dose(70, 350e6, -5, 6586), "START", "time"),
        (Dose(70, 350e6, 60, 6586), "NONE", "decay"),
    ],
)
def test_what_lacks_is_named(dose: Dose, decay: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        factor(dose, decay)


def test_sidecar_or_unknown(tmp_path: Path) -> None:
    voxels = np.random.default_rng(1).uniform(1000, 9000, (6, 6, 6)).astype(np.float32)
    file = tmp_path / "p.nii.gz"
    nib.save(nib.Nifti1Image(voxels, np.diag([4.0, 4, 4, 1])), file)
    assert reader.read(sample(file, "PET")).unit == "unknown"
    facts = {"Units": "Bq/mL", "InjectedRadioactivity": 350, "InjectedRadioactivityUnits": "MBq", "BodyWeight": 70,
             "InjectionStart": -3600, "ImageDecayCorrected": True, "ImageDecayCorrectionTime": 0,
             "TracerRadionuclide": "F18"}  # fmt: skip
    (tmp_path / "p.json").write_text(json.dumps(facts))
    volume = reader.read(sample(file, "PET"))
    assert volume.unit == "SUV"
    scale = 70_000 / (350e6 * 2 ** (-3600 / 6586.2))
    assert np.allclose(volume.voxels, voxels * scale, rtol=1e-5)
    (tmp_path / "p.json").write_text(json.dumps({**facts, "BodyWeight": None}))
    volume = reader.read(sample(file, "PET"))
    assert volume.unit == "Bq/ml" and "weight" in volume.unit_reason
