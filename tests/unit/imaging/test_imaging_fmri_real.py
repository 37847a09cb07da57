"""Real EPI (brain phantoms of two makers, perfusion, spinal cord) through the whole fMRI pipeline."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.store import read_table
from consilium.imaging import outcome
from consilium.imaging.fmri import series, slice_timing
from consilium.imaging.intake import reader
from imaging_cases import sample

# Run -> what its features' absence must say.
RUNS = {
    "dcm_qa_nih/Ref/DCM2NIIX_regression_test_4.nii": "volumes without much motion|not registered",
    "niivue_nifti/pcasl.nii.gz": "volumes without much motion|not registered",
    "sct_testing_data/fmri/fmri.nii.gz": "not registered to the brain template",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_real_runs_end_with_a_reason(data: Path, tmp_path: Path, name: str) -> None:
    volume = reader.read(sample(data / name, "fMRI"))
    found = series.fmri(volume, tmp_path)
    verdict, _ = outcome.write(found, volume, sample(data / name, "fMRI"), tmp_path)
    assert set(found.blocks) == set(series.BLOCKS) == set(found.not_assessed)
    for block in found.blocks.values():
        assert re.search(RUNS[name], block.reason), block.reason
    assert verdict in ("flag", "exclude")
    motion = read_table(tmp_path / "motion.tsv", "fmri_motion")
    assert len(motion) == volume.voxels.shape[3] and set(motion["fate"]) <= {"used", "moved", "dummy"}
    assert (tmp_path / "preview.png").stat().st_size < 150_000


def test_one_volume_is_no_run(data: Path) -> None:
    with pytest.raises(InputError, match="one volume"):
        reader.read(sample(data / "niivue_nifti/fmri_pitch.nii.gz", "fMRI"))


@pytest.mark.parametrize(
    "stem", ["DCM2NIIX_regression_test_4", "DCM2NIIX_regression_test_6", "EPI_PE=AP_3", "EPI_PE=LR_6"]
)
def test_slice_orders_of_both_makers(data: Path, stem: str) -> None:
    """GE interleaved and descending, Siemens interleaved: each slice's weights lie about the middle of the volume."""
    ref = data / "dcm_qa_nih" / "Ref"
    facts = json.loads((ref / f"{stem}.json").read_text())
    volume = reader.read(sample(ref / f"{stem}.nii", "fMRI"))
    assert slice_timing.lack(volume) == "" and volume.slice_axis == 2
    assert volume.slice_times_s == pytest.approx(facts["SliceTiming"])  # stored from foot to head
    assert volume.tr_s == pytest.approx(facts["RepetitionTime"])
    times = np.array(volume.slice_times_s)
    share = slice_timing.weights(times, volume.tr_s)
    reach = np.arange(-slice_timing.REACH, slice_timing.REACH + 1)
    taken = reach @ share * volume.tr_s + times  # moment that the weights stand for
    assert np.abs(taken - volume.tr_s / 2).max() < 0.05 * volume.tr_s
    out = list(slice_timing.corrected(volume.voxels, share, volume.slice_axis))
    assert len(out) == volume.voxels.shape[3]
    assert np.mean(out) == pytest.approx(float(np.mean(volume.voxels)), rel=0.01)
