"""The profiles against the rules, and what the SLURM profile makes of a rule's resources."""

from __future__ import annotations

import re

import pytest
import yaml
from rule_files import rules_of
from test_dry_runs import FILES, ROOT, Place

RULES = [rule for path in sorted((ROOT / "workflow" / "rules").rglob("*.smk")) for rule in rules_of(path)]
SLURM = yaml.safe_load((ROOT / "profiles" / "slurm" / "profile.yaml").read_text())
DEFAULT = yaml.safe_load((ROOT / "profiles" / "default" / "profile.yaml").read_text())


def stated_memory() -> dict[str, int]:
    found = {rule.name: re.search(r"^ +mem_mb=(\d+)", rule.body, re.M) for rule in RULES}
    return {name: int(match.group(1)) for name, match in found.items() if match}


def test_memory_of_every_rule_grows_with_attempts():
    grows = {rule: words["mem_mb"] for rule, words in SLURM["set-resources"].items() if "mem_mb" in words}
    assert grows == {rule: f"{mb} * attempt" for rule, mb in stated_memory().items()}
    assert SLURM["default-resources"]["mem_mb"].endswith("* attempt")


def test_rules_that_ask_for_a_card_go_to_its_partition():
    asking = {rule.name for rule in RULES if re.search(r"^ +gpu=", rule.body, re.M)}
    sent = {rule for rule, words in SLURM["set-resources"].items() if words.get("slurm_partition") == "gpu"}
    assert asking == sent and asking


def test_retries_stand_in_the_profile_only_and_status_is_asked_of_squeue():
    assert SLURM["retries"] == 2 and SLURM["slurm-status-command"] == "squeue"
    assert not any("retries" in rule.directives for rule in RULES)


def test_the_slurm_profile_is_complete_by_itself():
    assert set(DEFAULT) <= set(SLURM)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Dry run with the SLURM profile, told in full."""
    place = Place(tmp_path_factory.mktemp("slurm"))
    place.write(tuple(FILES))
    profile = place.folder / "profile"
    profile.mkdir()
    (profile / "profile.yaml").write_text(yaml.safe_dump({k: v for k, v in SLURM.items() if k != "quiet"}))
    status, _, said = place.dry_run(profile)
    assert status == 0, said[-3000:]
    return said


def block(said: str, rule: str) -> str:
    return next(part for part in re.split(r"\n(?=(?:local)?rule )", said) if part.startswith(f"rule {rule}:"))


def test_resources_reach_the_jobs(planned):
    train = block(planned, "learn_train")
    assert "gpu=1" in train and "slurm_partition=gpu" in train and "mem_mb=3000" in train
    merge = block(planned, "genomics_merge")
    assert "mem_mb=8000" in merge and "slurm_partition=cpu" in merge and "runtime=60" in merge
    assert "mem_mb=1500" in block(planned, "learn_folds")
