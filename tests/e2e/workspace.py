"""A small demo cohort, in a folder of its own, run through the whole workflow."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
RESULTS = "the cohort's results"  # a name that a shell would part

# Enough of learning to go through every rule; how well it learns is judged elsewhere.
QUICK = {"outer_folds": 2, "inner_folds": 3, "network_seeds": 1, "epochs": [4]}


class Workspace:
    """A working directory with a demo cohort; results land in it, nothing outside is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / RESULTS / "demo"
        self.cohort, self.patients = self.results / "cohort", self.results / "patients"

    def make_cohort(self, patients: int, imaged: int, chunk_size: int) -> None:
        """Broken files included; only the first `imaged` patients have images, which cost more than all the rest."""
        command = [sys.executable, ROOT / "scripts/make_cohort.py", "--out", "demo", "--seed", "1", "--faults"]
        done = self._call(*command, "--patients", patients, "--imaged", imaged)
        assert done.returncode == 0, done.stdout + done.stderr
        self.configure(learn=QUICK, chunk_size=chunk_size, results=RESULTS)

    def copy(self, folder: Path) -> Workspace:
        """The same cohort in another folder, without results."""
        shutil.copytree(self.folder / "demo", folder / "demo")
        return Workspace(folder)

    def configure(self, **changes: object) -> None:
        """Change keys of the cohort's config.yaml; dictionaries are merged into their section."""
        path = self.folder / "demo" / "config.yaml"
        config = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(config))

    def forget(self, columns: list[str], known: int) -> None:
        """Empty `columns` of the patient sheet for all but the first `known` patients."""
        path = self.folder / "demo" / "patients.tsv"
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        table.loc[known:, columns] = ""
        table.to_csv(path, sep="\t", index=False)

    def snakemake(self, *args: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
        return self._call(
            sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", self.folder,
            "--configfile", self.folder / "demo/config.yaml", "--workflow-profile", ROOT / "profiles/default",
            "--cores", str(cores), *args,
        )  # fmt: skip

    def _call(self, *command: object) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT / "workflow"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            [str(c) for c in command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def hashes(self) -> dict[str, str]:
        """Relative path -> hash of every file that a run left, logs aside."""
        root = self.results
        files = [p for p in sorted(root.rglob("*")) if p.is_file() and "logs" not in p.relative_to(root).parts]
        return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def truth(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "demo/truth" / f"{name}.tsv", sep="\t", dtype=str, keep_default_na=False)

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.cohort / name, sep="\t", dtype=str, keep_default_na=False)
