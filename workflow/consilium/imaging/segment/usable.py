"""Which images the earlier stage let pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consilium.core.sheets import Sample
from consilium.core.store import read_facts


def of(entries: Sequence[dict[str, Any]], samples: Sequence[Sample]) -> dict[str, dict[str, str]]:
    """Patient -> sample -> "" or why it must not be used. entries: of the manifests of stage process."""
    folders = {str(e["patient"]): Path(e["folder"]) for e in entries}
    out: dict[str, dict[str, str]] = {}
    for s in samples:
        file = folders.get(s.patient, Path("absent")) / s.sample / "qc.json"
        verdict = read_facts(file) if file.exists() else None
        why = "refused, see the quarantine list"
        if verdict is not None:
            why = f"excluded by QC: {verdict['reason']}" if verdict["verdict"] == "exclude" else ""
        out.setdefault(s.patient, {})[s.sample] = why
    return out
