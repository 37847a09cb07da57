"""Linear, score and penalised fits against plink2, against direct maximisation, and by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from association_cohort import Made, made
from consilium.genomics.association import components, firth, regression
from consilium.genomics.association.genomic_control import inflation
from scipy import optimize, stats

GOLDEN = Path(__file__).with_name("golden_association.tsv")


@pytest.fixture(scope="module")
def cohort() -> Made:
    return made()


@pytest.fixture(scope="module")
def design(cohort: Made) -> np.ndarray:
    return components.design(cohort.covariates, ["age", "sex", "population"])[0]


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    """plink2 v2.00a3.5 --glm omit-ref hide-covar [firth | no-firth] --covar-variance-standardize on `made()`."""
    with open(GOLDEN, encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    return {k: np.array([float(r[k]) for r in rows]) for k in rows[0]}


def test_linear_equals_plink2_also_with_gaps(cohort, design, golden) -> None:
    """To the six digits that plink2 prints."""
    fits = regression.linear(cohort.counts, cohort.value, design)
    assert ((cohort.counts >= 0).sum(axis=1) == golden["n"]).all() and (golden["n"][20:] < 300).all()
    assert fits.beta == pytest.approx(golden["linear_beta"], rel=1e-5)
    assert fits.se == pytest.approx(golden["linear_se"], rel=1e-5)
    assert fits.p == pytest.approx(golden["linear_p"], rel=1e-5)


def test_firth_equals_plink2(cohort, design, golden) -> None:
    """plink2 a3.5 fits in single precision and stops early: standard errors to 1e-4, effects to 1e-3 of them."""
    fits = firth.firth(cohort.counts, cohort.case, design, regression.logistic_null(cohort.case, design))
    assert fits.se[:20] == pytest.approx(golden["firth_se"][:20], rel=1e-4)
    assert np.abs(fits.beta - golden["firth_beta"])[:20].max() < 1e-3 * fits.se.min()
    # With gaps its standard errors depart from a fit of the called people alone (see the next test), up to 1 % here.
    assert np.abs(fits.beta - golden["firth_beta"]).max() < 5e-3 * fits.se.min()


def penalised(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    line = x @ theta
    weight = 1 / (2 + np.exp(line) + np.exp(-line))
    information = x.T @ (x * weight[:, None])
    return float(y @ line - np.logaddexp(0, line).sum() + 0.5 * np.linalg.slogdet(information)[1])


@pytest.mark.parametrize("variant", [3, 5, 31])
def test_firth_is_the_maximum_of_the_penalised_likelihood(cohort, design, variant) -> None:
    """Found here by a general optimiser over the called people; p by the ratio to the maximum with effect 0."""
    called = cohort.counts[variant] >= 0
    x = np.column_stack([design[called], cohort.counts[variant, called]])
    y = cohort.case[called]
    tight = {"method": "BFGS", "options": {"gtol": 1e-9, "maxiter": 500}}
    full = optimize.minimize(lambda t: -penalised(t, x, y), np.zeros(5), **tight)
    null = optimize.minimize(lambda t: -penalised(np.append(t, 0), x, y), np.zeros(4), **tight)
    fits = firth.firth(cohort.counts[[variant]], cohort.case, design, regression.logistic_null(cohort.case, design))
    assert fits.beta[0] == pytest.approx(full.x[4], abs=1e-5)
    assert fits.p[0] == pytest.approx(stats.chi2.sf(2 * (null.fun - full.fun), 1), rel=1e-4)


def test_firth_where_a_genotype_parts_the_groups() -> None:
    """One covariate of two values: the penalty adds half a person to each cell (Heinze and Schemper 2002)."""
    counts = np.repeat([0, 1, 0, 1], [30, 0, 20, 12])[None].astype(np.int8)
    y = np.repeat([1.0, 0.0], [30, 32])
    ones = np.ones((62, 1))
    fits = firth.firth(counts, y, ones, regression.logistic_null(y, ones))
    assert fits.beta[0] == pytest.approx(np.log(0.5 * 20.5 / (30.5 * 12.5)), rel=1e-6)
    assert np.isfinite(fits.se[0]) and 1e-6 < fits.p[0] < 1e-2


def test_score_by_the_textbook(cohort, design) -> None:
    """U' I^-1 U of the whole information matrix at the fit without the genotype; variants without gaps."""
    null = regression.logistic_null(cohort.case, design)
    fits = regression.score(cohort.counts[:20], cohort.case, design, null)
    for i in range(20):
        x = np.column_stack([design, cohort.counts[i]])
        slope = x.T @ (cohort.case - null.mean)
        information = x.T @ (x * (null.mean * (1 - null.mean))[:, None])
        statistic = slope @ np.linalg.solve(information, slope)
        assert fits.p[i] == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-6)
        assert (fits.beta[i] / fits.se[i]) ** 2 == pytest.approx(statistic, rel=1e-6)


def test_score_with_gaps_is_near_the_fit_of_the_called_people(cohort, design, golden) -> None:
    null = regression.logistic_null(cohort.case, design)
    fits = regression.score(cohort.counts, cohort.case, design, null)
    for i in range(20, 40):
        called = cohort.counts[i] >= 0
        own = regression.logistic_null(cohort.case[called], design[called])
        alone = regression.score(cohort.counts[i : i + 1, called], cohort.case[called], design[called], own)
        assert np.log10(fits.p[i]) == pytest.approx(np.log10(alone.p[0]), abs=0.01)
    assert np.corrcoef(np.log10(fits.p), np.log10(golden["wald_p"]))[0, 1] > 0.995


def test_a_level_that_only_the_uncalled_have() -> None:
    """Its column is empty among the called: a degree of freedom less is used, as in a fit of the called alone."""
    rng = np.random.default_rng(2)
    y, g = rng.normal(size=60), rng.integers(0, 3, 60).astype(np.int8)
    g[:4] = -1
    level = np.zeros(60)
    level[:4] = 1
    both = regression.linear(g[None], y, np.column_stack([np.ones(60), level]))
    alone = regression.linear(g[None, 4:], y[4:], np.ones((56, 1)))
    assert both.p[0] == pytest.approx(alone.p[0], rel=1e-9) and both.se[0] == pytest.approx(alone.se[0], rel=1e-9)


def test_a_genotype_that_is_a_covariate_has_no_fit() -> None:
    g = np.random.default_rng(1).integers(0, 3, 80)
    fits = regression.linear(g[None].astype(np.int8), np.arange(80.0), np.column_stack([np.ones(80), g]))
    assert np.isnan(fits.p[0])


def test_covariates_that_part_the_groups_have_no_null_model() -> None:
    y = np.repeat([0.0, 1.0], 30)
    assert regression.logistic_null(y, np.column_stack([np.ones(60), y])) is None


def test_permuted_outcomes_give_uniform_p() -> None:
    """Kolmogorov and Smirnov, independent variants; score and penalised test alike."""
    rng = np.random.default_rng(4)
    counts = rng.binomial(2, rng.uniform(0.05, 0.5, (1500, 1)), (1500, 200)).astype(np.int8)
    y, ones = rng.permutation(np.repeat([0.0, 1.0], [130, 70])), np.ones((200, 1))
    null = regression.logistic_null(y, ones)
    for fits in (
        regression.linear(counts, rng.normal(size=200), ones),
        regression.score(counts, y, ones, null),
        firth.firth(counts[:500], y, ones, null),
    ):
        assert stats.kstest(fits.p, "uniform").pvalue > 0.01


def test_inflation_of_known_statistics() -> None:
    chi = stats.chi2.ppf((np.arange(40_000) + 0.5) / 40_000, 1)
    place = np.random.default_rng(3).permutation(40_000)
    chrom, pos = place % 22, (place // 22) * 100_000
    middle, low, high = inflation(stats.chi2.sf(1.2 * chi, 1), chrom, pos, 1)
    assert middle == pytest.approx(1.2, rel=1e-3) and low < middle < high and high - low < 0.1
    assert inflation(stats.chi2.sf(1.2 * chi, 1), chrom, pos, 1) == (middle, low, high)
    few = inflation(np.array([0.5, 0.1]), np.zeros(2, dtype=int), np.array([1, 2]), 1)
    assert np.isfinite(few[0]) and np.isnan(few[1])
    assert np.isnan(inflation(np.full(3, np.nan), np.zeros(3, dtype=int), np.arange(3), 1)[0])


def test_design_leaves_away_what_others_say() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=50)
    x, kept, dropped = components.design(np.column_stack([a, np.full(50, 3.0), 2 * a + 1]), ["a", "constant", "again"])
    assert kept == ["a"] and dropped == ["constant", "again"] and x.shape == (50, 2)


def test_components_part_populations() -> None:
    rng = np.random.default_rng(6)
    f = rng.uniform(0.1, 0.9, (2, 500))
    counts = np.concatenate([rng.binomial(2, f[k][:, None], (500, 20)) for k in (0, 1)], axis=1).astype(np.int8)
    counts[rng.random(counts.shape) < 0.05] = -1
    axes = components.principal_components(counts, 3)
    assert axes.shape == (40, 3) and np.allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    assert len(set(np.sign(axes[:20, 0]))) == 1 and (np.sign(axes[:20, 0]) == -np.sign(axes[20:, 0])).all()
