"""The calibrated interval, for estimators whose errors are known."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from dmlib.resonant import interval


def estimates(true, rng):
    """Too large by a fixed part, too small by a factor, with an error that grows."""
    return 0.01 + 0.7 * true + (0.003 + 0.05 * true) * rng.standard_normal(len(true))


def test_interval_covers_at_its_level():
    rng = np.random.default_rng(1)
    true, belt = rng.uniform(0.02, 0.1, 400), rng.uniform(0, 0.12, 1_000)
    low, high = interval(estimates(true, rng), belt, estimates(belt, rng))
    covered = ((low <= true) & (true <= high)).sum()
    assert binom.cdf(covered, 400, 0.683) > 1e-3 and binom.sf(covered, 400, 0.683) > 1e-3


def test_interval_undoes_bias_and_scale():
    true = np.linspace(0, 0.1, 800)
    toys = 0.01 + 0.5 * true + 0.002 * norm.ppf((np.random.default_rng(1).permutation(800) + 0.5) / 800)
    low, high = interval(0.035, true, toys)
    assert low == pytest.approx(0.046, abs=1e-3) and high == pytest.approx(0.054, abs=1e-3)
    assert interval(0.0, true, toys)[0] == 0  # a share is not negative


@pytest.mark.parametrize(
    ("true", "toys", "found", "message"),
    [
        (np.zeros(5), np.zeros(5), 0.1, "at least 20"),
        (np.zeros(30), np.zeros(31), 0.1, r"\(30,\) and \(31,\)"),
        (np.linspace(0, 1, 30), np.full(30, np.nan), 0.1, "finite"),
        (np.linspace(0, 1, 30), np.linspace(1, 0, 30), 0.1, "does not grow"),
        (np.linspace(0, 1, 30), np.linspace(0, 1, 30), np.inf, "finite"),
    ],
)
def test_toys_that_calibrate_nothing_are_refused(true, toys, found, message):
    with pytest.raises(ValueError, match=message):
        interval(found, true, toys)
