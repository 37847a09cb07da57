"""What differs between two bundles: inputs, coefficients, calibration, performance, gates, versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from consilium.learn.bundle import apply as applying

Facts = dict[str, Any]
LISTED = 10


def difference(a: Path, b: Path) -> Facts:
    """Facts of bundle `b` against `a`; both are verified first."""
    one, two = applying.verified(a), applying.verified(b)
    tasks = {t["name"]: t for t in one["tasks"]}, {t["name"]: t for t in two["tasks"]}
    both = sorted(set(tasks[0]) & set(tasks[1]))
    return {
        "a": str(a), "b": str(b), "same": one["files"] == two["files"], "files": changed(one["files"], two["files"]),
        "cohort": [one["cohort"], two["cohort"]], "seed": [one["seed"], two["seed"]],
        "code": [one["code"], two["code"]], "parent": [one.get("parent"), two.get("parent")],
        "versions": {k: [one["versions"].get(k), two["versions"].get(k)]
                     for k in sorted({*one["versions"], *two["versions"]})
                     if one["versions"].get(k) != two["versions"].get(k)},
        "only_a": sorted(set(tasks[0]) - set(tasks[1])), "only_b": sorted(set(tasks[1]) - set(tasks[0])),
        "tasks": {t: _task(a / t, b / t) if _whole(tasks[0][t], tasks[1][t]) else
                  {"status": [tasks[0][t]["status"], tasks[1][t]["status"]]} for t in both},
    }  # fmt: skip


def _whole(one: Facts, two: Facts) -> bool:
    return bool(one["status"] == two["status"] == "assessed")


def changed(one: dict[str, str], two: dict[str, str]) -> Facts:
    """Names that were added, removed or whose content (hash) is another."""
    return {"added": sorted(set(two) - set(one)), "removed": sorted(set(one) - set(two)),
            "changed": sorted(k for k in set(one) & set(two) if one[k] != two[k])}  # fmt: skip


def _read(folder: Path, name: str) -> Any:
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _task(a: Path, b: Path) -> Facts:
    models = _read(a, "model.json"), _read(b, "model.json")
    calibrations = _read(a, "calibration.json"), _read(b, "calibration.json")
    shipped = [c[m["choice"]] for c, m in zip(calibrations, models, strict=True)]
    return {
        "status": ["assessed", "assessed"], "choice": [m["choice"] for m in models],
        "classes": [m["classes"] for m in models],
        "settings": {k: [m["settings"].get(k) for m in models]
                     for k in sorted({*models[0]["settings"], *models[1]["settings"]})
                     if models[0]["settings"].get(k) != models[1]["settings"].get(k)},
        "blocks": inputs(_read(a, "dictionary.json"), _read(b, "dictionary.json")),
        "coefficients": coefficients(_read(a, "baselines.json"), _read(b, "baselines.json")),
        "calibration": None if shipped[0] == shipped[1] else shipped,
        "conformal": None if _read(a, "conformal.json") == _read(b, "conformal.json") else
        [_read(a, "conformal.json"), _read(b, "conformal.json")],
        "performance": _performance(_read(a, "performance.json"), _read(b, "performance.json")),
        "gates": _gates(_read(a, "gates.json"), _read(b, "gates.json")),
        "recalibration": [_read(a, "recalibration.json"), _read(b, "recalibration.json")],
    }  # fmt: skip


def inputs(one: Facts, two: Facts) -> Facts:
    """Blocks and features that were added or removed, and units that changed."""
    out: Facts = {"added": sorted(set(two) - set(one)), "removed": sorted(set(one) - set(two)), "features": {}}
    for name in sorted(set(one) & set(two)):
        old, new = ({f["name"]: f["unit"] for f in d[name]["features"]} for d in (one, two))
        found = {"added": sorted(set(new) - set(old)), "removed": sorted(set(old) - set(new)),
                 "units": {f: [old[f], new[f]] for f in sorted(set(old) & set(new)) if old[f] != new[f]}}  # fmt: skip
        if any(found.values()):
            out["features"][name] = found
    return out


def coefficients(one: list[Facts], two: list[Facts]) -> Facts:
    """Per block: number of coefficients that differ, and those that moved most (class by class; absent = 0)."""
    first, second = ({b["block"]: {r[0]: r[1:] for r in b["coefficients"]} for b in x} for x in (one, two))
    out: Facts = {}
    for block in sorted(set(first) & set(second)):
        old, new = first[block], second[block]
        width = len(next(iter([*old.values(), *new.values()]), []))
        none = [0.0] * width
        moves = [
            {"feature": f, "class": k, "a": old.get(f, none)[k], "b": new.get(f, none)[k],
             "change": new.get(f, none)[k] - old.get(f, none)[k]}
            for f in sorted(set(old) | set(new)) for k in range(width)
        ]  # fmt: skip
        moves = [m for m in moves if m["change"]]
        moves.sort(key=lambda m: (-abs(m["change"]), m["feature"]))
        if moves:
            out[block] = {"changed": len(moves), "largest": moves[:LISTED]}
    return out


def _performance(one: list[Facts] | None, two: list[Facts] | None) -> list[Facts]:
    old, new = ({r["metric"]: r for r in x or []} for x in (one, two))
    keep = ("value", "lower", "upper", "n")
    return [{"metric": m, "a": {k: old[m][k] for k in keep}, "b": {k: new[m][k] for k in keep}}
            for m in sorted(set(old) & set(new)) if old[m] != new[m]]  # fmt: skip


def _gates(one: Facts, two: Facts) -> Facts:
    old, new = ({g["gate"]: g["verdict"] for g in x["gates"]} for x in (one, two))
    return {g: [old.get(g), new.get(g)] for g in sorted({*old, *new}) if old.get(g) != new.get(g)}


def text(facts: Facts) -> str:
    """The same to read."""
    if facts["same"]:
        return "the two bundles hold the same files"
    f = facts["files"]
    lines = [f"files: {len(f['changed'])} changed, {len(f['added'])} added, {len(f['removed'])} removed"]
    for key in ("cohort", "seed", "code", "parent"):
        if facts[key][0] != facts[key][1]:
            lines.append(f"{key}: {facts[key][0]} -> {facts[key][1]}")
    lines += [f"version of {k}: {v[0]} -> {v[1]}" for k, v in facts["versions"].items()]
    lines += [f"task only in a: {t}" for t in facts["only_a"]] + [f"task only in b: {t}" for t in facts["only_b"]]
    for name, task in facts["tasks"].items():
        lines += [f"task {name}:", *(f"  {line}" for line in _task_lines(task))]
    return "\n".join(lines)


def _task_lines(task: Facts) -> list[str]:
    if "choice" not in task:
        return [f"status {task['status'][0]} -> {task['status'][1]}"]
    lines = [f"{key} {task[key][0]} -> {task[key][1]}" for key in ("choice", "classes") if task[key][0] != task[key][1]]
    lines += [f"setting {k}: {v[0]} -> {v[1]}" for k, v in task["settings"].items()]
    blocks = task["blocks"]
    lines += [f"block {what}: {', '.join(blocks[what])}" for what in ("added", "removed") if blocks[what]]
    for block, found in blocks["features"].items():
        lines += [f"{block}: {what} {', '.join(found[what][:LISTED])}" for what in ("added", "removed") if found[what]]
        lines += [f"{block}: {f} in {u[0]} -> {u[1]}" for f, u in found["units"].items()]
    for block, found in task["coefficients"].items():
        top = ", ".join(f"{m['feature']} {m['a']:+.3g} -> {m['b']:+.3g}" for m in found["largest"][:3])
        lines.append(f"{block}: {found['changed']} coefficients changed, most: {top}")
    if task["calibration"]:
        a, b = task["calibration"]
        lines.append(f"calibration: scale {a['scale']:.3f} -> {b['scale']:.3f}, bias {a['bias']} -> {b['bias']}")
    if task["conformal"]:
        a, b = task["conformal"]
        lines.append(f"conformal thresholds: {a and a.get('thresholds')} -> {b and b.get('thresholds')}")
    lines += [f"{r['metric']}: {r['a']['value']:.3f} -> {r['b']['value']:.3f}" for r in task["performance"]]
    lines += [f"gate '{g}': {v[0]} -> {v[1]}" for g, v in task["gates"].items()]
    return lines or ["no difference in what is compared"]
