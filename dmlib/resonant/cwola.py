"""Classifiers as likelihood ratios: with labels, against known background, and against the side bands."""

from __future__ import annotations

import reprlib

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check

from .base import RatioMethod, select_events


class Supervised(RatioMethod):
    r"""Signal against background, both with labels: the best that any method can do with these features.

    .. math:: R(x) = \frac{p_\text{sig}(x)}{p_\text{bg}(x)}

    Arguments:
        classifier: "network" (`NetworkClassifier`), "trees" (`TreeClassifier`), or a classifier of scikit-learn's kind.
        random_state: Seed.

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> from dmlib.models import TreeClassifier
        >>> rng = np.random.default_rng(1)
        >>> x, m, y = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400), np.arange(400) % 2
        >>> Supervised(TreeClassifier(ensemble=1)).fit(x, m, labels=y).anomaly_score(x).shape
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
        x, _, inside = select_events(x, m, region, bounded=False)
        labels = np.ma.asarray(labels)
        if labels.shape != inside.shape or np.ma.is_masked(labels):
            raise ValueError(f"labels: expected one for each of the {len(inside)} events, not {labels.shape}")
        if not np.isin(labels := labels.data, (0, 1)).all():
            found = reprlib.repr(np.unique(labels).tolist())
            raise ValueError(f"labels: expected 1 for signal and 0 for background, not {found}")
        return self._fit(x[inside & (labels == 1)], x[inside & (labels == 0)])


class IAD(RatioMethod):
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
        >>> from dmlib.models import TreeClassifier
        >>> rng = np.random.default_rng(1)
        >>> x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
        >>> iad = IAD(TreeClassifier(ensemble=1)).fit(x, m, background=x[:100], region=(3.3, 3.7))
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
        x, _, inside = select_events(x, m, region, bounded=False)
        return self._fit(x[inside], _check.feature_array(background, x.shape[1], "background", "as in x"))


class CWoLa(RatioMethod):
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
        >>> from dmlib.models import TreeClassifier
        >>> rng = np.random.default_rng(1)
        >>> x, m = rng.normal(size=(400, 2)), rng.uniform(3, 4, 400)
        >>> CWoLa(TreeClassifier(ensemble=1)).fit(x, m, region=(3.3, 3.7)).anomaly_score(x).shape
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
        x, m, inside = select_events(x, m, region)
        low, high = region
        _check.positive(self.width, "width")
        bands = (m >= low - self.width) & (m < low), (m > high) & (m <= high + self.width)
        for name, band in zip(("lower", "upper"), bands, strict=True):
            if not band.any():
                where = f"{self.width:g} next to {region}: m goes from {m.min():g} to {m.max():g}"
                raise ValueError(f"no events in the {name} side band, {where}")
        sideband = bands[0] | bands[1]
        weight = sum(band / band.sum() for band in bands)
        return self._fit(x[inside], x[sideband], (None, weight[sideband]))
