"""What a user may choose of the fMRI pipeline (config `imaging: fmri`)."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """dummy_scans: leading volumes to drop, None = found by their brightness. slice_timing: correct it where the
    times are known. motion_regressors: 6 or 24. compcor: components of white matter and CSF, 0 = their means.
    global_signal: remove it too. band_hz: what is kept. scrub_fd_mm: volumes that moved more are left out."""

    dummy_scans: int | None = None
    slice_timing: bool = True
    motion_regressors: int = 24
    compcor: int = 5
    global_signal: bool = False
    band_hz: tuple[float, float] = (0.01, 0.1)
    scrub_fd_mm: float = 0.5

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Settings from the JSON text of the config section; keys that it lacks keep their defaults."""
        found = json.loads(text)
        if found.get("dummy_scans") == "auto":
            found["dummy_scans"] = None
        if "band_hz" in found:
            low, high = found["band_hz"]
            found["band_hz"] = (float(low), float(high))
        return cls(**found)
