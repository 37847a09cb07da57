import numpy as np
import pytest
from consilium.genomics.cohort import counting, planes
from hypothesis import given, settings
from hypothesis import strategies as st
from test_planes import doses, made

N = 200


@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 130])
@pytest.mark.parametrize("threads", [1, 3])
def test_counts_by_site_and_by_sample(n_samples: int, threads: int) -> None:
    gt, packed = made(N, n_samples)
    expected, rows = doses(gt), np.arange(N)
    groups, changes = np.where(rows < 77, 0, rows % 3 - 1), rows % 4 - 1  # blocks of one group and of several
    sites, found = counting.count(packed, counting.Kinds(groups, 2), counting.Kinds(changes, 3), threads)
    counts = planes.site_counts(packed)
    for name in ("het", "hom_alt", "no_call"):
        assert (getattr(sites, name) == getattr(counts, name)).all()
    for group in (0, 1):
        assert found.het[group].tolist() == (expected[groups == group] == 1).sum(axis=0).tolist()
        assert found.no_call[group].tolist() == (expected[groups == group] == -1).sum(axis=0).tolist()
    for change in (0, 1, 2):
        assert found.carried[change].tolist() == (expected[changes == change] > 0).sum(axis=0).tolist()
    single = (groups >= 0) & ((expected > 0).sum(axis=1) == 1) & ((expected == 1).sum(axis=1) == 1)
    assert found.alone.tolist() == (expected[single] == 1).sum(axis=0).tolist()


def test_nobody_and_nothing() -> None:
    _, packed = made(0, 3)
    sites, found = counting.count(packed, counting.Kinds(np.empty(0, int), 2), counting.Kinds(np.empty(0, int), 2), 2)
    assert len(sites.het) == 0 and found.het.tolist() == [[0] * 3] * 2 and found.alone.tolist() == [0] * 3


@given(st.lists(st.integers(0, 300), max_size=5), st.integers(0, 70), st.integers(1, 2000))
@settings(max_examples=40)
def test_column_sums_of_parts(heights: list[int], n_samples: int, together: int) -> None:
    rng = np.random.default_rng(sum(heights))
    sums, expected = counting.ColumnSums(n_samples, together), np.zeros(n_samples, dtype=int)
    for height in heights:
        bits = rng.integers(0, 2, (height, n_samples), dtype=np.uint8)
        small = np.packbits(bits, axis=1, bitorder="little")
        sums.add(planes.pack(small, small, n_samples)[:, 0].copy().view(np.uint64))
        expected += bits.sum(axis=0, dtype=int)
    assert sums.total().tolist() == expected.tolist()
