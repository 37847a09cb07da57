import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # learn_cohorts: the folder's own helpers


@pytest.fixture(autouse=True, scope="session")
def two_penalties():
    """Two penalties instead of five, for time."""
    from consilium.learn.models import linear

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "GRID", linear.SMALL_GRID)
        yield
