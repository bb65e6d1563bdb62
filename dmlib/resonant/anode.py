"""ANODE: the ratio of two densities, the background's learnt in the side bands and carried into the region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dmlib import compute
from dmlib.models import Flow

from .base import fresh_flow, select_events, sideband_flow


@dataclass(eq=False, repr=False)
class ANODE(BaseEstimator):
    r"""Anomaly detection with density estimation: the ratio of two learnt densities.

    .. math:: R(x \mid m) = \frac{p_\text{in}(x \mid m)}{p_\text{out}(x \mid m)}

    One flow learns the data inside the signal region, one the side bands; the latter, smooth in m, is read inside.
    Nothing is assumed about how features depend on the mass, but two densities have to be learnt well where they are
    small.

    Arguments:
        flow: A `Flow` for the side bands, not fitted; None takes the paper's.
        inner: The same for the signal region; None takes `flow`.
        random_state: Seed.

    Attributes:
        outer_, inner_: The fitted flows.

    References:
        | Anomaly Detection with Density Estimation (Nachman and Shih, 2020)
        | https://arxiv.org/abs/2001.04990

    Example:
        >>> from dmlib.training import Recipe
        >>> rng = np.random.default_rng(1)
        >>> m = rng.uniform(3, 4, 600)
        >>> x = rng.normal(m[:, None], 0.1, (600, 2))
        >>> quick = Flow(transforms=1, hidden=(8,), recipe=Recipe(epochs=2, validation=0.2))
        >>> ANODE(quick).fit(x, m, region=(3.3, 3.7)).anomaly_score(x, m).shape
        (600,)
    """

    flow: Flow | None = None
    inner: Flow | None = None
    random_state: compute.Seed = 0

    def fit(self, x: ArrayLike, m: ArrayLike, region: tuple[float, float]) -> ANODE:
        """Learns both densities from features x, shape (n, d), and masses m, shape (n,).

        Raises:
            ValueError: No event lies inside the region, or none outside; arguments are not finite or do not fit.
            FloatingPointError: A training diverges.
        """
        x, m, inside = select_events(x, m, region)
        self.outer_ = sideband_flow(self.flow, x, m, inside, self.random_state)
        inner = fresh_flow(self.flow if self.inner is None else self.inner, self.random_state, "inner")
        self.inner_ = inner.fit(x[inside], m[inside], self.outer_.scaler_)
        return self

    def anomaly_score(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Returns log R of each event, shape (n,)."""
        check_is_fitted(self, "inner_")
        return self.inner_.log_prob(x, m) - self.outer_.log_prob(x, m)
