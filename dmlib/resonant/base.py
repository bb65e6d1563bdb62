"""What the methods of this package share: events split by the region, the side bands' flow, the classifier's ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, compute
from dmlib.models import Flow, LogitScaler, classifiers


def select_events(
    x: ArrayLike, m: ArrayLike, region: tuple[float, float] | None, bounded: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns checked features and masses, and which events lie in the region.

    Arguments:
        x, m: Features, shape (n, d), and masses, shape (n,).
        region: Edges of the signal region.
        bounded: It has side bands, so that both edges are to be finite.

    Raises:
        ValueError: Arguments are not finite or do not fit, or no event lies inside.
    """
    x = _check.feature_array(x)
    m = _check.masses(m, len(x))
    low, high = _check.region(region, bounded)
    inside = (m >= low) & (m <= high)
    if not inside.any():
        hint = f"is it in the unit of m, which goes from {m.min():g} to {m.max():g}?"
        raise ValueError(f"region={region!r}: none of the {len(m)} events lies in it; {hint}")
    return x, m, inside


def reseeded(method, *path: str | int):
    """Returns a fresh copy of a method whose random streams are its own: its seed and the path make a new seed."""
    states = {
        name: compute.seed(value, *path)
        for name, value in method.get_params().items()
        if name.replace("method__", "") == "random_state"  # an ensemble has that of its method
    }
    return clone(method).set_params(**states)


def fresh_flow(flow: Flow | None, random_state: compute.Seed, name: str) -> Flow:
    """Returns a copy of a flow, not fitted, with a seed of its own; None takes that of CATHODE's paper."""
    flow = Flow() if flow is None else clone(flow)
    return flow.set_params(random_state=compute.seed(random_state, name))


def sideband_flow(flow: Flow | None, x, m, inside, random_state: compute.Seed) -> Flow:
    """Learns p(x | m) from the side bands. The scaler sees the range of all events, so that none falls off it."""
    if inside.all():
        raise ValueError(f"region: all {len(m)} events lie in it; expected some in the side bands, to learn from")
    flow = fresh_flow(flow, random_state, "outer")
    return flow.fit(x[~inside], m[~inside], LogitScaler(flow.margin).fit(x))


class RatioMethod(BaseEstimator):
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
            raise ValueError(f"{len(one)} events against {len(zero)}: expected some of each")
        x, y = np.concatenate([one, zero]), np.repeat([1, 0], [len(one), len(zero)])
        each = [np.ones(len(s)) if w is None else w for s, w in zip((one, zero), weights, strict=True)]
        weight = np.concatenate([w / w.sum() for w in each])
        weight /= weight.mean()  # boosted trees have limits in absolute units
        classifier = classifiers.make(self.classifier, self.random_state)
        self.classifier_ = classifiers.fit_weighted(classifier, x, y, weight)
        return self
