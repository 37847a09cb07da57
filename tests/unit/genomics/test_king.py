"""Kinship kernel: equal to plink2, whatever the tiles; patients whose files list variants alone."""

import numpy as np
import pytest
from consilium.genomics.structure import king, kinship
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def deterministic() -> np.ndarray:
    """400 sites, 7 people; 3 is the child of 0 and 1, 6 the twin of 2; one call in 23 is missing."""
    k, j = np.arange(400)[:, None], np.arange(7)[None]

    def allele(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
        return ((a * 7919 + b * 104729 + (a * b) % 13 * 31) % 97 < 40).astype(np.int8)

    counts = allele(k, j + 1) + allele(k + 500, j + 11)
    counts[:, 3] = (allele(k, 1) + allele(k, 2))[:, 0]
    counts[:, 6] = counts[:, 2]
    counts[(k * 31 + j * 17) % 23 == 0] = -1
    return counts


# plink2 v2.0 --make-king-table on these genotypes: KINSHIP and NSNP of the pairs (1,0), (2,0), (2,1), (3,0) ...
PLINK2 = [-0.0557325, -0.0785256, 0.119792, 0.226115, 0.237288, 0.0241477, -0.0470779, 0.15847, 0.0856354, 0.151429,
          -0.0866013, -0.0245399, 0.142638, -0.0478395, -0.0277778, -0.0721154, 0.128866, 0.5, 0.0285714, 0.0911602,
          0.138199]  # fmt: skip
NSNP = [365, 365, 366, 364, 365, 365, 364, 365, 365, 364, 365, 366, 366, 365, 365, 365, 366, 366, 365, 365, 366]


def test_equal_to_plink2() -> None:
    phi, n = king.matrix(deterministic())
    pairs = np.tril_indices(7, k=-1)
    assert phi[pairs] == pytest.approx(PLINK2, abs=1e-6)
    assert n[pairs].tolist() == NSNP


@given(hnp.arrays(np.int8, st.tuples(st.integers(1, 40), st.integers(2, 9)), elements=st.integers(-1, 2)))
def test_tiles_and_blocks_change_nothing(counts: np.ndarray) -> None:
    whole = king.matrix(counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(king, "TILE", 2)
        patch.setattr(king, "SITES", 7)
        patch.setattr(king, "_BUDGET", 1)
        parts = king.matrix(counts)
    assert np.array_equal(whole[0], parts[0], equal_nan=True)
    assert np.array_equal(whole[1], parts[1])


def test_variants_alone_make_nobody_related_but_one_person_twice() -> None:
    rng = np.random.default_rng(2)
    f = rng.uniform(0.05, 0.5, (3000, 1, 1))
    strands = rng.binomial(1, f, (3000, 12, 2))
    strands[:, 1, 0] = strands[:, 0, 0]  # 1 is the child of 0
    strands[:, 2] = strands[:, 3]  # 2 and 3 are one person
    strands[:, 4] = strands[:, 5]
    counts = strands.sum(axis=2).astype(np.int8)
    bare = np.isin(np.arange(12), [0, 1, 2, 3, 4, 6, 7])
    counts[(counts == 0) & bare] = -1
    names = [f"p{i}" for i in range(12)]
    table = kinship.kinship_table(names, counts, {}, bare)
    assert list(zip(table.patient_a, table.patient_b, table.relationship, strict=True)) == [
        ("p2", "p3", "duplicate"), ("p4", "p5", "duplicate")]  # fmt: skip
    assert (table["kinship"] == 0.5).all()


def test_components_equal_those_of_scikit_allel() -> None:
    import allel

    rng = np.random.default_rng(3)
    f = rng.uniform(0.1, 0.9, (2, 500))
    counts = np.concatenate([rng.binomial(2, f[k][:, None], (500, 15)) for k in (0, 1)], axis=1).astype(np.int8)
    own = kinship.principal_components(counts, 4)
    other, _ = allel.pca(counts.astype(float), n_components=4, scaler="patterson")
    ratio = np.abs(other).max(axis=0) / np.abs(own).max(axis=0)
    assert ratio == pytest.approx(np.full(4, ratio[0]), rel=1e-4)
    assert np.abs(own) * ratio == pytest.approx(np.abs(other), abs=0.02)
