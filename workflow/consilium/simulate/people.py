"""Who is in the demo cohort: sex, age, site, population, family, and which data each person lacks."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

from consilium.core.provenance import seed_from

POPULATIONS = ("POP_A", "POP_B", "POP_C")
SITES = ("site_1", "site_2", "site_3")
IMAGES = ("has_t1", "has_fmri", "has_ct", "has_pet")
BLOCKS = ("has_genomics", *IMAGES, "has_expression", "has_labs", "has_text")
# Patients who have no more than these two blocks: what a report of little data looks like.
SPARSE = (("has_genomics", "has_labs"), ("has_t1", "has_text"))
SMALLEST = 6
# Members of a family: father, mother (in the cohort or not) and the number of children.
FAMILIES = ((True, True, 2), (True, True, 1), (False, False, 2), (False, True, 1), (True, True, 1))


def draw(n: int, seed: int) -> pd.DataFrame:
    """`n` people as a table, one row each, in the order of their names.

    Columns: patient (P001 …), sex (female/male), birth_year, site, family ("" or F01 …), father, mother (patients, ""
    where not in the cohort), child (genome inherited from two parents, in the cohort or not), population, index_date
    (ISO 8601), has_* (what was supplied; has_genomics = a VCF, has_reads = a BAM; a BAM without a VCF = reads only).
    ValueError if n is smaller than SMALLEST.
    """
    if n < SMALLEST:
        raise ValueError(f"a demo cohort needs at least {SMALLEST} patients, not {n}")
    rng = np.random.default_rng(seed_from(seed, "people"))
    rows = _families(n, rng)
    while len(rows) < n:
        population = POPULATIONS[len(rows) % 3]
        rows.append(_person(rng, population=population, birth_year=int(rng.integers(1940, 1986))))
    people = pd.DataFrame([rows[i] for i in rng.permutation(n)])
    people["patient"] = names(n)
    at = dict(zip(people.pop("key"), people["patient"], strict=True))
    for parent in ("father", "mother"):
        people[parent] = people[parent].map(lambda key: at.get(key, ""))
    first = datetime.date(2021, 1, 1)
    days = rng.integers(0, 1000, n)
    people["index_date"] = [(first + datetime.timedelta(days=int(d))).isoformat() for d in days]
    _supplied(people, rng)
    order = ["patient", "sex", "birth_year", "site", "family", "father", "mother", "child", "population", "index_date"]
    return people[[*order, *BLOCKS, "has_reads"]]


def names(n: int) -> list[str]:
    """P001 …, as wide as needed and at least three digits."""
    width = max(3, len(str(n)))
    return [f"P{i:0{width}d}" for i in range(1, n + 1)]


def _person(rng: np.random.Generator, **known: object) -> dict[str, object]:
    row: dict[str, object] = {
        "key": "",
        "sex": ("female", "male")[int(rng.integers(2))],
        "site": SITES[int(rng.choice(3, p=(0.5, 0.3, 0.2)))],
        "family": "",
        "father": "",
        "mother": "",
        "child": False,
    }
    return {**row, **known}


def _families(n: int, rng: np.random.Generator) -> list[dict[str, object]]:
    """Families until half of the cohort is reached; about one per twelve patients, of one population and site each."""
    rows: list[dict[str, object]] = []
    for i in range(max(1, n // 12)):
        father, mother, children = FAMILIES[i % len(FAMILIES)]
        if len(rows) + father + mother + children > max(n // 2, 4):
            continue
        name = f"F{i + 1:02d}"
        common = {"family": name, "population": POPULATIONS[i % 3], "site": SITES[i % 3]}
        born = [int(y) for y in rng.integers(1940, 1953, 2)]
        for there, role, sex, year in zip(
            (father, mother), ("father", "mother"), ("male", "female"), born, strict=True
        ):
            if there:
                rows.append(_person(rng, **common, key=f"{name}-{role}", sex=sex, birth_year=year))
        for c in range(children):
            keys = {"key": f"{name}-child-{c}", "father": f"{name}-father", "mother": f"{name}-mother"}
            year = max(born) + int(rng.integers(21, 34))
            rows.append(_person(rng, **common, **keys, child=True, birth_year=year))
    return rows


def _supplied(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Sets has_*: a fifth of each block is missing and everybody keeps two; reads for a sixth, some of them alone."""
    n = len(people)
    has = np.ones((n, len(BLOCKS)), dtype=bool)
    free = np.flatnonzero(~people["child"].to_numpy() & (people["family"] == "").to_numpy())
    sparse = rng.choice(free, len(SPARSE) if n >= 20 else 0, replace=False)
    for i, kept in zip(sparse, SPARSE, strict=False):
        has[i] = [b in kept for b in BLOCKS]
    for column in range(len(BLOCKS)):
        spare = np.flatnonzero(has[:, column] & (has.sum(axis=1) > 2))
        wanted = max(0, round(n / 5) - int((~has[:, column]).sum()))
        has[rng.choice(spare, min(wanted, len(spare)), replace=False), column] = False
    for column, name in enumerate(BLOCKS):
        people[name] = has[:, column]
    reads = np.zeros(n, dtype=bool)
    candidates = np.flatnonzero(people["has_genomics"] & ~np.isin(np.arange(n), sparse))
    chosen = rng.choice(candidates, min(len(candidates), max(4, round(n / 6))), replace=False)
    reads[chosen] = True
    people["has_reads"] = reads
    # The last of them gave reads only: their genotypes have to be called.
    people.loc[chosen[-max(1, round(n / 15)) :], "has_genomics"] = False
