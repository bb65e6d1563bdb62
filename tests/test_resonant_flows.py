"""Scaling, densities and samples of the resonant methods, against closed forms."""

import numpy as np
import pytest
import torch
import zuko
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, norm

from dmlib.models import Flow, LogitScaler
from dmlib.models.flows import Spline, build
from dmlib.models.sampling import inverse
from dmlib.training import Recipe

RECIPE = Recipe(epochs=1, batch_size=200, learning_rate=5e-3, validation=0.2, keep=3)


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


@pytest.mark.parametrize("kind", ["maf", "rqs"])
@pytest.mark.parametrize("hidden", [(7,), (16, 12), (8, 8, 8)])
def test_fast_inverse_is_the_inverse(kind, hidden):
    torch.manual_seed(0)
    flow = build(kind, 4, 1, transforms=3, hidden=hidden, bins=8, bound=5.0)
    z, c = torch.randn(500, 4), torch.randn(500, 1)
    with torch.no_grad():
        assert torch.allclose(inverse(flow, z, c), flow(c).transform.inv(z), rtol=1e-5, atol=1e-5)


def test_spline_is_that_of_zuko():
    generator = torch.Generator().manual_seed(1)
    raw = [20 * torch.randn(500, k, generator=generator, dtype=torch.double) for k in (8, 8, 7)]
    x = 4 * torch.randn(500, generator=generator, dtype=torch.double)  # some beyond the bound
    ours, theirs = Spline(*raw, bound=5.0), zuko.transforms.MonotonicRQSTransform(*raw, bound=5.0)
    for one, other in zip(ours.call_and_ladj(x), theirs.call_and_ladj(x), strict=True):
        assert torch.allclose(one, other, atol=1e-9)


def test_fast_inverse_refuses_residual_blocks():
    flow = zuko.flows.MAF(3, 1, residual=True)
    with pytest.raises(ValueError, match="residual"):
        inverse(flow, torch.zeros(1, 3), torch.zeros(1, 1))


@pytest.fixture(scope="module")
def mixture():
    """Two Gaussians whose means move with the mass, the second feature correlated with the first."""
    rng = np.random.default_rng(2)
    m = rng.uniform(0, 1, 6_000)
    return *draw(m, rng), rng


def draw(m, rng):
    first = rng.random(len(m)) < 0.5
    a = np.where(first, m - 1.5, 1.5 - m) + 0.4 * rng.standard_normal(len(m))
    return np.column_stack([a, 0.7 * a + 0.4 * rng.standard_normal(len(m))]), m


def true_log_prob(x, m):
    a = 0.5 * norm.pdf(x[:, 0], m - 1.5, 0.4) + 0.5 * norm.pdf(x[:, 0], 1.5 - m, 0.4)
    return np.log(a) + norm.logpdf(x[:, 1], 0.7 * x[:, 0], 0.4)


@pytest.fixture(scope="module", params=["maf", "rqs"])
def flow(request, mixture):
    x, m, _ = mixture
    transforms, epochs = {"maf": (4, 25), "rqs": (2, 12)}[request.param]
    return Flow(request.param, transforms, hidden=(32,), recipe=RECIPE.replace(epochs=epochs)).fit(x, m)


def test_density_is_that_of_a_conditional_mixture(flow, mixture):
    rng = np.random.default_rng(5)
    x, m = draw(rng.uniform(0, 1, 4_000), rng)
    divergence = true_log_prob(x, m) - flow.log_prob(x, m)
    assert divergence.mean() < 0.12  # the flow's Kullback-Leibler divergence


def test_density_integrates_to_one(flow):
    low, high = flow.scaler_.low_, flow.scaler_.high_
    centres = [a + (b - a) * (np.arange(200) + 0.5) / 200 for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*centres), axis=-1).reshape(-1, 2)
    for m in (0.2, 0.8):
        total = np.exp(flow.log_prob(grid, np.full(len(grid), m))).mean() * np.prod(high - low)
        assert total == pytest.approx(1, abs=0.03)


def test_samples_follow_the_density(flow):
    m = np.full(4_000, 0.3)
    sample, truth = flow.sample(m, seed=1), draw(m, np.random.default_rng(8))[0]
    assert np.allclose(sample.mean(axis=0), truth.mean(axis=0), atol=0.12)
    assert np.allclose(np.cov(sample.T), np.cov(truth.T), atol=0.25)
    assert np.array_equal(sample, flow.sample(m, seed=1)) and not np.array_equal(sample, flow.sample(m, seed=2))


def test_latent_space_is_normal(flow, mixture):
    x, m, _ = mixture
    z = flow.latent(x, m)
    assert max(kstest(z[:, k], "norm").statistic for k in (0, 1)) < 0.08


def test_flow_of_a_gaussian():
    rng = np.random.default_rng(1)
    x, m = rng.normal(3, 2, (4_000, 1)), rng.uniform(0, 1, 4_000)
    x = np.column_stack([x, rng.normal(-1, 0.1, 4_000)])
    flow = Flow(transforms=2, hidden=(16,), recipe=RECIPE.replace(epochs=15)).fit(x, m)
    fresh = rng.normal((3, -1), (2, 0.1), (2_000, 2))
    truth = norm.logpdf(fresh, (3, -1), (2, 0.1)).sum(axis=1)
    assert (truth - flow.log_prob(fresh, rng.uniform(0, 1, 2_000))).mean() < 0.05


@pytest.mark.parametrize(
    ("options", "m", "message"),
    [
        ({"kind": "glow"}, np.arange(8.0), "kind='glow': expected 'maf' or 'rqs'"),
        ({}, np.arange(7.0), "one mass for each of the 8 events"),
        ({}, np.r_[np.arange(7.0), np.inf], "m: 1 of 8 values .* not finite"),
    ],
)
def test_flow_refuses(options, m, message):
    x = np.random.default_rng(1).random((8, 2))
    with pytest.raises(ValueError, match=message):
        Flow(**options, recipe=RECIPE).fit(x, m)


def test_flow_refuses_other_features(flow):
    with pytest.raises(ValueError, match="x has 3 features: expected 2, as in training"):
        flow.log_prob(np.zeros((2, 3)), [0.1, 0.2])
