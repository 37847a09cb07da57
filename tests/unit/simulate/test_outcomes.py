"""Outcomes: each cause tells something, all together much, and the treatment effect can be found again."""

import numpy as np
import pandas as pd
import pytest
from consilium.simulate import outcomes, people
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score

CAUSES = ["z_genome", "z_image", "z_lab"]


@pytest.fixture(scope="module")
def many():
    n = 8000
    scores = np.random.default_rng(5).standard_normal(n)
    return outcomes.add(people.draw(n, seed=5), scores, seed=5)


def _auc(table, columns):
    x, y = table[columns].to_numpy(), table["diagnosis"]
    model = LogisticRegression().fit(x[::2], y[::2])
    return roc_auc_score(y[1::2], model.predict_proba(x[1::2]), multi_class="ovr", average="macro")


def test_one_cause_is_weak_and_all_are_strong(many):
    for cause in CAUSES:
        assert 0.68 <= _auc(many, [cause]) <= 0.78
    assert 0.94 <= _auc(many, CAUSES) <= 0.98
    assert many["diagnosis"].value_counts(normalize=True).between(0.28, 0.39).all()


def test_survival_follows_the_causes(many):
    assert 0.35 < 1 - many["event"].mean() < 0.48
    assert many["survival_days"].min() >= 1
    for cause in CAUSES:
        high = many[cause] > 1
        assert many.loc[high, "event"].mean() > many.loc[~high, "event"].mean() + 0.05


def test_stage_and_grade_rise_with_severity(many):
    severity = many[CAUSES].sum(axis=1)
    by_stage = severity.groupby(many["stage"]).mean()
    assert list(by_stage.index) == ["I", "II", "III", "IV"] and by_stage.is_monotonic_increasing
    assert severity.groupby(many["grade"]).mean().is_monotonic_increasing


def test_treatment_is_confounded_with_overlap_and_its_effect_known(many):
    assert many["p_drug_y"].between(0.02, 0.98).all()
    given = (many["treatment"] == "drug_y").to_numpy()
    crude = many.loc[given, "response"].mean() - many.loc[~given, "response"].mean()
    true = many["true_effect"].mean()
    assert crude < true - 1, "the crude difference is biased by z_lab"
    age = many["index_date"].str[:4].astype(int) - many["birth_year"]
    x = np.column_stack([given, given * (age - 60), many["z_lab"], many["z_image"], age])
    model = LinearRegression().fit(x, many["response"])
    assert model.coef_[0] == pytest.approx(outcomes.EFFECT, abs=0.3)
    assert model.coef_[1] == pytest.approx(outcomes.EFFECT_PER_YEAR, abs=0.03)


def test_some_patients_are_for_prediction_only_and_seeds_repeat():
    table = people.draw(60, seed=2)
    first = outcomes.add(table, np.zeros(60), seed=2)
    pd.testing.assert_frame_equal(first, outcomes.add(table, np.zeros(60), seed=2))
    assert (~first["outcome_known"]).sum() in (2, 3)
