"""Writes envs/lock.txt and one envs/<room>.yaml per room from pyproject's extras and the versions installed here.

    python scripts/update_envs.py            write
    python scripts/update_envs.py --check    exit 1 if a file is not what it would write

The lock pins everything that any extra needs; a room's YAML pins what the extras `<room>` and `core` need. Versions are
those of the running environment: install the new ones, run the tests, then run this.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("ehr", "genomics", "imaging", "learn", "omics", "report", "text", "treatment")
# Libraries of a graphics card come with the build of torch that a machine chooses; torch pins them itself.
CARD_LIBRARIES = re.compile(r"(nvidia-|cuda-|triton$)")
HEAD = "# Written by scripts/update_envs.py from pyproject.toml and the installed versions; do not edit.\n"


def extras(pyproject: Path) -> dict[str, list[str]]:
    """Extra -> requirements; "workflow" = what is needed to run Snakemake itself."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    return {"workflow": project["dependencies"], **project["optional-dependencies"]}


def closure(requirements: Iterable[str]) -> dict[str, str]:
    """Name -> installed version of `requirements` and all they need here, by the packages' own metadata."""
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    waiting = [Requirement(r) for r in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if CARD_LIBRARIES.match(name):
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"{requirement} is not installed: install it first, then run this again")
        version = package.version.split("+")[0]  # the registry has no local builds such as 2.13.0+cpu
        if not requirement.specifier.contains(version, prereleases=True):
            sys.exit(f"{name} {version} is installed, but pyproject.toml or a package asks for {requirement}")
        found[name] = version
        for extra in ("", *requirement.extras):
            if (name, extra) not in done:
                done.add((name, extra))
                waiting += _needed(package.requires or [], extra)
    return dict(sorted(found.items()))


def _needed(requires: Iterable[str], extra: str) -> Iterator[Requirement]:
    """Requirements that apply on this platform, and (with `extra`) only because of that extra."""
    surroundings: dict[str, Any] = {**default_environment()}
    for text in requires:
        requirement = Requirement(text)
        marker = requirement.marker
        plain = marker is None or marker.evaluate({**surroundings, "extra": ""})
        asked = marker is None or marker.evaluate({**surroundings, "extra": extra})
        if asked and (not extra or not plain):
            yield requirement


def lock_text(of: dict[str, list[str]]) -> str:
    everything = closure(r for requirements in of.values() for r in requirements)
    return HEAD + "".join(f"{name}=={version}\n" for name, version in everything.items())


def room_text(of: dict[str, list[str]], room: str) -> str:
    pins = closure([*of["core"], *of[room]])
    lines = "".join(f"      - {name}=={version}\n" for name, version in pins.items())
    return (
        f"{HEAD}channels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n{lines}"
    )


def texts(pyproject: Path) -> dict[str, str]:
    """File name in envs/ -> its content."""
    of = extras(pyproject)
    return {"lock.txt": lock_text(of), **{f"{room}.yaml": room_text(of, room) for room in ROOMS}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    check = parser.parse_args().check
    folder = ROOT / "envs"
    wanted = texts(ROOT / "pyproject.toml")
    stale = [n for n, t in wanted.items() if not (folder / n).exists() or (folder / n).read_text(encoding="utf-8") != t]
    if check:
        sys.exit(f"stale: {', '.join(stale)}; run python scripts/update_envs.py" if stale else 0)
    folder.mkdir(exist_ok=True)
    for name in stale:
        (folder / name).write_text(wanted[name], encoding="utf-8")
    print(f"written: {', '.join(stale) or 'nothing, all current'}")


if __name__ == "__main__":
    main()
