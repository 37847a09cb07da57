import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.sheets import Patient
from consilium.learn.cohort import data
from learn_cohorts import cohort, mixed, store, table


def people(ids):
    return [Patient(p, "female" if i % 2 else "male", 1950 + i, "s", "", "2020-06-01") for i, p in enumerate(ids)]


def test_gathers_blocks_in_sheet_order_and_names_who_is_not_in_the_store(tmp_path):
    whole, _ = mixed(6, 0, 0.0)
    for room in ("omics", "ehr", "imaging"):
        own = [b for b in whole.blocks if b.name.startswith(room)]
        store(tmp_path / f"{room}.zarr.zip", room, own, whole.patients)
    ids = [*reversed(whole.patients), "P999"]
    found = data.gathered(sorted(tmp_path.glob("*.zip")), people(ids))
    assert [b.name for b in found.blocks] == ["ehr/series", "imaging/t1", "omics/expression", "sheet/demographics"]
    block = found.block("omics/expression")
    np.testing.assert_array_equal(block.values[:6], whole.block("omics/expression").values[::-1])
    assert not block.present[6] and block.reasons[6] == "not in the feature store"
    np.testing.assert_allclose(found.block("sheet/demographics").values[1], [2020 - 1951, 1.0])


def test_age_needs_an_index_date_and_unknown_sex_is_missing():
    block = data.demographics(
        [
            Patient("A", "unknown", 1950),
            Patient("B", "female", 1950),
            Patient("C", "male", 1960, index_date="2020-05-05"),
        ]
    )
    assert block.present.tolist() == [False, True, True]
    assert np.isnan(block.values[1, 0]) and block.values[1, 1] == 1
    assert block.values[2].tolist() == [60, 0]


def test_saved_cohort_reads_back_the_same_and_in_the_same_bytes(tmp_path):
    whole, _ = mixed(8, 1, 0.0)
    data.save(tmp_path / "a", whole)
    data.save(tmp_path / "b", whole)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = data.load(tmp_path / "a")
    assert again.patients == whole.patients
    for one, two in zip(again.blocks, whole.blocks, strict=True):
        np.testing.assert_array_equal(one.values, two.values)
        assert (one.name, one.features, one.units, one.reasons) == (two.name, two.features, two.units, two.reasons)


def test_a_block_the_configuration_invents_is_named():
    with pytest.raises(InputError, match="omics/rna"):
        data.checked_names(cohort(table("omics/x", np.zeros((3, 1)))), ["omics/rna"], "diagnosis")
