import numpy as np
from consilium.learn.cohort import folds
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_cohorts import classes, cohort, table, times


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=20, max_size=60), st.integers(2, 5))
def test_no_group_ever_lies_in_two_folds_and_folds_are_even(rows, k):
    groups = [f"g{g}" for g, _ in rows]
    target = classes([y for _, y in rows])
    fold = folds.assign(target, groups, k, seed=3)
    for g in set(groups):
        assert len({f for f, name in zip(fold, groups, strict=True) if name == g}) == 1
    assert (fold == folds.assign(target, groups, k, seed=3)).all()


def test_classes_are_spread_evenly_over_folds():
    target = classes(np.repeat([0, 1, 2], [20, 20, 20]), 3)
    fold = folds.assign(target, [str(i) for i in range(60)], 5, seed=0)
    counts = np.array([[((fold == f) & (target.y == c)).sum() for c in range(3)] for f in range(5)])
    assert (counts == 4).all()


def test_family_kinship_and_identical_rows_make_one_group():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 20))
    x[7] = x[2]
    few = np.zeros((8, 2))  # equal rows of two values say nothing
    whole = cohort(table("omics/x", x), table("ehr/few", few), families=["F", "", "", "F", "", "", "", ""])
    joined = folds.links(whole, [("P005", "P006"), ("P006", "P004"), ("P001", "unknown person")])
    found = folds.groups(whole, joined)
    assert found == ["P001", "P002", "P003", "P001", "P001", "P001", "P007", "P003"]
    assert [link for link in joined if link.block] == [folds.Link("P003", "P008", "identical values", "omics/x")]


def test_fewer_folds_where_a_class_has_fewer_groups():
    target = classes([0] * 20 + [1] * 6)
    groups = [str(i) for i in range(20)] + ["a", "a", "b", "b", "c", "c"]
    assert folds.possible_folds(target, groups, 5) == 3
    assert folds.possible_folds(times(np.ones(10), [1] * 4 + [0] * 6), [str(i) for i in range(10)], 5) == 4


def test_permuting_keeps_each_folds_outcomes_and_relatives_alike():
    y = np.repeat([0, 1], 30)
    groups = [f"pair{i // 2}" for i in range(24)] + [f"one{i}" for i in range(36)]
    y[:24] = np.repeat(np.tile([0, 1], 6), 2)  # members of a pair share their class
    target = classes(y)
    fold = folds.assign(target, groups, 3, seed=1)
    shuffled = folds.permuted(target, groups, fold, seed=5)
    for f in range(3):
        assert sorted(shuffled.y[fold == f]) == sorted(y[fold == f])
    assert (shuffled.y != y).sum() > 10
    pairs = shuffled.y[:24].reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all()
