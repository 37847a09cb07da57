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


@pytest.fixture(scope="session")
def small(two_penalties, tmp_path_factory):
    """(problem, model, folder of the bundle) of bundle_made: only to be read."""
    import bundle_made

    p, model, held = bundle_made.made()
    return p, model, bundle_made.bundle(tmp_path_factory.mktemp("small") / "made", p, model, held)
