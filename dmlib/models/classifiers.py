"""The classifiers that stand for a likelihood ratio: a small network, and an ensemble of boosted trees."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.validation import check_is_fitted
from torch.nn.functional import binary_cross_entropy_with_logits

from dmlib import _check, compute, training

PAPER = training.Recipe(epochs=100, batch_size=128, learning_rate=1e-3, validation=0.5, keep=10)
BINS = 255  # of each feature, for trees


class _Binary(ClassifierMixin, BaseEstimator):
    def _arguments(self, x, y, sample_weight):
        x, y = _check.features(x), np.asarray(y)
        weight = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, float)
        if y.shape != (len(x),) or weight.shape != (len(x),):
            raise ValueError(f"y and sample_weight: expected one number for each of the {len(x)} events")
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(f"y: expected events of two classes, not {self.classes_.tolist()}")
        if not np.isfinite(weight).all() or (weight < 0).any() or not weight.sum() > 0:
            raise ValueError("sample_weight: expected finite numbers, none negative and not all zero")
        self.n_features_in_ = x.shape[1]
        return x, y == self.classes_[1], weight / weight.mean()

    def predict_proba(self, x: ArrayLike) -> np.ndarray:
        """Returns the probabilities of the two classes, shape (n, 2)."""
        check_is_fitted(self)
        p = self._probability(_check.features(x, self.n_features_in_))
        return np.column_stack([1 - p, p])

    def predict(self, x: ArrayLike) -> np.ndarray:
        """Returns the more probable class of each event."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


class NetworkClassifier(_Binary):
    r"""A dense network, its output averaged over the epochs of lowest validation loss.

    It minimises the weighted cross-entropy, whose minimum is the posterior
    :math:`f = w_1 p_1 / (w_0 p_0 + w_1 p_1)`, and with it the likelihood ratio.

    Arguments:
        hidden: Units of each hidden layer (ReLU).
        recipe: How it is trained (`dmlib.training.Recipe`); by default as in CATHODE's paper.
        random_state: Seed of the weights, the split and the order of the events.

    Attributes:
        history_: Losses and kept epochs (`dmlib.training.History`).

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021), section 3.3
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> recipe = training.Recipe(epochs=20, batch_size=64, learning_rate=1e-2, validation=0.2, keep=5)
        >>> c = NetworkClassifier(hidden=(16,), recipe=recipe).fit(x, x[:, 0] > 0)
        >>> bool(c.score(x, x[:, 0] > 0) > 0.9)
        True
    """

    def __init__(self, hidden=(64, 64, 64), recipe: training.Recipe = PAPER, random_state=0):
        self.hidden = hidden
        self.recipe = recipe
        self.random_state = random_state

    def fit(self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> NetworkClassifier:
        """Learns to tell the two classes y, shape (n,), apart by x, shape (n, d).

        Raises:
            ValueError: There are not two classes, or values are not finite or do not fit.
            FloatingPointError: The training diverges.
        """
        x, y, weight = self._arguments(x, y, sample_weight)
        self.mean_, self.scale_ = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        units = [x.shape[1], *self.hidden]
        with training.seeded(self.random_state, "weights"):
            layers = [f for a, b in pairwise(units) for f in (torch.nn.Linear(a, b), torch.nn.ReLU())]
            network = torch.nn.Sequential(*layers, torch.nn.Linear(units[-1], 1)).to(compute.device())

        def loss(x, y):
            return binary_cross_entropy_with_logits(network(x)[:, 0], y, reduction="none")

        data = (x - self.mean_) / self.scale_, y
        self.history_ = training.fit(network, loss, data, weight=weight, recipe=self.recipe, seed=self.random_state)
        return self

    def _probability(self, x):
        x = (x - self.mean_) / self.scale_
        parts = [
            training.evaluate(lambda x, f=network: torch.sigmoid(f(x)[:, 0].double()), x)
            for network in self.history_.modules
        ]
        return np.mean(parts, axis=0)


class TreeClassifier(_Binary):
    r"""Boosted decision trees, averaged over trainings that differ in what they stop by.

    Trees look at one feature at a time and pass over those that say nothing, which a network cannot: with many useless
    features they win.

    Arguments:
        ensemble: Number of trainings.
        max_iter, learning_rate, max_leaf_nodes: Of each `sklearn.ensemble.HistGradientBoostingClassifier`.
        validation: Share of the events set aside in each training, another one each time, to stop early by.
        random_state: Seed.

    References:
        | Back to the roots: tree-based algorithms for weakly supervised anomaly detection (Finke et al., 2023)
        | https://arxiv.org/abs/2309.13111

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> c = TreeClassifier(ensemble=2).fit(x, x[:, 0] > 0)
        >>> bool(c.score(x, x[:, 0] > 0) > 0.9)
        True
    """

    def __init__(self, ensemble=50, max_iter=200, learning_rate=0.1, max_leaf_nodes=31, validation=0.5, random_state=0):
        self.ensemble = ensemble
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.validation = validation
        self.random_state = random_state

    def fit(self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> TreeClassifier:
        """Learns to tell the two classes y, shape (n,), apart by x, shape (n, d).

        Raises:
            ValueError: There are not two classes, or values are not finite or do not fit.
        """
        x, y, weight = self._arguments(x, y, sample_weight)
        seeds = np.random.default_rng(self.random_state).integers(2**31, size=self.ensemble)
        one = HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            early_stopping=True,
            validation_fraction=self.validation,
        )
        # Trees need bins only. scikit-learn finds them anew in every fit, slowly where events have weights.
        self.edges_ = np.quantile(x, np.linspace(0, 1, BINS + 1)[1:-1], axis=0).T
        x = self._binned(x)
        self.members_ = [clone(one).set_params(random_state=int(s)).fit(x, y, weight) for s in seeds]
        return self

    def _probability(self, x):
        x = self._binned(x)
        return np.mean([member.predict_proba(x)[:, 1] for member in self.members_], axis=0)

    def _binned(self, x):
        return np.column_stack([np.searchsorted(edges, column) for edges, column in zip(self.edges_, x.T, strict=True)])


def make(classifier, random_state: int):
    """Returns a fresh classifier: "network", "trees", or a copy of any that has `predict_proba`."""
    named = {"network": NetworkClassifier, "trees": TreeClassifier}
    if isinstance(classifier, str):
        if classifier not in named:
            raise ValueError(f"classifier={classifier!r}: expected one of {', '.join(named)}, or a classifier")
        return named[classifier](random_state=random_state)
    fresh = clone(classifier)
    return fresh.set_params(random_state=random_state) if "random_state" in fresh.get_params() else fresh
