from dataclasses import replace

import numpy as np
import pytest
from consilium.learn.models import linear, preproc, squeezed
from hypothesis import given
from hypothesis import strategies as st
from learn_cohorts import classes, mixed, series, table, volume
from sklearn.metrics import roc_auc_score


def test_series_summaries_by_hand():
    values = np.full((2, 4, 1), np.nan)
    values[0, :, 0] = [1.0, np.nan, 3.0, 4.0]
    block = series("ehr/s", values)
    last, mean, low, high, slope, count = preproc.series_summaries(block)[0]
    assert (last, low, high, count) == (4, 1, 4, 3) and mean == pytest.approx(8 / 3) and slope == pytest.approx(1.0)
    assert np.isnan(preproc.series_summaries(block)[1][:5]).all() and preproc.series_summaries(block)[1][5] == 0


@pytest.mark.parametrize("name", ["omics/expression", "ehr/series", "imaging/t1"])
def test_what_is_fitted_depends_on_nobody_else_and_every_number_is_finite(name):
    whole, _ = mixed(30, 0, 0.0)
    train = np.arange(20)
    design = preproc.fit(whole.block(name).take(train))
    x = design.matrix(whole.block(name))
    assert np.isfinite(x).all() and (x[~whole.block(name).present] == 0).all()
    alone = design.matrix(whole.block(name).take(np.array([25])))
    np.testing.assert_allclose(alone[0], x[25], atol=1e-12)
    assert np.isfinite(design.network_input(whole.block(name))).all()


def test_medians_fill_gaps_and_the_gap_itself_is_a_column():
    x = np.arange(40.0).reshape(20, 2)
    x[:4, 1] = np.nan
    design = preproc.fit(table("ehr/clinical", x))
    assert design.names == ("l0", "l1", "l1 missing")
    assert design.arrays["median"][1] == np.nanmedian(x[:, 1])


def test_constant_and_mostly_empty_columns_are_dropped():
    x = np.random.default_rng(0).normal(size=(20, 4))
    x[:, 1] = 7
    x[3:, 2] = np.nan
    design = preproc.fit(table("ehr/clinical", x))
    assert [n for n in design.names if "missing" not in n] == ["l0", "l3"]


def test_an_outlier_of_a_new_patient_is_clipped_and_noticed():
    block = table("omics/x", np.random.default_rng(1).normal(size=(40, 5)))
    design = preproc.fit(block)
    odd = table("omics/x", np.full((1, 5), 1e6))
    assert np.abs(design.matrix(odd)).max() <= preproc.CLIP
    assert design.unusual(odd)[0] > 5 * np.quantile(design.unusual(block), 0.99)


def test_components_of_a_volume_are_too_few_to_rebuild_a_patient():
    block = volume("imaging/t1", np.random.default_rng(2).normal(size=(30, 5, 5, 5)))
    design = preproc.fit(block)
    assert design.matrix(block).shape == (30, 10)  # a third of the patients
    assert preproc.pooled(block.values, (2, 2, 2)).shape == (30, 2, 2, 2)


def test_wide_tables_keep_the_columns_of_largest_variance():
    x = np.random.default_rng(3).normal(size=(15, preproc.MAX_COLUMNS + 50))
    x[:, :50] *= 0.01
    design = preproc.fit(table("omics/x", x))
    assert len(design.names) == preproc.MAX_COLUMNS and design.arrays["columns"].min() == 50


def test_a_block_with_nothing_that_varies_has_no_columns():
    design = preproc.fit(table("omics/x", np.zeros((20, 3))))
    assert design.matrix(table("omics/x", np.zeros((4, 3)))).shape == (4, 0)


NUMBERS = st.lists(st.one_of(st.floats(-1e6, 1e6, width=32), st.just(float("nan"))), min_size=1, max_size=40)


@given(NUMBERS, st.floats(-1e6, 1e6))
def test_squeezing_keeps_order_and_can_be_undone(values, new):
    x = np.array(values)[:, None]
    median = np.nan_to_num(np.nanmedian(x, axis=0)) if np.isfinite(x).any() else np.zeros(1)
    a = squeezed.scale(x, median)
    seen = x[np.isfinite(x)]
    if len(np.unique(seen)) < squeezed.MIN_VALUES:
        assert a[0] == 0 and squeezed.squeezed(np.array([[new]]), median, a)[0, 0] == new
        return
    apart = np.abs(seen[seen != median[0]] - median[0])
    assert a[0] == np.median(apart) > 0
    asked = np.sort(np.append(seen, new))[:, None]
    bent = squeezed.squeezed(asked, median, a)
    assert (np.diff(bent[:, 0]) >= 0).all()
    np.testing.assert_allclose(squeezed.stretched(bent, median, a), asked, rtol=1e-6, atol=1e-9 * np.abs(asked).max())


def test_long_tails_are_squeezed_and_come_back():
    rng = np.random.default_rng(4)
    logs = rng.normal(size=400)
    block = table("ehr/labs", np.exp(2 * logs)[:, None])
    design = preproc.fit(block)
    x = design.matrix(block)
    assert np.corrcoef(x[:, 0], logs)[0, 1] > 0.9 > 0.6 > np.corrcoef(np.exp(2 * logs), logs)[0, 1]
    np.testing.assert_allclose(design.undone(x)[:, 0], block.values[:, 0], rtol=1e-5)


@pytest.mark.parametrize(("tail", "gain"), [(1.0, 0.03), (0.0, -0.005)])
def test_a_linear_model_of_squeezed_columns_knows_held_out_people_better(tail, gain):
    """Concentrations: far better than as measured. Normal numbers: no worse."""
    gains = []
    for draw in range(20):
        rng = np.random.default_rng(draw)
        y = rng.integers(0, 2, 500)
        x = rng.normal(size=(500, 12)) + 1.6 * y[:, None] * (np.arange(12) == 0)
        x = np.exp(x) if tail else x
        own = preproc.fit(table("ehr/labs", x[:100]))
        plain = replace(
            own, arrays=own.arrays | {"squeeze": np.zeros(12), "mean": x[:100].mean(0), "sd": x[:100].std(0)}
        )
        found = []
        for design in (own, plain):
            z = design.matrix(table("ehr/labs", x))
            model = linear.fit(z[:100], classes(y[:100]), (linear.Penalty("one", 1.0),))[0]
            found.append(roc_auc_score(y[100:], model.evidence(z[100:])[:, 1]))
        gains.append(found[0] - found[1])
    assert np.mean(gains) > gain


def test_flags_and_grades_stay_as_they_are():
    rng = np.random.default_rng(5)
    block = table("ehr/clinical", np.stack([rng.integers(0, 2, 60), rng.integers(1, 9, 60)], axis=1).astype(float))
    design = preproc.fit(block)
    assert (design.arrays["squeeze"] == 0).all()
    plain = (block.values - block.values.mean(axis=0)) / block.values.std(axis=0) / np.sqrt(2)
    np.testing.assert_allclose(design.matrix(block), plain, atol=1e-6)
