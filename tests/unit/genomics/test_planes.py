import numpy as np
import pytest
import zarr
from consilium.genomics.cohort import planes
from hypothesis import given, settings
from hypothesis import strategies as st

PAIRS = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [-1, -1], [-1, 1], [1, -2]], dtype=np.int8)


def made(n_sites: int, n_samples: int, seed: int = 1, odd: bool = True, height: int = 7) -> tuple:
    """(genotypes, planes of a Zarr group that holds nothing but them)."""
    rng = np.random.default_rng(seed)
    gt = PAIRS[rng.integers(0, len(PAIRS) if odd else 5, (n_sites, n_samples))]
    group = zarr.open_group(zarr.storage.MemoryStore(), mode="w", zarr_format=2)
    array = group.create_array("call_genotype", shape=gt.shape, dtype="i1", chunks=(height, n_samples, 2))
    array[...] = gt
    return gt, planes.planes_of(group)


def doses(gt: np.ndarray) -> np.ndarray:
    return np.where((gt >= 0).all(axis=2), gt.sum(axis=2), -1)


@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 130])
def test_counts_against_the_genotypes(n_samples: int) -> None:
    gt, packed = made(40, n_samples)
    expected = doses(gt)
    counts = planes.site_counts(packed)
    for dose, found in ((0, counts.hom_ref), (1, counts.het), (2, counts.hom_alt), (-1, counts.no_call)):
        assert found.tolist() == (expected == dose).sum(axis=1).tolist()
    chosen = np.arange(n_samples) % 3 == 0
    assert planes.site_counts(packed, chosen).het.tolist() == (expected[:, chosen] == 1).sum(axis=1).tolist()
    kinds = np.arange(40) % 3 - 1
    sites, by_sample, alone = planes.count(packed, kinds, 2)
    assert (sites.het == counts.het).all() and (sites.hom_alt == counts.hom_alt).all()
    single = (kinds >= 0) & ((expected > 0).sum(axis=1) == 1) & ((expected == 1).sum(axis=1) == 1)
    assert alone.tolist() == (expected[single] == 1).sum(axis=0).tolist()
    for kind in (0, 1):
        for i, dose in enumerate((1, 2, -1)):
            assert by_sample[kind, i].tolist() == (expected[kinds == kind] == dose).sum(axis=0).tolist()


def test_dosages_in_any_order() -> None:
    gt, packed = made(30, 9)
    rows = np.array([29, 3, 3, 14, 0])
    assert planes.dosages(packed, rows).tolist() == doses(gt)[rows].tolist()


def test_odd_rows_are_those_with_half_or_haploid_calls() -> None:
    gt, packed = made(60, 3)
    assert packed.odd.tolist() == [bool(((g < 0).any(axis=1) & ~(g == -1).all(axis=1)).any()) for g in gt]


@given(st.integers(0, 500), st.integers(0, 70))
@settings(max_examples=30, deadline=None)
def test_column_sums(n_rows: int, n_samples: int) -> None:
    bits = np.random.default_rng(n_rows).integers(0, 2, (n_rows, n_samples), dtype=np.uint8)
    small = np.packbits(bits, axis=1, bitorder="little")
    packed = planes.pack(small, small, n_samples)[:, 0].copy().view(np.uint64)
    assert planes.column_sums(packed, n_samples).tolist() == bits.sum(axis=0).tolist()
