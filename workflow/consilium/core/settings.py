"""The configuration: checked against its JSON Schema, defaults filled in, every problem at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from consilium.core.errors import InputError, Problem
from consilium.core.sheets import BRACES, PATIENT_COLUMNS, Patient, has_brace, is_there

SCHEMA = Path(__file__).resolve().parents[3] / "config" / "schemas" / "config.schema.json"
RECALIBRATED_FROM = 50  # known outcomes of a task


def validated(config: dict[str, Any], name: str = "config") -> dict[str, Any]:
    """`config` with the schema's defaults. Raises InputError naming every key that is unknown or wrong."""
    import jsonschema

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    filled = _with_defaults(config, schema)
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(filled), key=lambda e: list(map(str, e.path)))
    problems = [_problem(name, e) for e in errors]
    if not problems:
        problems = list(_beyond_schema(filled, name))
    if problems:
        raise InputError(problems)
    return filled


def file_problems(config: dict[str, Any], name: str = "config") -> list[Problem]:
    """Files and folders that a validated `config` names and that are not there (a default is found by itself), or that
    no rule can name."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    named = list(_named_files(config, schema, ""))
    places = [(key, config[key]) for key in ("results", "patients", "samples", "bundle")]
    braces = [(key, path) for key, path, *_ in [*places, *named] if has_brace(str(path or ""))]
    return [Problem(name, f"{key} = '{path}'", *BRACES) for key, path in braces] + [
        Problem(name, f"{key} = '{path}', which does not exist", "an existing file or folder",
                "correct the path (relative paths start where snakemake is called), or leave the key out")
        for key, path, default in named
        if path and path != default and not is_there(path)
    ]  # fmt: skip


def _named_files(value: Any, schema: dict[str, Any], key: str) -> Iterator[tuple[str, Any, Any]]:
    """(key, value, default) of every setting of format file."""
    if schema.get("format") == "file":
        yield key, value, schema.get("default")
    elif isinstance(value, dict):
        for name, sub in schema.get("properties", {}).items():
            if name in value:
                yield from _named_files(value[name], sub, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _named_files(one, schema.get("items", {}), f"{key}.{place}")


def outcome_columns(config: dict[str, Any]) -> list[str]:
    """Columns of patients.tsv that the config names beyond the fixed ones."""
    columns: list[str] = []
    for task in [*config["learn"]["tasks"], *bundle_tasks(config)]:
        columns += [task[k] for k in ("outcome", "time", "event", "split") if task.get(k)]
    for analysis in config["genomics"]["association"]:
        columns += [analysis["outcome"], *(c for c in analysis["covariates"] if c not in ("age", *PATIENT_COLUMNS))]
    effect = config["treatment"]["effect"]
    if effect:
        columns += [effect["treatment"], effect["outcome"]]
    return list(dict.fromkeys(columns))


def bundle_tasks(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Mode apply: tasks of the bundle, with the columns that hold their outcomes; none where it cannot be read."""
    return _read_tasks(config)[0]


def bundle_problems(config: dict[str, Any], name: str = "config") -> list[Problem]:
    """Mode apply: a bundle that cannot be read, tasks that it does not have or reads from other columns."""
    tasks, failure = _read_tasks(config)
    if failure:
        return [Problem(name, f"bundle = '{config['bundle']}', where {failure}",
                        "the folder bundle of a training run, whole", "name results/<cohort>/bundle")]  # fmt: skip
    if config["mode"] != "apply":
        return []
    known = {task["name"]: task for task in tasks}
    out = []
    for place, task in enumerate(config["learn"]["tasks"]):
        where, trained = f"learn.tasks.{place}", known.get(task["name"])
        if trained is None:
            out.append(Problem(name, f"{where} is '{task['name']}', which the bundle does not predict",
                               ", ".join(known), "leave it out: the bundle's tasks are predicted"))  # fmt: skip
            continue
        for key in ("outcome", "time", "event"):
            if task.get(key) and task[key] != trained.get(key, task[key]):
                out.append(Problem(name, f"{where}.{key} = '{task[key]}'", f"'{trained[key]}', as at training",
                                   "rename the column of the patient sheet, or leave the task out"))  # fmt: skip
    return out


def recalibration_problems(config: dict[str, Any], people: Sequence[Patient], name: str = "config") -> list[Problem]:
    """Outcomes too few for every task of the bundle, which else would be found at the end of the run."""
    tasks = bundle_tasks(config)
    if not config["learn"]["recalibrate"] or not tasks:
        return []
    columns = [[task[k] for k in ("outcome", "time", "event") if task.get(k)] for task in tasks]
    known = [sum(all(p.outcomes.get(c) for c in needed) for p in people) for needed in columns]
    if max(known) >= RECALIBRATED_FROM:
        return []
    said = ", ".join(f"{n} patients have an outcome of {t['name']}" for t, n in zip(tasks, known, strict=True))
    return [Problem(name, f"learn.recalibrate = true, and {said}", f"{RECALIBRATED_FROM} known outcomes of one task",
                    "collect more outcomes, or set learn.recalibrate to false")]  # fmt: skip


def _read_tasks(config: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """(tasks, why they cannot be read)."""
    if config["mode"] != "apply":
        return [], ""
    path = Path(config["bundle"], "manifest.json")
    if not is_there(str(path)):
        return [], f"no {path.name} is"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return [{**task, "name": task["name"]} for task in manifest["tasks"]], ""
    except (OSError, ValueError, KeyError, TypeError):
        return [], f"{path.name} is no bundle's"


def _with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        out = dict(value)
        for key, sub in schema["properties"].items():
            if key not in out and "default" in sub:
                out[key] = sub["default"]
            if key in out:
                out[key] = _with_defaults(out[key], sub)
        return out
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_with_defaults(v, schema["items"]) for v in value]
    return value


def _problem(name: str, error: Any) -> Problem:
    where = ".".join(str(p) for p in error.absolute_path)
    schema, place = error.schema, f"in '{where or 'the top level'}'"
    if error.validator == "additionalProperties":
        unknown = [key for key in error.instance if key not in schema["properties"]]
        found = f"unknown key {place}: " + ", ".join(f"'{key}'" for key in unknown)
        meant = {key: get_close_matches(str(key), schema["properties"], 1) for key in unknown}
        guess = "".join(f" ('{m[0]}' for '{key}'?)" for key, m in meant.items() if m)
        return Problem(name, found, ", ".join(schema["properties"]), "remove it or correct its spelling" + guess)
    if error.validator == "required":
        (key, *_) = (k for k in schema["required"] if k not in error.instance and f"'{k}'" in error.message)
        return Problem(name, f"no key '{key}' {place}", allowed_by(schema["properties"][key]), "add it")
    return Problem(
        name, f"{where} = {error.instance!r}", allowed_by(schema), schema.get("description", "see the manual")
    )


_KINDS = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false",
          "array": "a list", "object": "keys with values", "null": "null"}  # fmt: skip
_BOUNDS = {"minimum": "at least {}", "exclusiveMinimum": "above {}", "maximum": "at most {}",
           "exclusiveMaximum": "below {}", "multipleOf": "a multiple of {}", "pattern": "that fits {}",
           "minLength": "of {} characters or more", "minItems": "of {} entries or more",
           "maxItems": "of {} entries or fewer"}  # fmt: skip


def allowed_by(schema: dict[str, Any]) -> str:
    """What a part of the schema allows, in words."""
    if choice := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return ", ".join(v if isinstance(v, str) else json.dumps(v) for v in choice)
    if "anyOf" in schema:
        return " or ".join(allowed_by(option) for option in schema["anyOf"])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = [" or ".join(_KINDS[kind] for kind in kinds)] if kinds else []
    return ", ".join([*words, *(said.format(schema[key]) for key, said in _BOUNDS.items() if key in schema)])


def _beyond_schema(config: dict[str, Any], name: str) -> Iterator[Problem]:
    names = [t["name"] for t in config["learn"]["tasks"]]
    for task in sorted({n for n in names if names.count(n) > 1}):
        yield Problem(name, f"two tasks named '{task}'", "each name once", "rename one")
    analyses = [a["name"] for a in config["genomics"]["association"]]
    for name_of in sorted({n for n in analyses if analyses.count(n) > 1}):
        yield Problem(name, f"two association analyses named '{name_of}'", "each name once", "rename one")
    for analysis in config["genomics"]["association"]:
        for covariate in sorted({*analysis["covariates"]} & {*PATIENT_COLUMNS} - {"sex", "site"}):
            yield Problem(name, f"covariate '{covariate}' in association '{analysis['name']}'",
                          "age, sex, site, or a further column of the patient sheet", "name one of these")  # fmt: skip
    for task in config["learn"]["tasks"]:
        needed = ("time", "event") if task["type"] == "survival" else ("outcome",)
        for key in needed:
            if not task.get(key):
                yield Problem(name, f"task '{task['name']}' ({task['type']}) has no '{key}'",
                              f"a column of the patient sheet under '{key}'", "add it")  # fmt: skip
        if (task["type"] == "ordinal") != (len(set(task.get("levels", ()))) >= 3):
            yield Problem(name, f"task '{task['name']}' ({task['type']}) with levels {task.get('levels', [])}",
                          "three or more different levels, lowest first, in tasks of type ordinal and no other",
                          "correct type or levels")  # fmt: skip
    yield from _windows(config["genomics"], name)
    low, high = config["imaging"]["fmri"]["band_hz"]
    if low >= high:
        yield Problem(name, f"imaging.fmri.band_hz = [{low}, {high}]", "[lowest, highest] frequency in Hz", "swap them")
    if config["mode"] == "apply" and not config["bundle"]:
        yield Problem(name, "mode apply without a bundle", "bundle: folder of a trained bundle", "name the folder")
    if config["mode"] == "train" and config["bundle"]:
        yield Problem(name, f"mode train with bundle = '{config['bundle']}', which nothing would read",
                      "mode: apply with a bundle, or mode: train without", "correct the one or the other")  # fmt: skip
    if config["mode"] == "train" and config["learn"]["recalibrate"]:
        yield Problem(name, "mode train with learn.recalibrate = true", "mode: apply, whose bundle it recalibrates",
                      "correct the one or the other")  # fmt: skip


def _windows(genomics: dict[str, Any], name: str) -> Iterator[Problem]:
    """What genomics.windows needs besides its own keys."""
    asked = genomics["windows"]
    if not asked["length"]:
        return
    if asked["length"] % 2 == 0 or asked["length"] < 15:
        yield Problem(name, f"genomics.windows.length = {asked['length']}", "an odd number from 15 on, or 0",
                      "correct it")  # fmt: skip
    gff = str(genomics["gff"] or "")
    needed = {
        "genomics.reference": genomics["reference"],
        "genomics.windows.regions, genomics.gff or genomics.genes_bed": asked["regions"]
        or gff
        or genomics["genes_bed"],
        "genomics.frequencies (select: rare)": asked["select"] != "rare" or genomics["frequencies"],
        "a GFF3 under genomics.gff (select: consequence)": asked["select"] != "consequence"
        or (gff and ".bed" not in Path(gff).suffixes),
    }
    for key, given in needed.items():
        if not given:
            yield Problem(name, "genomics.windows without " + key, "that file", "supply it, or set windows.length to 0")
