"""The scaler in front of every density: there and back, its determinant, its edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlib.models import LogitScaler


@given(st.integers(0, 2**32 - 1), st.floats(1e-4, 0.2), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
@settings(max_examples=30, deadline=None)
def test_scaler_comes_back(seed, margin, width, place):
    x = place + width * np.random.default_rng(seed).beta(0.5, 2, (50, 3))
    scaler = LogitScaler(margin).fit(x)
    z = scaler.transform(x)
    assert np.allclose(scaler.inverse_transform(z), x, rtol=0, atol=1e-9 * (width + abs(place)))
    assert np.allclose(z.mean(axis=0), 0, atol=1e-9) and np.allclose(z.std(axis=0), 1)


def test_scaler_knows_its_determinant():
    x = np.random.default_rng(1).random((100, 2)) * (1, 30)
    scaler = LogitScaler(0.01).fit(x)
    inner = x[((x > scaler.low_ + 0.01) & (x < scaler.high_ - 0.01)).all(axis=1)]
    step = 1e-6
    slopes = [
        (scaler.transform(inner + step * e) - scaler.transform(inner - step * e))[:, k] / (2 * step)
        for k, e in enumerate(np.eye(2))
    ]
    assert np.allclose(scaler.log_det(inner), np.log(slopes).sum(axis=0), atol=1e-5)


def test_scaler_keeps_events_beyond_its_range_finite():
    scaler = LogitScaler().fit([[0.0], [1.0]])
    assert np.allclose(scaler.transform([[-5.0], [7.0]]), scaler.transform([[0.0], [1.0]]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, 2.0], [1.0, np.nan]], "feature 1 of event 1 is nan"),
        ([[1.0, 2.0], [1.0, 3.0]], "feature 0 has the same value, 1, in all events"),
        ([1.0, 2.0], r"shape \(n, d\)"),
        (np.empty((0, 2)), "at least one event"),
    ],
)
def test_scaler_refuses(x, message):
    with pytest.raises(ValueError, match=message):
        LogitScaler().fit(x)


def test_scaler_refuses_a_margin_of_half():
    with pytest.raises(ValueError, match="margin=0.5"):
        LogitScaler(0.5).fit([[0.0], [1.0]])


@pytest.mark.parametrize("name", ["fit", "transform", "inverse_transform", "log_det"])
def test_masked_values_are_refused(name):
    x = np.random.default_rng(1).random((100, 2))
    with pytest.raises(ValueError, match="masked"):
        getattr(LogitScaler().fit(x), name)(np.ma.masked_greater(x, 0.5))
