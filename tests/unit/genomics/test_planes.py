import numpy as np
import pytest
import zarr
from consilium.genomics.cohort import planes

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


def test_dosages_in_any_order() -> None:
    gt, packed = made(30, 9)
    rows = np.array([29, 3, 3, 14, 0])
    assert planes.dosages(packed, rows).tolist() == doses(gt)[rows].tolist()


def test_odd_rows_are_those_with_half_or_haploid_calls() -> None:
    gt, packed = made(60, 3)
    assert packed.odd.tolist() == [bool(((g < 0).any(axis=1) & ~(g == -1).all(axis=1)).any()) for g in gt]
