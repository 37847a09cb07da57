"""on_bad_input: stop: the list of broken files comes before any other job, with exit code 1."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_stop_names_every_broken_file_before_any_other_job(workspace):
    place = workspace("stop")
    place.make_cohort(8, faults=True)
    place.configure(on_bad_input="stop")
    done = place.snakemake()
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in said
    assert not (place.folder / "results/demo/patients").exists()
    broken = place.truth("faults")
    missing = [f for f in broken["file"] if Path(f).name not in said]
    # Some faults only show when pixels or reads are measured; what headers and parsing show must be there.
    assert len(missing) <= len(broken) // 3, missing
