"""From features with hard edges to the real line, where densities are easy to learn."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dmlib import _check


class LogitScaler(TransformerMixin, BaseEstimator):
    r"""Maps each feature to the real line by a logit of its place in the training range, then standardises it.

    .. math:: u = a + (1 - 2a)\,\frac{x - x_\min}{x_\max - x_\min}, \qquad
       y = \log\frac{u}{1-u}, \qquad z = \frac{y - \mu_y}{\sigma_y}

    A density that ends at an edge (a mass at zero, a ratio at one) would cost a flow all its strength. An event
    outside the training range is taken to lie just inside its edge.

    Arguments:
        margin: Fraction a of the range kept free at both ends, so that edge events stay finite.

    Attributes:
        low_, high_: Range of each feature in training, shape (d,).
        mean_, scale_: Mean and standard deviation after the logit, shape (d,).

    References:
        | Classifying Anomalies THrough Outer Density Estimation (Hallin et al., 2021)
        | https://arxiv.org/abs/2109.00546

    Example:
        >>> x = np.random.default_rng(1).random((1000, 5))
        >>> LogitScaler(margin=0.01).fit_transform(x).shape
        (1000, 5)
    """

    def __init__(self, margin: float = 1e-3):
        self.margin = margin

    def fit(self, x, y=None):
        """Learns range, mean and scale of each feature from x, shape (n, d).

        Raises:
            ValueError: A value is not finite, a feature is constant, or the margin is not between 0 and 0.5.
        """
        if not 0 < _check.positive(self.margin, "margin") < 0.5:
            raise ValueError(f"margin={self.margin!r}: expected a number between 0 and 0.5")
        x = _check.feature_array(x)
        self.low_, self.high_ = x.min(axis=0), x.max(axis=0)
        if (constant := np.flatnonzero(self.high_ == self.low_)).size:
            raise ValueError(f"feature {constant[0]} has the same value, {self.low_[constant[0]]:g}, in all events")
        y = self._logit(x)
        self.mean_, self.scale_ = y.mean(axis=0), y.std(axis=0)
        return self

    def transform(self, x) -> np.ndarray:
        """Maps x, shape (n, d), to z of the same shape."""
        check_is_fitted(self)
        return (self._logit(_check.feature_array(x, len(self.low_))) - self.mean_) / self.scale_

    def inverse_transform(self, z) -> np.ndarray:
        """Maps z back to x."""
        check_is_fitted(self)
        y = _check.numbers(z, "z") * self.scale_ + self.mean_
        u = np.clip(0.5 * (1 + np.tanh(0.5 * y)), self.margin, 1 - self.margin)
        return self.low_ + (self.high_ - self.low_) * (u - self.margin) / (1 - 2 * self.margin)

    def log_det(self, x) -> np.ndarray:
        r"""Returns :math:`\log|\det \partial z / \partial x|` of each event, shape (n,)."""
        check_is_fitted(self)
        u = self._place(_check.feature_array(x, len(self.low_)))
        slope = (1 - 2 * self.margin) / (self.high_ - self.low_) / self.scale_
        return (np.log(slope) - np.log(u) - np.log1p(-u)).sum(axis=1)

    def _place(self, x):
        u = self.margin + (1 - 2 * self.margin) * (x - self.low_) / (self.high_ - self.low_)
        return np.clip(u, self.margin, 1 - self.margin)

    def _logit(self, x):
        u = self._place(x)
        return np.log(u) - np.log1p(-u)
