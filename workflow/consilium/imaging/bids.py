"""Names and sidecars of the kept images after BIDS derivatives (bids-specification.readthedocs.io, 1.10)."""

from __future__ import annotations

import re
from typing import Any

from consilium.core.sheets import Sample
from consilium.imaging.volume import Volume

SUFFIX = {"T1": "T1w", "T2": "T2w", "FLAIR": "FLAIR", "fMRI": "boldref", "CT": "ct", "PET": "pet", "mask": "mask"}
TEMPLATE = "MNI152NLin2009aSym"
UNITS = {"HU": "HU", "SUV": "SUV", "Bq/ml": "Bq/mL"}


def stem(sample: Sample, registered: bool) -> str:
    """File name without its ending: sub-P001_run-2_space-…_desc-…_T1w.

    registered: whether the image lies on the template's grid, brain only; else it is the image's own space, coarse.
    The patient's name loses what BIDS labels may not hold (all but letters and digits).
    """
    run = sample.sample.removeprefix(sample.kind).removeprefix("-")
    description = "lesion" if sample.kind == "mask" else "brain" if registered else "coarse"
    parts = [
        "sub-" + re.sub("[^A-Za-z0-9]", "", sample.patient),
        "task-unnamed" if sample.kind == "fMRI" else "",
        f"run-{run}" if run else "",
        f"space-{TEMPLATE}" if registered else "space-orig",
        f"desc-{description}",
        SUFFIX[sample.kind],
    ]
    return "_".join(p for p in parts if p)


def sidecar(image: Volume, registered: bool) -> dict[str, Any]:
    """Facts of the acquisition that may be kept, and what was done to the image."""
    facts: dict[str, Any] = {**image.sidecar, "SkullStripped": registered}
    if image.tr_s is not None:
        facts["RepetitionTime"] = image.tr_s
    if image.unit in UNITS:
        facts["Units"] = UNITS[image.unit]
    return dict(sorted(facts.items()))
