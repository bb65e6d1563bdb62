"""Flows with and without masses, of one feature and of several."""

import numpy as np
import pytest
from scipy.stats import kstest, norm
from sklearn.base import clone

from dmlib.models import ConditionalFlow, Flow, LogitScaler, TreeClassifier
from dmlib.resonant import ANODE, CATHODE, RANODE
from dmlib.training import Recipe

RECIPE = Recipe(epochs=15, batch_size=200, learning_rate=1e-2, anneal=True, validation=0.2)
KINDS = pytest.mark.parametrize("kind", ["maf", "rqs"])


def truth(features, n=4_000):
    """Normal features, each around the one before it."""
    x = np.random.default_rng(1).normal(size=(n, features)).cumsum(axis=1)
    return x, norm.logpdf(np.diff(x, axis=1, prepend=0)).sum(axis=1)


@KINDS
@pytest.mark.parametrize("features", [1, 3])
def test_flow_without_masses_is_the_density(kind, features):
    x, log_prob = truth(features)
    flow = Flow(kind, transforms=2, hidden=(24,), recipe=RECIPE).fit(x)
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
    flow = Flow(kind, transforms=2, hidden=(24,), recipe=RECIPE).fit(x, m)
    assert (norm.logpdf(x[:, 0], 2 * m, 0.3) - flow.log_prob(x, m)).mean() < 0.06
    drawn = flow.sample(np.repeat([0.2, 0.8], 3_000), seed=1)[:, 0].reshape(2, -1)
    assert np.allclose(drawn.mean(axis=1), [0.4, 1.6], atol=0.08) and np.allclose(drawn.std(axis=1), 0.3, atol=0.08)


def test_density_of_one_feature_integrates_to_one():
    x, _ = truth(1)
    flow = Flow("rqs", transforms=1, hidden=(16,), recipe=RECIPE.replace(keep=3)).fit(x)
    edges = np.linspace(x.min(), x.max(), 2_001)
    centres = (edges[1:] + edges[:-1]) / 2
    assert np.exp(flow.log_prob(centres[:, None])).sum() * np.diff(edges)[0] == pytest.approx(1, abs=0.02)


def test_methods_take_one_feature():
    rng = np.random.default_rng(3)
    m = rng.uniform(3, 4, 800)
    x = rng.normal(m, 0.2)[:, None]
    flow = Flow("rqs", transforms=1, hidden=(8,), recipe=RECIPE.replace(epochs=2))
    trees = TreeClassifier(ensemble=1)
    methods = ANODE(flow), CATHODE(flow, trees), CATHODE(flow, trees, latent=True), RANODE(flow, flow)
    for method in methods:
        assert np.isfinite(method.fit(x, m, region=(3.3, 3.7)).anomaly_score(x, m)).all()


def test_no_event_is_drawn_for_no_mass():
    x, _ = truth(2, 400)
    flow = Flow(transforms=1, hidden=(8,), recipe=RECIPE.replace(epochs=1))
    assert flow.fit(x).sample(0).shape == (0, 2)
    assert flow.fit(x, x[:, 0]).sample([]).shape == (0, 2)


@pytest.mark.parametrize("with_masses", [True, False])
def test_masses_are_given_as_in_training(with_masses):
    x, _ = truth(2, 400)
    flow = Flow(transforms=1, hidden=(8,), recipe=RECIPE.replace(epochs=1))
    flow.fit(x, x[:, 0] if with_masses else None)
    for call in (flow.log_prob, flow.latent):
        with pytest.raises(ValueError, match=f"m: expected {'masses' if with_masses else 'no masses'}, as in training"):
            call(x, None if with_masses else x[:, 0])


@pytest.mark.parametrize("n", [-1, 2.5, [0.1, 0.2]])
def test_number_of_events_to_draw_is_whole(n):
    x, _ = truth(2, 400)
    flow = Flow(transforms=1, hidden=(8,), recipe=RECIPE.replace(epochs=1)).fit(x)
    with pytest.raises(ValueError, match="number of events to draw"):
        flow.sample(n)


def test_parameters_are_those_of_scikit_learn():
    flow = Flow("rqs", transforms=3, recipe=RECIPE, random_state=4)
    copy = clone(flow)
    assert copy.get_params() == flow.get_params() and copy.recipe == RECIPE
    assert flow.set_params(recipe=RECIPE.replace(epochs=1)).recipe.epochs == 1
    assert ConditionalFlow is Flow


def test_masked_values_are_refused():
    x, _ = truth(2, 100)
    masked = np.ma.masked_greater(x, 1)
    for call in (LogitScaler().fit, LogitScaler().fit(x).transform, LogitScaler().fit(x).inverse_transform):
        with pytest.raises(ValueError, match="masked"):
            call(masked)
    with pytest.raises(ValueError, match="m holds masked values"):
        Flow(recipe=RECIPE).fit(x, masked[:, 0])
