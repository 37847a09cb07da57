"""Where the project and the folder of real data are."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, and no limit of time: how long one takes is no finding on a busy machine.
# HYPOTHESIS=explore looks for new ones, and more of them.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS", "fixed"))

STARTS: dict[str, dict[str, object]] = {}  # module -> state of its RNG as imported
ROOT = Path(__file__).resolve().parents[1]
# As jobs of the workflow run: several threads in each of several processes wait for one another.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def pytest_configure() -> None:
    """Programs that tests start find the package as pytest itself does."""
    os.environ["PYTHONPATH"] = str(ROOT / "workflow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first: begun last, they leave the other processes idle at the end."""
    items.sort(key=lambda item: "test_lint" not in item.nodeid)
    for module in {item.module for item in items if hasattr(getattr(item, "module", None), "RNG")}:
        STARTS[module.__name__] = module.RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest) -> None:
    """A module's own generator begins anew for every test, whatever ran before on the same worker."""
    if request.module.__name__ in STARTS:
        request.module.RNG.bit_generator.state = STARTS[request.module.__name__]


@pytest.fixture(autouse=True)
def numbers_as_before() -> Iterator[None]:
    """A network that was trained in this process leaves denormal numbers as they are for the tests after it."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CONSILIUM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real data at {folder} (set CONSILIUM_DATA)")
    return folder
