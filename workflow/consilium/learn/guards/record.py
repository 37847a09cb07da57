"""One check's verdict, and what a failed one does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consilium.core.errors import InputError, Problem

Gate = dict[str, Any]


def gate(name: str, verdict: str, detail: str, **figures: Any) -> Gate:
    """verdict: pass, warn, fail or not assessed; passed: False only for fail, None where not assessed."""
    passed = None if verdict == "not assessed" else verdict != "fail"
    return {"gate": name, "verdict": verdict, "passed": passed, "detail": detail, "figures": figures}


@dataclass(frozen=True)
class Guards:
    """Section `learn.guards`. strict: names of guards whose warnings count as failures; allow: features known to be
    known before the outcome, as room/block: feature."""

    on_fail: str = "withhold"
    strict: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> Guards:
        given = json.loads(text)
        return cls(given.get("on_fail", "withhold"), tuple(given.get("strict", ())), tuple(given.get("allow", ())))

    def judged(self, gates: Sequence[Gate]) -> list[Gate]:
        """`gates` with the warnings of strict guards as failures."""
        return [
            g | {"verdict": "fail", "passed": False} if g["verdict"] == "warn" and g["gate"] in self.strict else g
            for g in gates
        ]

    def why_stopped(self, gates: Sequence[Gate]) -> str:
        """What the task's status says when a guard failed; "" when none did or failures only warn."""
        failed = [g for g in gates if g["verdict"] == "fail"]
        if not failed or self.on_fail == "warn":
            return ""
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"stopped by guard '{failed[0]['gate']}'{more}: {failed[0]['detail']}"

    def stop(self, why: str, task: str, file: str) -> None:
        """InputError when a guard stopped the task and the configuration wants the run to end then."""
        if why and self.on_fail == "stop":
            mend = "see docs/methods/learn/guards.md; learn.guards.on_fail: withhold lets the other tasks go on"
            raise InputError(Problem(file, f"task '{task}' {why}", "no leak", mend))
