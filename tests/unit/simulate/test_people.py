"""Who is in the demo cohort."""

import pandas as pd
import pytest
from consilium.simulate import people


@pytest.fixture(scope="module")
def drawn():
    return people.draw(60, seed=3)


def test_same_seed_same_people(drawn):
    pd.testing.assert_frame_equal(drawn, people.draw(60, seed=3))
    assert not drawn.equals(people.draw(60, seed=4))


@pytest.mark.parametrize("n", [6, 13, 60, 1200])
def test_names_and_sizes(n):
    table = people.draw(n, seed=1)
    assert len(table) == n == table["patient"].nunique()
    assert table["patient"].is_monotonic_increasing
    assert set(table["sex"]) == {"female", "male"}
    assert set(table["population"]) <= set(people.POPULATIONS)


def test_a_fifth_of_each_block_is_missing_and_everybody_has_two(drawn):
    for block in people.BLOCKS[1:]:
        assert (~drawn[block]).sum() == 12
    genome = drawn["has_genomics"] | drawn["has_reads"]
    assert (~genome).sum() == 12
    assert (drawn["has_reads"] & ~drawn["has_genomics"]).sum() == 4
    assert drawn["has_reads"].sum() == 10
    blocks = drawn[list(people.BLOCKS[1:])].sum(axis=1) + genome
    assert blocks.min() == 2


def test_families_hold_together(drawn):
    children = drawn[drawn["child"]]
    assert len(children) >= 4 and drawn.loc[drawn["family"] != "", "family"].nunique() >= 4
    at = drawn.set_index("patient")
    for child in children.itertuples():
        for parent, sex in ((child.father, "male"), (child.mother, "female")):
            if not parent:
                continue
            row = at.loc[parent]
            assert (row["sex"], row["family"], row["population"]) == (sex, child.family, child.population)
            assert child.birth_year - row["birth_year"] >= 20
    assert (children["father"] == "").any(), "one family with unsampled parents"


def test_too_few_patients_are_refused():
    with pytest.raises(ValueError, match="at least"):
        people.draw(3, seed=1)
