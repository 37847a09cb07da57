"""The number of cores never shows in a byte: predictions, reports, features, bundle."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest

pytestmark = pytest.mark.slow
# Enough for folds that are assessed; images of two, who have every kind between them, as DICOM and as NIfTI.
PATIENTS, WITH_IMAGES = 32, ("P002", "P003")


@pytest.fixture(scope="module")
def place(workspace):
    made = workspace("cores")
    made.make_cohort(PATIENTS, chunk_size=16)
    # What is left out goes the same path again, several times.
    task = {"name": "diagnosis", "type": "classification", "outcome": "diagnosis"}
    without = {"permutation_control": False, "planted_control": False, "leave_one_site_out": False}
    made.configure(learn={**without, "tasks": [task]})
    people = made.folder / "demo" / "patients.tsv"
    table = pd.read_csv(people, sep="\t", dtype=str, keep_default_na=False)
    table.drop(columns=["survival_days", "event"]).to_csv(people, sep="\t", index=False)
    sheet = made.folder / "demo" / "samples.tsv"
    rows = [line.split("\t") for line in sheet.read_text().splitlines()]
    kept = [row for row in rows if row[1] != "imaging" or row[0] in WITH_IMAGES]
    sheet.write_text("\n".join("\t".join(row) for row in kept) + "\n")
    return made


def _run(place, cores: int) -> dict[str, str]:
    """Relative path -> hash of every file that a run leaves, logs aside; the results are moved out of the way."""
    done = place.snakemake(cores=cores)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    root = place.folder / "results" / "demo"
    gates = json.loads((root / "cohort/learn/diagnosis/gates.json").read_text())
    assert gates["status"] == "assessed", gates
    files = [p for p in sorted(root.rglob("*")) if p.is_file() and "logs" not in p.relative_to(root).parts]
    hashes = {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    root.parent.rename(place.folder / f"results_{cores}")
    return hashes


def test_one_core_and_two_cores_give_the_same_bytes(place):
    one, two = _run(place, 1), _run(place, 2)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert any("predictions.tsv" in name for name in one) and any(name.endswith("report.html") for name in one)
