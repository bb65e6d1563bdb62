"""Flows against closed forms: densities with and without masses, of one feature and of several, and their samples."""

import numpy as np
import pytest
import torch
import zuko
from scipy.stats import kstest, norm
from sklearn.base import clone

from dmlib.models import ConditionalFlow, Flow, TreeClassifier
from dmlib.models.flows import Spline, build
from dmlib.models.sampling import inverse
from dmlib.resonant import ANODE, CATHODE, RANODE
from dmlib.training import Recipe

RECIPE = Recipe(epochs=1, batch_size=200, learning_rate=5e-3, validation=0.2, keep=3)
SHORT = Recipe(epochs=15, batch_size=200, learning_rate=1e-2, anneal=True, validation=0.2)
KINDS = pytest.mark.parametrize("kind", ["maf", "rqs"])


def truth(features, n=4_000):
    """Normal features, each around the one before it."""
    x = np.random.default_rng(1).normal(size=(n, features)).cumsum(axis=1)
    return x, norm.logpdf(np.diff(x, axis=1, prepend=0)).sum(axis=1)


@KINDS
@pytest.mark.parametrize("features", [1, 3])
def test_flow_without_masses_is_the_density(kind, features):
    x, log_prob = truth(features)
    flow = Flow(kind, transforms=2, hidden=(24,), recipe=SHORT).fit(x)
    assert (log_prob - flow.log_prob(x)).mean() < 0.15  # four seeds: 0.02 to 0.09
    drawn = flow.sample(5_000, seed=2)
    assert drawn.shape == (5_000, features)
    assert np.allclose(np.cov(drawn.T), np.cov(x.T), atol=0.4)
    assert kstest(flow.latent(x)[:, -1], "norm").statistic < 0.05


@KINDS
def test_flow_of_one_feature_follows_the_mass(kind):
    rng = np.random.default_rng(2)
    m = rng.uniform(0, 1, 6_000)
    x = rng.normal(2 * m, 0.3)[:, None]
    flow = Flow(kind, transforms=2, hidden=(24,), recipe=SHORT).fit(x, m)
    assert (norm.logpdf(x[:, 0], 2 * m, 0.3) - flow.log_prob(x, m)).mean() < 0.06
    drawn = flow.sample(np.repeat([0.2, 0.8], 3_000), seed=1)[:, 0].reshape(2, -1)
    assert np.allclose(drawn.mean(axis=1), [0.4, 1.6], atol=0.08) and np.allclose(drawn.std(axis=1), 0.3, atol=0.08)


def test_density_of_one_feature_integrates_to_one():
    x, _ = truth(1)
    flow = Flow("rqs", transforms=1, hidden=(16,), recipe=SHORT.replace(keep=3)).fit(x)
    edges = np.linspace(x.min(), x.max(), 2_001)
    centres = (edges[1:] + edges[:-1]) / 2
    assert np.exp(flow.log_prob(centres[:, None])).sum() * np.diff(edges)[0] == pytest.approx(1, abs=0.02)


def test_methods_take_one_feature():
    rng = np.random.default_rng(3)
    m = rng.uniform(3, 4, 800)
    x = rng.normal(m, 0.2)[:, None]
    flow = Flow("rqs", transforms=1, hidden=(8,), recipe=SHORT.replace(epochs=2))
    trees = TreeClassifier(ensemble=1)
    methods = ANODE(flow), CATHODE(flow, trees), CATHODE(flow, trees, latent=True), RANODE(flow, flow)
    for method in methods:
        assert np.isfinite(method.fit(x, m, region=(3.3, 3.7)).anomaly_score(x, m)).all()


def test_no_event_is_drawn_for_no_mass():
    x, _ = truth(2, 400)
    flow = Flow(transforms=1, hidden=(8,), recipe=SHORT.replace(epochs=1))
    assert flow.fit(x).sample(0).shape == (0, 2)
    assert flow.fit(x, x[:, 0]).sample([]).shape == (0, 2)


@pytest.mark.parametrize("with_masses", [True, False])
def test_masses_are_given_as_in_training(with_masses):
    x, _ = truth(2, 400)
    flow = Flow(transforms=1, hidden=(8,), recipe=SHORT.replace(epochs=1))
    flow.fit(x, x[:, 0] if with_masses else None)
    for call in (flow.log_prob, flow.latent):
        with pytest.raises(ValueError, match=f"m: expected {'masses' if with_masses else 'no masses'}, as in training"):
            call(x, None if with_masses else x[:, 0])


@pytest.mark.parametrize("n", [-1, 2.5, [0.1, 0.2]])
def test_number_of_events_to_draw_is_whole(n):
    x, _ = truth(2, 400)
    flow = Flow(transforms=1, hidden=(8,), recipe=SHORT.replace(epochs=1)).fit(x)
    with pytest.raises(ValueError, match="number of events to draw"):
        flow.sample(n)


def test_parameters_are_those_of_scikit_learn():
    flow = Flow("rqs", transforms=3, recipe=SHORT, random_state=4)
    copy = clone(flow)
    assert copy.get_params() == flow.get_params() and copy.recipe == SHORT
    assert flow.set_params(recipe=SHORT.replace(epochs=1)).recipe.epochs == 1
    assert ConditionalFlow is Flow


def test_masked_masses_are_refused():
    x, _ = truth(2, 100)
    with pytest.raises(ValueError, match="m holds masked values"):
        Flow(recipe=SHORT).fit(x, np.ma.masked_greater(x[:, 0], 1))


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
        ({}, np.r_[np.arange(7.0), np.inf], "m: the mass of event 7 is inf"),
    ],
)
def test_flow_refuses(options, m, message):
    x = np.random.default_rng(1).random((8, 2))
    with pytest.raises(ValueError, match=message):
        Flow(**options, recipe=RECIPE).fit(x, m)


def test_flow_refuses_other_features(flow):
    with pytest.raises(ValueError, match="x has 3 features: expected 2, as in training"):
        flow.log_prob(np.zeros((2, 3)), [0.1, 0.2])
