"""Significances: the chi-squared law far out, counting toys, the fitted gamma, and the law's compatibility."""

import numpy as np
import pytest
from scipy import stats

from dmlib import counting, nplm


def test_significance_is_that_of_the_chi_squared_law():
    t = np.array([0.1, 5.0, 21.0, 60.0, 200.0])
    for dof in (1, 10, 21, 96, 7.3):
        assert np.allclose(nplm.significance(t, dof), stats.norm.isf(stats.chi2.sf(t, dof)), rtol=1e-9, atol=1e-12)
    assert isinstance(nplm.significance(50.0, 21), float)
    assert nplm.significance(-3.0, 21) == nplm.significance(0.0, 21) == -np.inf


@pytest.mark.parametrize("z", [30.0, 37.0, 39.0, 60.0, 300.0])
def test_one_degree_of_freedom_is_a_gaussian_squared(z):
    """p = 2 (1 - Phi(sqrt t)), so the logarithms of both tails are known at any size."""
    expected = counting.z_score(log_p=stats.norm.logsf(z) + np.log(2))
    assert nplm.significance(z**2, dof=1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dof", [2, 10, 21, 96])
def test_tail_is_continuous_where_its_computation_changes(dof):
    """Two degrees of freedom are exact, log p = -t/2; the others must not jump near p = 1e-250."""
    t = np.linspace(1000, 1600, 601)
    z = nplm.significance(t, dof)
    assert abs(np.diff(z, 2)).max() < 1e-4 and (np.diff(z) > 0).all()
    exact = counting.z_score(log_p=-t / 2)
    assert np.allclose(z, exact, rtol=1e-13) if dof == 2 else (dof > 2) == (z < exact).all()


def test_empirical_significance_counts():
    null = np.arange(1, 1001)
    z, error, limit = nplm.empirical_significance([977.5, 500.5, 5000.0, 0.0], null)
    assert np.allclose(z, stats.norm.isf([0.023, 0.5, 0.001, 0.999]))
    assert limit.tolist() == [False, False, True, True] and np.isnan(error[2:]).all()
    step = stats.norm.isf(0.023 - 1e-4) - stats.norm.isf(0.023 + 1e-4)
    assert error[0] == pytest.approx(step / 2e-4 * np.sqrt(0.023 * 0.977 / 1000), rel=1e-3)
    one = nplm.empirical_significance(1e9, null)
    assert one.is_limit and one.z == pytest.approx(3.09, abs=0.001) and np.isnan(one.error)


def test_error_of_the_empirical_significance_is_its_spread():
    rng = np.random.default_rng(1)
    z, error, _ = zip(*(nplm.empirical_significance(30.0, rng.chisquare(21, 400)) for _ in range(300)), strict=True)
    assert np.std(z) == pytest.approx(np.mean(error), rel=0.15)
    assert np.mean(z) == pytest.approx(nplm.significance(30.0, 21), abs=0.02)


def test_extrapolation_of_chi_squared_toys_is_the_law():
    """Over seeds 0 to 19 the pulls have mean 0.22 and spread 0.95."""
    pulls = []
    for seed in range(20):
        null = np.random.default_rng(seed).chisquare(21, 500)
        fit = nplm.extrapolated_significance([25.0, 120.0], null)
        assert fit.beyond.tolist() == [False, True]
        pulls.append((fit.z[1] - nplm.significance(120.0, 21)) / fit.error[1])
    assert abs(np.mean(pulls)) < 0.8 and 0.5 < np.std(pulls) < 1.6
    assert 2 * fit.shape == pytest.approx(21, rel=0.2) and fit.scale == pytest.approx(2, rel=0.2)
    shape, _, scale = stats.gamma.fit(null, floc=0)
    assert (fit.shape, fit.scale) == (pytest.approx(shape, rel=1e-4), pytest.approx(scale, rel=1e-4))


def test_compatibility_tells_chi_squared_from_others():
    rng = np.random.default_rng(2)
    p = np.array([nplm.compatibility(rng.chisquare(10, 200), 10)[1:] for _ in range(200)])
    assert 0.02 < (p < 0.1).mean() < 0.18  # flat for toys of the law
    wrong = nplm.compatibility(1.3 * rng.chisquare(10, 400), 10)
    assert wrong.reduced > 3 and max(wrong[1:]) < 1e-4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nplm.significance(np.nan, 3), "t: expected numbers, but 1 of 1 are NaN"),
        (lambda: nplm.significance(3.0, dof=0), "dof=0: expected a finite number above 0"),
        (lambda: nplm.empirical_significance(3.0, [1.0]), "null: expected finite test statistics of at least two"),
        (lambda: nplm.empirical_significance(3.0, [1.0, np.inf]), "null: expected finite"),
        (lambda: nplm.extrapolated_significance(3.0, [1.0, -1.0]), "null: expected test statistics above 0"),
        (lambda: nplm.compatibility(np.ones(5), 3), "at least 20 toys .* not 5"),
        (lambda: nplm.compatibility(np.ones(50), 3, bins=1), "bins=1: expected a whole number of 2 or more"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
