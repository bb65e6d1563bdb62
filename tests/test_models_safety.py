"""Fitted models say the same from threads, from processes, after pickling, and trained beside others."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from dmlib.models import Flow, NetworkClassifier, TreeClassifier
from dmlib.resonant import ANODE, CATHODE, RANODE
from dmlib.training import Recipe

QUICK = Recipe(epochs=4, batch_size=128, learning_rate=1e-2, validation=0.3, keep=4)
FLOW = Flow("rqs", transforms=1, hidden=(16,), recipe=QUICK)
NETWORK = NetworkClassifier(hidden=(16,), recipe=QUICK)
REGION = (3.3, 3.7)


def events(n=800):
    rng = np.random.default_rng(1)
    m = rng.uniform(3, 4, n)
    return rng.normal(m[:, None], 0.3, (n, 2)), m


X, M = events()

MODELS = {
    "density": (FLOW, lambda flow: flow.fit(X, M), lambda flow: flow.log_prob(X, M)),
    "samples": (FLOW, lambda flow: flow.fit(X, M), lambda flow: flow.sample(M, seed=2)),
    "latent": (FLOW, lambda flow: flow.fit(X, M), lambda flow: flow.latent(X, M)),
    "network": (NETWORK, lambda c: c.fit(X, M > 3.5), lambda c: c.predict_proba(X)),
    "trees": (TreeClassifier(ensemble=2), lambda c: c.fit(X, M > 3.5), lambda c: c.predict_proba(X)),
    "ANODE": (ANODE(FLOW), lambda a: a.fit(X, M, REGION), lambda a: a.anomaly_score(X, M)),
    "CATHODE": (CATHODE(FLOW, NETWORK), lambda a: a.fit(X, M, REGION), lambda a: a.anomaly_score(X, M)),
    "R-ANODE": (RANODE(FLOW, FLOW), lambda a: a.fit(X, M, REGION), lambda a: a.anomaly_score(X, M)),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    estimator, fit, score = MODELS[request.param]
    fitted = fit(clone(estimator))
    return estimator, fitted, fit, score, score(fitted)


def test_scores_from_threads_are_those_of_one(model):
    _, fitted, _, score, expected = model
    with ThreadPoolExecutor(4) as pool:
        for values in pool.map(lambda _: score(fitted), range(12)):
            assert np.array_equal(values, expected)


def test_scores_after_pickling_are_the_same(model):
    _, fitted, _, score, expected = model
    assert np.array_equal(score(pickle.loads(pickle.dumps(fitted))), expected)


def test_scores_from_processes_are_those_of_one(model):
    _, fitted, _, score, expected = model
    for values in joblib.Parallel(n_jobs=2)(joblib.delayed(score)(fitted) for _ in range(2)):
        assert np.allclose(values, expected, rtol=1e-6, atol=1e-6)  # processors may share work otherwise


def test_training_in_threads_is_that_of_one(model):
    estimator, _, fit, score, expected = model
    with ThreadPoolExecutor(3) as pool:
        for values in pool.map(lambda _: score(fit(clone(estimator))), range(3)):
            assert np.allclose(values, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("state", [np.int64(3), np.uint8(3)])
def test_seeds_of_numpy_are_seeds(name, state):
    estimator, fit, score = MODELS[name]
    values = [score(fit(clone(estimator).set_params(random_state=seed))) for seed in (3, state)]
    assert np.array_equal(*values)


@pytest.mark.parametrize("name", MODELS)
def test_no_seed_is_another_one_every_time(name):
    estimator, fit, score = MODELS[name]
    one, two = (score(fit(clone(estimator).set_params(random_state=None))) for _ in range(2))
    assert np.isfinite(one).all() and not np.array_equal(one, two)


@pytest.mark.parametrize("name", MODELS)
def test_generators_are_seeds(name):
    estimator, fit, score = MODELS[name]
    seeds = [np.random.default_rng(seed) for seed in (4, 4, 5)]
    one, two, other = (score(fit(clone(estimator).set_params(random_state=seed))) for seed in seeds)
    assert np.array_equal(one, two) and not np.array_equal(one, other)
