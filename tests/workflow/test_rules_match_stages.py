"""Every rule runs an existing stage with its parameters; every stage has a rule; every rule has what it must have."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
from consilium.core.cli import option_name, stages_of
from rule_files import RuleText, helper_flags, room_files, rules_of

RULES = Path(__file__).resolve().parents[2] / "workflow" / "rules"
ROOMS = ("ehr", "genomics", "imaging", "learn", "omics", "report", "text", "treatment")
ALL = [rule for room in ROOMS for path in room_files(RULES, room) for rule in rules_of(path)]


def flags_of_helpers(room: str) -> set[str]:
    return {flag for path in room_files(RULES, room) for flag in helper_flags(path)}


def parameters(rule: RuleText) -> dict[str, inspect.Parameter]:
    stages = stages_of(importlib.import_module(f"consilium.{rule.room}.stages"))
    return {option_name(n): p for n, p in inspect.signature(stages[rule.stage]).parameters.items()}


def test_rules_are_found():
    assert len(ALL) > 20
    assert {p.stem for p in RULES.glob("*.smk")} == {*ROOMS, "common"}
    assert rules_of(RULES / "common.smk") == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_stage_has_exactly_one_rule_and_every_rule_a_stage(room):
    stages = set(stages_of(importlib.import_module(f"consilium.{room}.stages")))
    run = [rule.stage for rule in ALL if rule.room == room]
    assert sorted(run) == sorted(stages)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_a_rule_calls_its_stage_as_it_is(rule):
    assert rule.script == rule.room and rule.name == f"{rule.room}_{rule.stage}"
    own = parameters(rule)
    assert rule.flags <= set(own), f"{rule.name}: options that stage {rule.stage} does not have"
    given = rule.flags | flags_of_helpers(rule.room)
    needed = {flag for flag, p in own.items() if p.default is inspect.Parameter.empty}
    assert needed <= given, f"{rule.name}: options that stage {rule.stage} needs"


@pytest.mark.parametrize("room", ROOMS)
def test_options_that_helpers_add_exist_in_the_room(room):
    known = {flag for rule in ALL if rule.room == room for flag in parameters(rule)}
    assert flags_of_helpers(room) <= known


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_a_rule_has_log_environment_and_the_hash_of_its_code(rule):
    assert {"log", "conda", "params", "shell", "output"} <= rule.directives
    assert not {"run", "script", "retries", "notebook", "wrapper"} & rule.directives
    assert "code" in rule.params and f'code=digest("{rule.room}")' in rule.body
    assert f'ENVS / "{rule.room}.yaml"' in rule.body
    assert rule.shell.rstrip().endswith("> {log:q} 2>&1")


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_names_of_files_are_quoted(rule):
    """A folder's name may hold spaces, quotes and whatever else has a meaning to a shell."""
    assert re.findall(r"\{(?:input|output|log)(?:[.\[][^}:]*)?\}", rule.shell) == []
    assert "'{" not in rule.shell, "quoted by hand: wrong as soon as the name holds a quote"


def test_the_reader_of_rule_files_notices(tmp_path):
    """A wrong option, stage or missing option would be seen."""
    made = tmp_path / "treatment.smk"
    made.write_text(
        'rule treatment_effects:\n    output:\n        "x",\n    params:\n        code=digest("treatment"),\n'
        '    shell:\n        "python $SCRIPTS/treatment.py effects --no-such-flag {input}"\n        " > {log} 2>&1"\n'
    )
    (rule,) = rules_of(made)
    assert rule.flags == {"--no-such-flag"} and rule.stage == "effects" and rule.params == {"code"}
    assert rule.flags - set(parameters(rule)) == {"--no-such-flag"}
