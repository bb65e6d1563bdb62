"""Classifiers as likelihood ratios: with labels, against known background, and against the side bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from . import _check, classifiers


class _Ratio(BaseEstimator):
    """What the methods share that end in a classifier of data against background."""

    def __init__(self, classifier="network", random_state=0):
        self.classifier = classifier
        self.random_state = random_state

    def anomaly_score(self, x: ArrayLike, m: ArrayLike | None = None) -> np.ndarray:
        """Returns the classifier's output for each event, shape (n,): high where there is more data than background.

        Arguments:
            x: Features, shape (n, d).
            m: Not used; there, so that all methods are called alike.
        """
        check_is_fitted(self, "classifier_")
        return self.classifier_.predict_proba(x)[:, 1]

    def _fit(self, one, zero, weights=(None, None)):
        """Trains on two samples that count the same in all."""
        if not len(one) or not len(zero):
            raise ValueError(
                f"{len(one)} events against {len(zero)}: expected some of each; is the region right, and in m's unit?"
            )
        x, y = np.concatenate([one, zero]), np.repeat([1, 0], [len(one), len(zero)])
        each = [np.ones(len(s)) if w is None else w for s, w in zip((one, zero), weights, strict=True)]
        weight = np.concatenate([w / w.sum() for w in each])
        weight /= weight.mean()  # boosted trees have limits in absolute units
        self.classifier_ = classifiers.make(self.classifier, self.random_state).fit(x, y, weight)
        return self


class Supervised(_Ratio):
    r"""Signal against background, both with labels: the best that any method can do with these features.

    .. math:: R(x) = \frac{p_\text{sig}(x)}{p_\text{bg}(x)}

    Arguments:
        classifier: "network" (`NetworkClassifier`), "trees" (`TreeClassifier`), or a classifier of scikit-learn's kind.
        random_state: Seed.

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> rng = np.random.default_rng(1)
        >>> x, m, y = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400), np.arange(400) % 2
        >>> Supervised(classifiers.TreeClassifier(ensemble=1)).fit(x, m, labels=y).anomaly_score(x).shape
        (400,)
    """

    def fit(self, x: ArrayLike, m: ArrayLike, labels: ArrayLike, region: tuple[float, float] | None = None):
        """Learns from the events inside the region.

        Arguments:
            x, m: Features, shape (n, d), and masses, shape (n,).
            labels: 1 for signal, 0 for background, shape (n,).
            region: Edges of the signal region; None takes all events.

        Raises:
            ValueError: There is only one class, or arguments are not finite or do not fit.
        """
        x, _, inside = _events(x, m, region)
        labels = np.asarray(labels)
        if labels.shape != inside.shape:
            raise ValueError(f"labels: expected one for each of the {len(inside)} events, not {labels.shape}")
        return self._fit(x[inside & (labels == 1)], x[inside & (labels == 0)])


class IAD(_Ratio):
    r"""The idealised anomaly detector: data against a perfect sample of its background.

    .. math:: R_\text{IAD}(x) = \frac{p_\text{data}(x)}{p_\text{bg}(x)}
       = \epsilon\,\frac{p_\text{sig}(x)}{p_\text{bg}(x)} + (1 - \epsilon)

    grows with the supervised ratio, so that in the limit of much data it is as good; with finite data the few signal
    events (:math:`\epsilon`) are hard to learn from.

    Arguments:
        classifier: "network" (`NetworkClassifier`), "trees" (`TreeClassifier`), or a classifier of scikit-learn's kind.
        random_state: Seed.

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> rng = np.random.default_rng(1)
        >>> x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
        >>> iad = IAD(classifiers.TreeClassifier(ensemble=1)).fit(x, m, background=x[:100], region=(3.3, 3.7))
        >>> iad.anomaly_score(x).shape
        (400,)
    """

    def fit(self, x: ArrayLike, m: ArrayLike, background: ArrayLike, region: tuple[float, float] | None = None):
        """Learns the events inside the region against background.

        Arguments:
            x, m: Features, shape (n, d), and masses, shape (n,), of the data.
            background: Features of background events drawn inside the region, shape (k, d).
            region: Edges of the signal region; None takes all events.

        Raises:
            ValueError: The region is empty, or arguments are not finite or do not fit.
        """
        x, _, inside = _events(x, m, region)
        return self._fit(x[inside], _check.features(background, x.shape[1], "background"))


class CWoLa(_Ratio):
    r"""Classification without labels: the signal region against the side bands next to it.

    Two mixtures with different shares :math:`w_i` of signal are told apart by

    .. math:: R_\text{mixed} = \frac{w_1 R + 1 - w_1}{w_2 R + 1 - w_2}, \qquad
       R = \frac{p_\text{sig}}{p_\text{bg}}

    which grows with R: nobody needs to know the shares. It holds only if background looks the same in both, that is,
    if the features do not depend on the mass.

    Arguments:
        classifier: "network" (`NetworkClassifier`), "trees" (`TreeClassifier`), or a classifier of scikit-learn's kind.
        width: Width of each side band, in the unit of m. The two count the same in all.
        random_state: Seed.

    References:
        | Classification without labels (Metodiev et al., 2017): https://arxiv.org/abs/1708.02949
        | Anomaly Detection for Resonant New Physics with Machine Learning (Collins et al., 2018)
        | https://arxiv.org/abs/1805.02664

    Example:
        >>> rng = np.random.default_rng(1)
        >>> x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
        >>> CWoLa(classifiers.TreeClassifier(ensemble=1)).fit(x, m, region=(3.3, 3.7)).anomaly_score(x).shape
        (400,)
    """

    def __init__(self, classifier="network", width=0.2, random_state=0):
        super().__init__(classifier, random_state)
        self.width = width

    def fit(self, x: ArrayLike, m: ArrayLike, region: tuple[float, float]) -> CWoLa:
        """Learns from events in the region and in the side bands; others are not looked at.

        Arguments:
            x, m: Features, shape (n, d), and masses, shape (n,).
            region: Edges of the signal region.

        Raises:
            ValueError: The region or a side band is empty, or arguments are not finite or do not fit.
        """
        x, m, inside = _events(x, m, region)
        low, high = _check.region(region)
        bands = (m >= low - self.width) & (m < low), (m > high) & (m <= high + self.width)
        for name, band in zip(("lower", "upper"), bands, strict=True):
            if not band.any():
                raise ValueError(f"no events in the {name} side band, {self.width:g} next to {region}")
        sideband = bands[0] | bands[1]
        weight = sum(band / band.sum() for band in bands)
        return self._fit(x[inside], x[sideband], (None, weight[sideband]))


def _events(x, m, region):
    """Checked features and masses, and which events lie in the region."""
    x = _check.features(x)
    m = _check.masses(m, len(x))
    low, high = _check.region(region)
    return x, m, (m >= low) & (m <= high)
