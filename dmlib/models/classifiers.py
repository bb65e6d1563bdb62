"""The classifiers that stand for a likelihood ratio: a small network, and an ensemble of boosted trees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, has_fit_parameter
from torch.nn.functional import binary_cross_entropy_with_logits

from dmlib import _check, compute, training

PAPER = training.Recipe(epochs=100, batch_size=128, learning_rate=1e-3, validation=0.5, keep=10)
BINS = 255  # of each feature, for trees


class _Binary(ClassifierMixin, BaseEstimator):
    def _arguments(
        self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = _check.feature_array(x)
        labels: np.ma.MaskedArray = np.ma.asarray(y)
        if labels.shape != (len(x),) or np.ma.is_masked(labels):
            raise ValueError(f"y: expected one class for each of the {len(x)} events, none masked")
        self.classes_ = np.unique(labels.data)
        if len(self.classes_) != 2:
            raise ValueError(f"y: expected events of two classes, not {self.classes_.tolist()}")
        weight = _check.weights(sample_weight, len(x), "sample_weight")
        self.n_features_in_ = x.shape[1]
        return x, labels.data == self.classes_[1], weight / weight.mean()

    def predict_proba(self, x: ArrayLike) -> np.ndarray:
        """Returns the probabilities of the two classes, shape (n, 2)."""
        check_is_fitted(self)
        p = self._probability(_check.feature_array(x, self.n_features_in_))
        return np.column_stack([1 - p, p])

    def predict(self, x: ArrayLike) -> np.ndarray:
        """Returns the more probable class of each event."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]


@dataclass(eq=False, repr=False)
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

    hidden: tuple[int, ...] = (64, 64, 64)
    recipe: training.Recipe = PAPER
    random_state: compute.Seed = 0

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
        outputs = [lambda x, f=network: torch.sigmoid(f(x)[:, 0].double()) for network in self.history_.modules]
        return np.mean([training.evaluate(output, x) for output in outputs], axis=0)


@dataclass(eq=False, repr=False)
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

    ensemble: int = 50
    max_iter: int = 200
    learning_rate: float = 0.1
    max_leaf_nodes: int | None = 31
    validation: float | int = 0.5
    random_state: compute.Seed = 0

    def fit(self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> TreeClassifier:
        """Learns to tell the two classes y, shape (n,), apart by x, shape (n, d).

        Raises:
            ValueError: There are not two classes, or values are not finite or do not fit.
        """
        x, y, weight = self._arguments(x, y, sample_weight)
        ensemble = range(_check.count(self.ensemble, "ensemble"))
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
        seeds = [compute.seed(self.random_state, "trees", k) for k in ensemble]
        self.members_ = [clone(one).set_params(random_state=seed).fit(x, y, weight) for seed in seeds]
        return self

    def _probability(self, x):
        x = self._binned(x)
        return np.mean([member.predict_proba(x)[:, 1] for member in self.members_], axis=0)

    def _binned(self, x):
        return np.column_stack([np.searchsorted(edges, column) for edges, column in zip(self.edges_, x.T, strict=True)])


def make(classifier, random_state: compute.Seed):
    """Returns a fresh classifier: "network", "trees", or a copy of any that has `predict_proba`.

    Arguments:
        classifier: A name, or a classifier of scikit-learn's kind, a pipeline or a grid search among them.
        random_state: Seed of the copy and of whatever is random within it.

    Raises:
        ValueError: It is no classifier that gives probabilities.
    """
    named = {"network": NetworkClassifier, "trees": TreeClassifier}
    if isinstance(classifier, str) and classifier in named:
        return named[classifier](random_state=random_state)
    if not hasattr(classifier, "fit") or isinstance(classifier, type) or not hasattr(classifier, "predict_proba"):
        expected = "expected one of network, trees, or a classifier with predict_proba"
        raise ValueError(f"classifier={classifier!r}: {expected}")
    fresh = clone(classifier)
    seeds: dict[str, compute.Seed] = {
        name: compute.seed(random_state, *name.split("__"))
        for name in fresh.get_params()
        if name == "random_state" or name.endswith("__random_state")
    }
    if isinstance(fresh, _Binary):  # its streams have names of their own
        seeds = {"random_state": random_state}
    return fresh.set_params(**seeds)


def fit_weighted(classifier, x: np.ndarray, y: np.ndarray, weight: np.ndarray):
    """Fits a classifier of any origin to weighted events, the weights given by name.

    Raises:
        ValueError: It takes no weights, and they are not all the same.
    """
    name = _weight_name(classifier)
    if name is None and not np.allclose(weight, weight[0]):
        samples = f"the two samples have {np.bincount(y).tolist()} events or weights of their own"
        raise ValueError(f"classifier={classifier!r} takes no sample_weight, but {samples}; take one that does")
    return classifier.fit(x, y) if name is None else classifier.fit(x, y, **{name: weight})


def _weight_name(classifier) -> str | None:
    """The keyword by which a classifier's `fit` takes weights: that of the last step in a pipeline."""
    if isinstance(classifier, Pipeline):
        step, last = classifier.steps[-1]
        name = _weight_name(last)
        return name and f"{step}__{name}"
    if isinstance(classifier, BaseSearchCV):
        return _weight_name(classifier.estimator)
    return "sample_weight" if has_fit_parameter(classifier, "sample_weight") else None
