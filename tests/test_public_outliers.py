"""Detectors on two public sets of outliers, built from scikit-learn's own data, beside published figures."""

import math
from functools import lru_cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from dmlib import compute, detectors, metrics
from dmlib.training import Recipe

SEEDS = range(3)
# Of the first class of one set and of the malignant rows of the other, those that stand for outliers (ADBench 45, 43).
WINE = [57, 16, 32, 7, 56, 48, 9, 37, 5, 53]
WDBC = [28, 117, 230, 95, 370, 323, 516, 498, 33, 564]
RECIPE, STEPS = Recipe(epochs=1, batch_size=16, learning_rate=2e-3, anneal=True, clip=5.0), 800
METHODS = {
    "AE": detectors.SimpleAE(hidden=(32,), latent=4, recipe=RECIPE),
    "flow": detectors.SplineFlow("maf", hidden=(32,), recipe=RECIPE.replace(learning_rate=4e-3)),
}


def forest(x, test, seed):
    return -IsolationForest(random_state=compute.seed(seed, "forest") % 2**32).fit(x).score_samples(test)


def neighbours(x, test, seed):
    return NearestNeighbors(n_neighbors=5).fit(x).kneighbors(test)[0][:, -1]


def trained(name):
    def score(x, test, seed):
        recipe = METHODS[name].recipe.replace(epochs=math.ceil(STEPS * RECIPE.batch_size / len(x)))
        return clone(METHODS[name]).set_params(recipe=recipe, random_state=seed).fit(x).anomaly_score(test)

    return score


SCORES = {"IF": forest, "kNN": neighbours} | {name: trained(name) for name in METHODS}


def inliers_and_outliers(name):
    data, rows = (load_wine(), WINE) if name == "wine" else (load_breast_cancer(), WDBC)
    outlying = data.target == 0  # the first class; the malignant
    assert outlying[rows].all()
    return data.data[~outlying], data.data[rows]


def auc(name, score, seed, leak=False):
    """Trained on half of the inliers; with the leak, a set is first drawn up to 1,000 rows with repetition."""
    inliers, outliers = inliers_and_outliers(name)
    rng = compute.stream(seed, "split")
    if leak:
        drawn = rng.choice(len(inliers) + len(outliers), 1_000)
        everything = np.concatenate([inliers, outliers])
        outliers, inliers = everything[drawn[drawn >= len(inliers)]], everything[drawn[drawn < len(inliers)]]
    inliers = inliers[rng.permutation(len(inliers))]
    x, rest = inliers[: len(inliers) // 2], inliers[len(inliers) // 2 :]
    mean, spread = x.mean(axis=0), x.std(axis=0)
    x, rest, outliers = ((part - mean) / spread for part in (x, rest, outliers))
    return metrics.auc(score(x, rest, seed), score(x, outliers, seed))


@lru_cache
def mean_auc(name, method, leak):
    return np.mean([auc(name, SCORES[method], seed, leak) for seed in SEEDS])


# Published with the leak (Livernoche et al., 2023, arXiv:2305.18593, trained on inliers): wine IF 0.939 +- 0.018, kNN
# 0.992, planar flow 0.954; WDBC 0.987, 0.991, 0.989. There is none of an autoencoder: it is held to the flow's.
PUBLISHED = {
    "wine": {"IF": 0.939, "kNN": 0.992, "flow": 0.954, "AE": 0.954},
    "WDBC": {"IF": 0.987, "kNN": 0.991, "flow": 0.989, "AE": 0.989},
}


@pytest.mark.parametrize("method", SCORES)
@pytest.mark.parametrize(("name", "error"), [("wine", 0.02), ("WDBC", 0.01)])
def test_published_figures_are_reached_by_their_protocol(name, error, method):
    assert mean_auc(name, method, leak=True) > PUBLISHED[name][method] - error


@pytest.mark.parametrize("method", SCORES)
def test_without_the_leak_it_is_harder(method):
    """Five seeds, wine: IF 0.85 to 0.94, kNN 0.96 to 0.99, flow 0.90 to 0.99, AE 0.94 to 0.99; WDBC all above 0.98."""
    wine = mean_auc("wine", method, leak=False)
    assert wine < mean_auc("wine", method, leak=True)
    assert wine > {"IF": 0.86, "kNN": 0.94, "flow": 0.88, "AE": 0.93}[method]
    assert mean_auc("WDBC", method, leak=False) > 0.97
