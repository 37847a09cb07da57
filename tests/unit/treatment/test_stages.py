"""The two stages from their files to their files, through the command line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from consilium.core.store import read_facts, read_table, write_features, write_table
from consilium.treatment import stages

IDS = [f"P{i:02d}" for i in range(50)]


@pytest.fixture
def sheet(tmp_path):
    rng = np.random.default_rng(1)
    rows = ["patient\tsex\tbirth_year\tindex_date\tarm\tresponse"]
    for i, patient in enumerate(IDS):
        arm = ("a", "b")[i % 2]
        rows.append(f"{patient}\t{('female', 'male')[i % 3 == 0]}\t{1940 + i}\t2020-01-01\t{arm}\t{rng.normal():.3f}")
    path = tmp_path / "patients.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


def features(tmp_path):
    """Labs of half of the patients; `.mean` must not be used."""
    values = np.random.default_rng(2).normal(size=(len(IDS), 2)).astype("float32")
    present = np.arange(len(IDS)) % 2 == 0
    values[~present] = np.nan
    block = xr.Dataset(
        {"values": (("patient", "feature"), values), "present": ("patient", present),
         "reason": ("patient", np.where(present, "", "not supplied"))},
        coords={"patient": np.array(IDS), "feature": np.array(["sodium.last", "sodium.mean"]),
                "unit": ("feature", np.array(["mmol/L", "mmol/L"]))},
        attrs={"room": "ehr", "title": "Labs", "layout": "table"},
    )  # fmt: skip
    path = tmp_path / "ehr.zarr.zip"
    write_features(path, {"summary": block})
    return path


@pytest.mark.slow
def test_effects_from_the_command_line_and_once_more_the_same_bytes(tmp_path, sheet, root):
    store = features(tmp_path)
    kin = tmp_path / "kinship.tsv"
    pair = {"patient_a": "P00", "patient_b": "P01", "n_sites": 900, "ibs0": 0.0, "kinship": 0.25,
            "relationship": "first degree"}  # fmt: skip
    write_table(kin, "kinship", pd.DataFrame([pair | {"same_family_in_sheet": False}]))
    one, two = tmp_path / "one", tmp_path / "two"
    subprocess.run(
        [sys.executable, root / "scripts/treatment.py", "effects", "--patients", sheet, "--treatment", "arm",
         "--outcome", "response", "--seed", "1", "--option", "a", "--lower-is-better", "--features", store,
         "--kinship", kin, "--effects", one / "effects.tsv", "--summary", one / "effects_summary.json"],
        check=True,
    )  # fmt: skip
    stages.effects(
        patients=sheet, treatment="arm", outcome="response", seed=1, option="a", lower_is_better=True,
        features=[store], kinship=kin, effects=two / "effects.tsv", summary=two / "effects_summary.json",
    )  # fmt: skip
    made = [[(out / f).read_bytes() for f in ("effects.tsv", "effects_summary.json")] for out in (one, two)]
    assert made[0] == made[1]
    table = read_table(tmp_path / "one" / "effects.tsv", "effects")
    facts = read_facts(tmp_path / "one" / "effects_summary.json")
    assert list(table["patient"]) == IDS and set(table["option"]) == {"a"} and set(table["reference"]) == {"b"}
    assert facts["outcome"] == "response (lower is better)" and facts["status"] == "assessed"
    assert "ehr/summary: sodium.last" in facts["covariates"]
    assert not [c for c in facts["covariates"] if "mean" in c]


def drug_list(tmp_path):
    path = tmp_path / "drugs.tsv"
    rows = [{"patient": p, "drug": d, "supplied_as": d} for p, d in (("P00", "clopidogrel"), ("P01", "codeine"))]
    blank = {"dose": float("nan"), "unit": "", "start": "", "stop": ""}
    write_table(path, "drugs", pd.DataFrame([r | blank for r in rows]))
    return path


def test_guidelines_with_and_without_genomes(tmp_path, sheet, root):
    table = root / "resources" / "guidelines.tsv"
    out = tmp_path / "guidelines.tsv"
    stages.guidelines(sheet, drug_list(tmp_path), table, out)
    found = read_table(out, "guidelines")
    assert set(found["status"]) == {"not assessed"}
    assert found.loc[0, "reason"] == "genome not supplied"
    stars = tmp_path / "pharmacogenes.tsv"
    write_table(stars, "pharmacogenes", pd.DataFrame([{
        "patient": "P00", "gene": "CYP2C19", "diplotypes": "*2/*2", "phenotypes": "Poor Metabolizer",
        "activity_score": float("nan"), "call": "called", "excluded_probability": 0.0, "untested": 0, "phased": True,
        "reason": "", "origin": "genotypes",
    }]))  # fmt: skip
    stages.guidelines(sheet, drug_list(tmp_path), table, out, stars)
    found = read_table(out, "guidelines")
    assert list(found.loc[found["patient"] == "P00", "status"]) == ["action"] * 3
    assert set(found["patient"]) == {"P00", "P01"}


def test_an_empty_drug_list_is_an_empty_table(tmp_path, sheet, root):
    drugs, out = tmp_path / "drugs.tsv", tmp_path / "guidelines.tsv"
    columns = ["patient", "drug", "dose", "unit", "start", "stop", "supplied_as"]
    write_table(drugs, "drugs", pd.DataFrame(columns=columns))
    stages.guidelines(sheet, drugs, root / "resources" / "guidelines.tsv", out)
    assert read_table(out, "guidelines").empty
