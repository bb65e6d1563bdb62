"""Cells keep what a sum over events needs, and a warm-up on them ends where one on the events does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import nplm
from dmlib.nplm.cells import squeeze


def samples(seed, n=3_000, d=2):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)), rng.uniform(0.1, 0.3, n)), (rng.normal(0.2, 1, (n // 5, d)), np.ones(n // 5))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.integers(10, 2_000), st.integers(1, 5), st.integers(1, 400))
def test_weights_and_means_are_kept(seed, n, d, cells):
    before = samples(seed, n, d)
    for (x, w), (y, v) in zip(before, squeeze(*before, cells), strict=True):
        assert len(y) <= (cells if 2 * cells <= n + n // 5 else len(x))
        assert v.sum() == pytest.approx(w.sum()) and v @ y == pytest.approx(w @ x, abs=1e-6)
        assert (v > 0).all() and np.isfinite(y).all()


def test_cells_hold_equal_numbers_of_events():
    rng = np.random.default_rng(1)
    x, nothing = rng.exponential(size=(1_000, 3)), np.empty((0, 3))
    (_, counts), _ = squeeze((x, np.ones(1_000)), (nothing, np.empty(0)), 128)
    assert len(counts) == 128 and set(counts) <= {7, 8}


def test_events_at_one_place_are_no_trouble():
    x = np.zeros((100, 2))
    (mean, w), (mean_data, v) = squeeze((x, np.ones(100)), (x[:20], np.ones(20)), 8)
    assert (mean == 0).all() and (mean_data == 0).all() and (w.sum(), v.sum()) == (100, 20)


def test_few_events_stay_as_they_are():
    before = samples(1, 100)
    assert squeeze(*before, 64)[0] is before[0]


def test_error_falls_with_the_square_of_the_size():
    """A smooth sum in one dimension: twice as many cells, a quarter of the error."""
    x, w = np.random.default_rng(2).random((40_000, 1)), np.ones(40_000)
    data, errors = (x[:100], w[:100]), []
    for cells in (8, 16, 32, 64):
        (y, v), _ = squeeze((x, w), data, cells)
        errors.append(abs(v @ np.exp(0.5 * y[:, 0]) - w @ np.exp(0.5 * x[:, 0])))
    assert (np.divide(errors[:-1], errors[1:]) > 3.5).all()


def test_t_is_that_of_a_warm_up_on_all_events():
    rng = np.random.default_rng(3)
    reference = rng.normal(size=(10_000, 2))
    toys = [rng.normal(shift, 1, (2_000, 2)) for shift in (0, 0, 0.1, 0.1)]
    warm_up = nplm.Adam(epochs=1_500, learning_rate=1e-2)
    full, few = (
        nplm.fit(reference, toys, 2_000, recipe=nplm.Newton(warm_up, cells=cells, iterations=100))
        for cells in (None, 512)
    )
    assert np.abs(few - full) == pytest.approx(0, abs=3) and abs(np.mean(few - full)) < 1
