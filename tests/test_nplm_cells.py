"""Cells keep what a sum over events needs, and a warm-up on them ends where one on the events does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib import nplm
from dmlib.nplm.cells import squeeze


def samples(seed, n=3_000, d=2):
    rng = np.random.default_rng(seed)
    reference, data = rng.normal(size=(n, d)), rng.normal(0.2, 1, (n // 5, d))
    return reference, rng.uniform(0.1, 0.3, n), data


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.integers(10, 2_000), st.integers(1, 5), st.integers(1, 400))
def test_weights_and_the_mean_are_kept(seed, n, d, cells):
    reference, weights, data = samples(seed, n, d)
    points = squeeze(reference, weights, data, cells)
    assert (points is None) == (2 * cells > n + n // 5)
    if points:
        assert (
            len(points.x) == cells and np.isfinite(points.x).all() and (points.in_reference + points.in_data > 0).all()
        )
        assert points.in_reference.sum() == pytest.approx(weights.sum()) and points.in_data.sum() == n // 5
        alone = squeeze(reference, np.ones(n), data, cells)
        total = np.concatenate([reference, data]).sum(0)
        assert (alone.in_reference + alone.in_data) @ points.x == pytest.approx(total, abs=1e-6)


def test_events_far_away_stand_alone():
    """Three events in the tails of a thousand keep their places."""
    x = np.concatenate([np.random.default_rng(1).normal(size=(1_000, 2)), [[8, 0], [0, 9], [-7, 7]]])
    points = squeeze(x, np.ones(len(x)), np.empty((0, 2)), 128)
    assert points.in_reference.sum() == len(x) and not points.in_data.any()
    for far in x[-3:]:
        assert points.in_reference[(points.x == far).all(axis=1)] == 1


def test_events_at_one_place_are_no_trouble():
    x = np.zeros((100, 2))
    for place in (0, 1e6 / 3):
        points = squeeze(x + place, np.ones(100), x[:20] + place, 8)
        assert points.x == pytest.approx(place) and (points.in_reference.sum(), points.in_data.sum()) == (100, 20)


def test_error_falls_with_the_square_of_the_size():
    """A smooth sum in one dimension: twice as many cells, a quarter of the error."""
    x, errors = np.random.default_rng(2).random((40_000, 1)), []
    for cells in (8, 16, 32, 64):
        points = squeeze(x, np.ones(40_000), np.empty((0, 1)), cells)
        errors.append(abs(points.in_reference @ np.exp(0.5 * points.x[:, 0]) - np.exp(0.5 * x[:, 0]).sum()))
    assert (np.divide(errors[:-1], errors[1:]) > 3.5).all()


def test_many_layers_cannot_tell_reference_and_data_by_their_places():
    """Five features with long tails and large cells: what differs is their numbers."""
    rng = np.random.default_rng(5)
    reference = rng.exponential(size=(20_000, 5)) ** 2
    toys = [rng.exponential(size=(4_000, 5)) ** 2]
    recipe = nplm.Newton(nplm.Adam(epochs=600, learning_rate=1e-2), starts=1, cells=512, iterations=1)
    fits = nplm.fit_models(reference, toys, 4_000, (5, 5, 5, 5, 1), 2.5, recipe)
    assert fits.history.epochs.t.max() < 150  # three seeds: 30 to 51; with means of their own 291 to 359


def test_t_is_that_of_a_warm_up_on_all_events():
    rng = np.random.default_rng(3)
    reference = rng.normal(size=(10_000, 2))
    toys = [rng.normal(shift, 1, (2_000, 2)) for shift in (0, 0, 0.1, 0.1)]
    warm_up = nplm.Adam(epochs=1_500, learning_rate=1e-2)
    full, few = (
        nplm.fit(reference, toys, 2_000, (2, 5, 1), 1.2, nplm.Newton(warm_up, starts=1, cells=cells, iterations=100))
        for cells in (None, 512)
    )
    assert np.abs(few - full) == pytest.approx(0, abs=3) and abs(np.mean(few - full)) < 1
