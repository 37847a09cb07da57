"""The number of cores never shows in a byte: predictions, reports, features, bundle."""

from __future__ import annotations

import hashlib

import pytest

pytestmark = pytest.mark.slow
PATIENTS, WITH_IMAGES = 22, ("P001", "P002", "P003")


def _run(workspace, cores: int) -> dict[str, str]:
    """Relative path -> hash of every file that a run leaves, logs aside."""
    place = workspace(f"cores{cores}_")
    place.make_cohort(PATIENTS)
    sheet = place.folder / "demo" / "samples.tsv"
    rows = [line.split("\t") for line in sheet.read_text().splitlines()]
    kept = [row for row in rows if row[1] != "imaging" or row[0] in WITH_IMAGES]
    sheet.write_text("\n".join("\t".join(row) for row in kept) + "\n")
    done = place.snakemake(cores=cores)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    root = place.folder / "results" / "demo"
    files = [p for p in sorted(root.rglob("*")) if p.is_file() and "logs" not in p.relative_to(root).parts]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_one_core_and_two_cores_give_the_same_bytes(workspace):
    one, two = _run(workspace, 1), _run(workspace, 2)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert any("predictions.tsv" in name for name in one) and any(name.endswith("report.html") for name in one)
