import csv
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from consilium.core.register import TABLES
from consilium.genomics.structure import kinship
from consilium.genomics.structure.king import matrix

RNG = np.random.default_rng(5)


def family(n_sites: int = 3000, n_unrelated: int = 6) -> np.ndarray:
    """Columns: father, mother, child, child, a twin of the second child, unrelated people. ALT counts."""
    f = RNG.uniform(0.1, 0.9, n_sites)
    people = RNG.binomial(1, f[:, None, None], (n_sites, 2 + n_unrelated, 2))
    pick = lambda person: np.take_along_axis(person, RNG.integers(0, 2, (n_sites, 1)), 1)[:, 0]  # noqa: E731
    children = [np.stack([pick(people[:, 0]), pick(people[:, 1])], axis=1) for _ in range(2)]
    columns = [people[:, 0], people[:, 1], *children, children[1], *(people[:, i] for i in range(2, 2 + n_unrelated))]
    return np.stack([c.sum(axis=1) for c in columns], axis=1).astype(np.int8)


def table_of(
    names: list[str], counts: np.ndarray, families: dict[str, str], bare: tuple[int, ...] = ()
) -> pd.DataFrame:
    lacking = np.isin(np.arange(len(names)), bare)
    return kinship.kinship_table(names, counts, families, lacking)


def test_king_by_hand() -> None:
    """Four sites, counted by hand: both het 1, opposite homozygotes 1, hets 2 and 1."""
    counts = np.array([[1, 1], [0, 2], [1, 0], [-1, 1], [0, 0]], dtype=np.int8)
    phi, n = matrix(counts)
    assert n[0, 1] == 4
    assert phi[0, 1] == pytest.approx((1 - 2) / 2 + 0.5 - 3 / 4)


def test_family_is_found_and_strangers_are_not() -> None:
    names = ["father", "mother", "child", "second", "twin", *(f"U{i}" for i in range(6))]
    table = table_of(names, family(), {"father": "F1", "child": "F1", "mother": ""})
    found = {(a, b): r for a, b, r in zip(table.patient_a, table.patient_b, table.relationship, strict=True)}
    assert found.pop(("second", "twin")) == "duplicate"
    assert set(found) == {(p, c) for p in ("father", "mother") for c in ("child", "second", "twin")} | {
        ("child", "second"), ("child", "twin")}  # fmt: skip
    assert set(found.values()) == {"first degree"}
    same = table.set_index(["patient_a", "patient_b"])["same_family_in_sheet"]
    assert same["father", "child"] and not same["mother", "child"]
    TABLES["kinship"].check(table)


def test_sites_called_in_one_only_do_not_make_relatives() -> None:
    counts = family()
    holes = RNG.random(counts.shape) < 0.4
    table = table_of([str(i) for i in range(11)], np.where(holes, -1, counts).astype(np.int8), {})
    assert len(table) == 9
    assert (table["n_sites"] < 1500).all()


def test_too_few_sites_say_nothing() -> None:
    assert table_of(list("abcdefghijk"), family(60), {}).empty
    assert table_of(["a"], np.empty((0, 1), dtype=np.int8), {}).empty


@pytest.mark.parametrize(
    ("phi", "name"),
    [(0.5, "duplicate"), (0.25, "first degree"), (0.12, "second degree"), (0.06, "third degree"), (0.01, "unrelated")],
)
def test_degrees(phi: float, name: str) -> None:
    assert kinship.relationship(phi) == name


def test_components_separate_populations_and_keep_their_sign() -> None:
    f = RNG.uniform(0.05, 0.95, (2, 400))
    counts = np.concatenate([RNG.binomial(2, f[k][:, None], (400, 8)) for k in (0, 1)], axis=1).astype(np.int8)
    counts[:, 3] = -1
    first = kinship.components(counts)
    assert first.shape == (16, 10)
    assert np.isnan(first[3]).all()
    one, two = first[[0, 1, 2, 4, 5, 6, 7], 0], first[8:, 0]
    assert max(one.min(), two.min()) > min(one.max(), two.max())
    assert (first[np.abs(np.nan_to_num(first)).argmax(axis=0), range(10)] > 0).all()
    assert kinship.components(counts[:, :5]).shape == (5, 0)


@pytest.mark.data
def test_parents_and_children_of_1000_genomes(real_data: Path) -> None:
    folder = real_data / "genomics" / "cohort_1kgp"
    with gzip.open(folder / "tiny1000G.vcf.gz", "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if line[:2] != "##"]
    with open(folder / "ref.psam", encoding="utf-8") as handle:
        people = list(csv.DictReader(handle, delimiter="\t"))
    column = {name: i for i, name in enumerate(rows[0])}
    pairs = [(p["#IID"], p["PAT"]) for p in people if p["PAT"] in column][:80]
    chosen = sorted({column[p] for pair in pairs for p in pair})
    counts = np.array([[row[c].count("1") for c in chosen] for row in rows[1:] if row[0].isdigit()], dtype=np.int8)
    common = (counts.mean(axis=1) > 0.1) & (counts.mean(axis=1) < 1.9)
    phi, _ = matrix(counts[common])
    place = {c: i for i, c in enumerate(chosen)}
    values = np.array([phi[place[column[a]], place[column[b]]] for a, b in pairs])
    assert np.median(values) == pytest.approx(0.25, abs=0.02)
    assert ((values > 0.15) & (values < 0.36)).all()
