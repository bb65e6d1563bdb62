"""The benchmark of the resonant methods is the published one, and its parts are disjoint."""

import numpy as np
import pytest

from dmlib.resonant import benchmark


@pytest.fixture(scope="module")
def data():
    return benchmark.lhco()


def test_signal_is_as_small_as_in_the_papers(data):
    inside = (data.m >= 3.3) & (data.m <= 3.7)
    s, b = data.y[inside].sum(), (1 - data.y[inside]).sum()
    assert 2.0 < data.significance < 2.5 and 0.005 < s / b < 0.008 and b > 120_000
    assert data.y.sum() > 950 and (data.m[data.y == 1] > 3).all()


def test_no_event_is_in_two_parts(data):
    parts = data.x, data.labelled_x, data.test_x
    rows = np.concatenate([np.unique(part, axis=0) for part in parts])
    assert len(np.unique(rows, axis=0)) > 0.9999 * len(rows)  # coarse numbers may agree by chance
    assert ((data.test_m >= 3.3) & (data.test_m <= 3.7)).all()
    assert np.array_equal(data.extra, data.labelled_x[data.labelled_y == 0])


def test_options():
    shifted, noisy = benchmark.lhco(200, shifted=True, events=10_000), benchmark.lhco(0, noise=3, events=10_000)
    assert shifted.x.shape[1] == 4 and noisy.x.shape[1] == noisy.test_x.shape[1] == 7
    assert noisy.y.sum() == 0 and len(noisy.x) == 10_000
    plain = benchmark.lhco(200, events=10_000)
    assert np.allclose(shifted.x[:, 0], plain.x[:, 0] + 0.1 * plain.m, atol=1e-5)
    assert np.allclose(shifted.x[:, 2:], plain.x[:, 2:])


def test_same_seed_same_data():
    one, two, other = (benchmark.lhco(100, events=1_000, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)) and not np.array_equal(one.x, other.x)


def test_scores_are_split_by_label(data):
    class Mass:
        def anomaly_score(self, x, m):
            return m

    background, signal = data.scores(Mass())
    assert len(background) == (data.test_y == 0).sum() and signal.std() < background.std()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_signal": 1_000_000}, "n_signal=1000000: expected at most .* lhco/signal"),
        ({"n_signal": -1}, "n_signal=-1: expected a whole number of 0 or more"),
        ({"n_signal": 10.5}, "n_signal=10.5: expected a whole number"),
        ({"events": -5}, "events=-5: expected a whole number of 1 or more"),
        ({"events": 0}, "events=0"),
        ({"events": 10_000_000}, "events=10000000: expected at most .* lhco/background"),
        ({"noise": -1}, "noise=-1"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_numbers_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        benchmark.lhco(**options)
