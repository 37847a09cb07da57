"""Small images that the imaging tests share; simulated once per session."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from consilium.simulate.images_brain import Scan, t1


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of real images; tests that need it skip where it is absent."""
    root = Path(os.environ.get("CONSILIUM_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
    if not (root / "imaging").is_dir():
        pytest.skip(f"no real images in {root} (set CONSILIUM_DATA)")
    return root / "imaging"


@pytest.fixture(scope="session")
def head() -> Scan:
    """A simulated T1 head at 4 mm."""
    return t1(0.0, "female", "site_2", np.random.default_rng(5), spacing_mm=4.0)
