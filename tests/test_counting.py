"""Counting experiments: published significances, toys, far tails, limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from dmlib import counting

PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)
COUNT = st.integers(0, 2_000)
RATE = st.floats(1e-3, 1e3)


def on_off(n_on, n_off, tau):
    """The same problem in the terms of dmlib: a background n_off / tau, known to sqrt(n_off) / tau."""
    return n_on, n_off / tau, np.sqrt(n_off) / tau


# p-values


@PROPERTY
@given(COUNT, RATE)
def test_known_background_is_the_poisson_tail(n, b):
    assert counting.p_value(n, b) == pytest.approx(stats.poisson.sf(n - 1, b), rel=1e-9, abs=1e-290)


@PROPERTY
@given(COUNT, RATE, st.floats(1e-2, 2))
def test_uncertain_background_is_a_poisson_tail_averaged_over_a_gamma(n, b, relative):
    # A Poisson law with a gamma-distributed rate is a negative binomial one.
    tau = 1 / (relative**2 * b)
    expected = stats.nbinom.sf(n - 1, tau * b + 1, tau / (1 + tau))
    assert counting.p_value(n, b, relative * b) == pytest.approx(expected, rel=1e-8, abs=1e-290)


@pytest.mark.parametrize(
    ("n_on", "n_off", "tau", "z_bi"),  # Cousins, Linnemann & Tucker (2008), Table 1, row Z_Bi
    [
        (4, 5, 5.0, 1.66),
        (6, 18.78, 14.44, 2.63),
        (9, 17.83, 4.69, 1.82),
        (17, 40.11, 10.56, 4.46),
        (50, 55, 2.0, 2.93),
        (67, 15, 0.5, 2.89),
        (200, 10, 0.1, 2.20),
        (523, 2327, 5.99, 5.93),
        (498426, 493434, 1.0, 5.01),
    ],
)
def test_published_on_off_significances(n_on, n_off, tau, z_bi):
    assert counting.z_score(counting.p_value(*on_off(n_on, n_off, tau))) == pytest.approx(z_bi, abs=0.005)


@pytest.mark.parametrize("relative", [0.0, 1e-12, 1e-6, 0.1, 1.0])
def test_the_error_only_takes_significance_away(relative):
    n, b = np.arange(20, 200, 20), 10.0
    p, known = counting.p_value(n, b, relative * b), counting.p_value(n, b)
    assert np.all(p >= known * (1 - 1e-12))
    if relative < 1e-5:
        np.testing.assert_allclose(p, known, rtol=1e-6)


def test_toys_without_signal_are_not_called_too_often():
    # Exact given the total, so conservative by discreteness only; the control count taken as if it had no error is not.
    rng, mean, tau = np.random.default_rng(1), 500.0, 2.0
    n_on, n_off = rng.poisson(mean, 100_000), rng.poisson(tau * mean, 100_000)
    p, naive = counting.p_value(*on_off(n_on, n_off, tau)), counting.p_value(n_on, n_off / tau)
    for level in (0.16, 0.023, 0.00135):
        rate, error = np.mean(p <= level), np.sqrt(level / 100_000)
        assert 0.75 * level < rate < level + 3 * error
        assert np.mean(naive <= level) > 1.15 * level


def test_p_value_is_the_fraction_of_toys():
    rng = np.random.default_rng(2)
    assert np.mean(rng.poisson(4.0, 200_000) >= 9) == pytest.approx(counting.p_value(9, 4.0), abs=4e-4 * 1.5)
    rate = rng.gamma(16 + 1, 1 / 4, 200_000)  # posterior of 16 counts in a control region 4 times as large
    assert np.mean(rng.poisson(rate) >= 9) == pytest.approx(counting.p_value(9, 4.0, 1.0), abs=6e-4 * 1.5)


# Far tails


@pytest.mark.parametrize(
    ("n", "b", "sigma"),
    [(300, 10, 0), (3, 1e-120, 0), (10**6, 960_000, 0), (1000, 100, 10), (1000, 100, 0.01), (10**4, 5_000, 100)]
    + [(10**6, 900_000, 1_000), (10**5, 1e-3, 1e-3), (3_000, 1, 2)],
)
def test_deep_tails_equal_a_sum_of_logarithms(n, b, sigma):
    k = np.arange(n, n + 400_000)
    law = stats.nbinom((b / sigma) ** 2 + 1, b / (b + sigma**2)) if sigma else stats.poisson(b)
    expected = np.logaddexp.reduce(law.logpmf(k))
    assert counting.log_p_value(n, b, sigma) == pytest.approx(expected, rel=1e-8)


def test_logarithm_joins_the_p_value_smoothly():
    for sigma in (0.0, 3.0):
        n = np.arange(20, 1_200)
        log_p = counting.log_p_value(n, 10.0, sigma)
        p = counting.p_value(n, 10.0, sigma)
        shown = p > 1e-280  # beyond the joint at 1e-250; the incomplete beta function is less exact near underflow
        assert shown.sum() < len(n) and np.any(p[shown] < 1e-270)
        np.testing.assert_allclose(log_p[shown], np.log(p[shown]), rtol=1e-10)
        assert np.all(np.diff(log_p) < 0)


@pytest.mark.parametrize("b", [1e4, 1e6, 1e7, 1e8])
def test_many_events_have_exact_tails(b):
    """scipy's incomplete gamma function is 4 % off at 1e7 events and five standard deviations, by half at 1e8."""
    for z in (3, 4.2, 4.6, 5, 8, 30):
        n = np.floor(b + z * np.sqrt(b))
        rising = np.cumsum(np.log(b / (n + np.arange(1, 40 * np.sqrt(b)))))
        sum_of_terms = stats.poisson.logpmf(n, b) + np.log1p(np.exp(rising).sum())
        assert counting.log_p_value(n, b) == pytest.approx(sum_of_terms, abs=1e-6)  # the first term cancels to that
        assert counting.log_p_value(n, b, 1.5e-10 * b) == pytest.approx(counting.log_p_value(n, b), rel=1e-9)


def test_numbers_of_any_size_give_a_number():
    for b in (1e-280, 1e-100, 1e-3, 1.0, 1e15):
        for n in (0, 1, 1_000, 10**15):
            for sigma in (0.0, 1e-280, 1e-9 * b, b, 1e15):
                assert 0 <= counting.p_value(n, b, sigma) <= 1
                assert -np.inf < counting.log_p_value(n, b, sigma) <= 0
                assert 0 <= counting.asimov_significance(n, b, sigma) < np.inf
                assert 0 <= counting.s_over_sqrt_b(n, b, sigma) < np.inf


def test_z_beyond_37():
    for z in (-3.0, 0.0, 5.0, 37.0, 38.0, 100.0, 1e4):
        assert counting.z_score(log_p=stats.norm.logsf(z)) == pytest.approx(z, abs=1e-9)
    for z in (-3.0, 0.0, 5.0, 37.0):
        assert counting.z_score(stats.norm.sf(z)) == pytest.approx(z)
    assert counting.z_score(1.0) == -np.inf and counting.z_score(0.0) == np.inf


# Trials


def test_global_p_value():
    assert counting.global_p_value(0.05, 1) == pytest.approx(0.05)
    assert counting.global_p_value(1e-30, 1e6) == pytest.approx(1e-24)
    np.testing.assert_array_equal(counting.global_p_value([0.0, 1.0], 50), [0, 1])
    smallest = np.random.default_rng(3).random((20_000, 30)).min(axis=1)
    assert np.mean(smallest < 0.01) == pytest.approx(counting.global_p_value(0.01, 30), abs=3 * 0.0031)


# Expected significance


@pytest.mark.parametrize(("s", "b"), [(10, 5), (30, 50), (50, 400)])
def test_asimov_is_the_median_of_toys(s, b):
    toys = np.random.default_rng(4).poisson(s + b, 20_000)
    median = np.median(counting.z_score(counting.p_value(toys, b)))
    assert counting.asimov_significance(s, b) == pytest.approx(median, abs=0.2)  # a count is a step of up to 0.3


@pytest.mark.parametrize(("s", "b", "sigma"), [(10, 5, 2), (3, 1, 1), (100, 400, 40), (5, 5, 0.01)])
def test_asimov_with_error_is_the_profile_likelihood_ratio(s, b, sigma):
    tau = b / sigma**2

    def minus_log_likelihood(mean, background):
        return mean - (s + b) * np.log(mean) + tau * background - tau * b * np.log(background)

    fit = optimize.minimize_scalar(lambda x: minus_log_likelihood(x, x), bounds=(1e-3, 2 * (s + b)), method="bounded")
    expected = np.sqrt(2 * (fit.fun - minus_log_likelihood(s + b, b)))
    assert counting.asimov_significance(s, b, sigma) == pytest.approx(expected, rel=1e-4)


def test_s_over_sqrt_b_is_the_limit_of_many_events_only():
    for sigma in (0.0, 5e3):
        many = counting.s_over_sqrt_b(1e4, 1e8, sigma), counting.asimov_significance(1e4, 1e8, sigma)
        assert many[0] == pytest.approx(many[1], rel=1e-3)
    assert counting.s_over_sqrt_b(3, 0.1) > 9 and counting.asimov_significance(3, 0.1) < 4
    assert counting.asimov_significance(0.0, 7.0, 1.0) == 0


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1.0), "observed: 1 of 1 values are not between 0 and 1e15"),
        ((1.5, 1.0), "observed.*whole numbers"),
        (([3, np.nan], 1.0), r"observed: 1 of 2 values \(the first at index 1\) are not between"),
        ((np.ma.masked_array([3, 4], [False, True]), 1.0), r"observed holds masked values: .*\.compressed\(\)"),
        (("three", 1.0), "observed: expected numbers, not 'three'"),
        ((1, 0.0), "background: .* not between 1e-280 and 1e15; an empty control region"),
        ((1, [1.0, -1.0]), "background: 1 of 2"),
        ((1, 1.0, -0.1), "background_error: 1 of 1 values are not between"),
        ((1, 1.0, np.inf), "background_error: 1 of 1 values are not between"),
        (([1, 2], [1.0, 2.0, 3.0]), r"one shape, .* observed \(2,\), background \(3,\), background_error \(\)"),
    ],
)
def test_bad_counts_are_named(arguments, message):
    for function in (counting.p_value, counting.log_p_value):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_bad_options_are_named():
    for options in ({}, {"p": 0.1, "log_p": -1.0}):
        with pytest.raises(ValueError, match="either p or log_p"):
            counting.z_score(**options)
    for options in ({"p": 1.1}, {"p": np.nan}, {"log_p": 0.1}):
        with pytest.raises(ValueError, match="between 0 and 1"):
            counting.z_score(**options)
    for trials in (0, np.nan, np.inf):
        with pytest.raises(ValueError, match="trials: expected finite numbers of at least 1"):
            counting.global_p_value(0.1, trials)
    with pytest.raises(ValueError, match="p: expected numbers between 0 and 1"):
        counting.global_p_value(-0.1, 2)
    with pytest.raises(ValueError, match="signal: 1 of 1 values are not between 0"):
        counting.asimov_significance(-1, 1)


def test_shapes_follow_the_arguments():
    assert isinstance(counting.p_value(3, 1.0), float) and isinstance(counting.log_p_value(3, 1.0), float)
    assert counting.p_value([[3], [4]], [1.0, 2.0], 0.5).shape == (2, 2)
    assert counting.log_p_value([[3], [900]], [1.0, 2.0], 0.5).shape == (2, 2)
