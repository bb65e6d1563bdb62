"""What the methods of this package share: checked events, the classifier's ratio, the flow of the side bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from dmlib import _check
from dmlib.models import Flow, LogitScaler, classifiers


def select_events(x, m, region):
    """Checked features and masses, and which events lie in the region."""
    x = _check.features(x)
    m = _check.masses(m, len(x))
    low, high = _check.region(region)
    return x, m, (m >= low) & (m <= high)


def fresh_flow(flow, random_state):
    return (Flow() if flow is None else clone(flow)).set_params(random_state=random_state)


def sideband_flow(flow, x, m, inside, random_state) -> Flow:
    """Learns p(x | m) from the side bands. The scaler sees the range of all events, so that none falls off it."""
    if inside.all() or not inside.any():
        raise ValueError(
            f"{inside.sum()} of {len(inside)} events lie in the region: expected some inside and some outside"
        )
    flow = fresh_flow(flow, random_state)
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
            raise ValueError(
                f"{len(one)} events against {len(zero)}: expected some of each; is the region right, and in m's unit?"
            )
        x, y = np.concatenate([one, zero]), np.repeat([1, 0], [len(one), len(zero)])
        each = [np.ones(len(s)) if w is None else w for s, w in zip((one, zero), weights, strict=True)]
        weight = np.concatenate([w / w.sum() for w in each])
        weight /= weight.mean()  # boosted trees have limits in absolute units
        self.classifier_ = classifiers.make(self.classifier, self.random_state).fit(x, y, weight)
        return self
