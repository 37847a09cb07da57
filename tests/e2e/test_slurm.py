"""The SLURM profile against a real scheduler: jobs are submitted, GPU rules get their own card, the same files come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from slurm import Cluster

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    lacking = Cluster.lacking()
    if lacking:
        pytest.skip(f"no SLURM on this machine: {', '.join(lacking)}")
    running = Cluster(tmp_path_factory.mktemp("slurm"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Forty patients with an expression matrix in which ten genes tell two classes apart."""
    rng = np.random.default_rng(1)
    classes = np.arange(40) % 2
    values = rng.normal(size=(40, 60))
    values[:, :10] += classes[:, None] * 1.5
    people = [f"P{i:02d}" for i in range(40)]
    rows = ["patient\tsex\tgroup", *(f"{p}\tfemale\tclass{c}" for p, c in zip(people, classes, strict=True))]
    (tmp_path / "patients.tsv").write_text("\n".join(rows) + "\n")
    rows = ["patient\t" + "\t".join(f"GENE{j}" for j in range(60))]
    rows += [f"{p}\t" + "\t".join(f"{v:.4f}" for v in line) for p, line in zip(people, values, strict=True)]
    (tmp_path / "expression.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "samples.tsv").write_text("patient\tmodality\tkind\tpath\n*\tomics\texpression\texpression.tsv\n")
    (tmp_path / "config.yaml").write_text(
        "cohort: small\npatients: patients.tsv\nsamples: samples.tsv\n"
        "learn: {outer_folds: 2, inner_folds: 3, network_seeds: 1, epochs: [3],"
        " permutation_control: false, planted_control: false,"
        " tasks: [{name: group, type: classification, outcome: group}]}\n"
    )
    return tmp_path


def test_the_profile_runs_jobs_through_the_scheduler(cluster, cohort):
    environment = os.environ | cluster.environment
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    target = "results/small/cohort/learn/group/predictions.tsv"
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", cohort,
            "--configfile", cohort / "config.yaml", "--workflow-profile", ROOT / "profiles/slurm",
            "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
            "--seconds-between-status-checks", "1", target,
        ],
        cwd=cohort, env=environment, capture_output=True, text=True, timeout=480, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert (cohort / target).exists()
    jobs = subprocess.run(
        ["scontrol", "show", "jobs"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert jobs.count("JobState=COMPLETED") >= 4
    training = [job for job in jobs.split("\n\n") if "rule_learn_train" in job]
    assert training, jobs[-3000:]
    for job in training:
        assert "Partition=gpu" in job and "gres/gpu" in job.replace("gres:gpu", "gres/gpu"), job
