"""An interval for the share of signal, calibrated on toys."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check


def interval(found: ArrayLike, true: ArrayLike, toys: ArrayLike, level: float = 0.683) -> tuple[np.ndarray, np.ndarray]:
    r"""Returns the shares of signal with which a share like the one found is usual, by Neyman's construction.

    The share that a `RANODE` learns is where a stochastic descent comes to rest: it depends on the start, and its
    likelihood hardly falls above the truth. So neither its error nor its bias can be read off that likelihood. They
    can be had from toys with known shares, fitted by the same recipe. Their quantiles
    :math:`(1 \mp \text{level}) / 2`, straight lines in the true share, form a belt, and the interval holds every share
    whose belt contains what was found.

    It is as good as its toys: their background has to be that of the data, and their signals at least as varied as
    one wishes to allow for.

    Arguments:
        found: The share to be explained, or several, each in a data set of its own.
        true: Shares put into the toys, shape (n,), at least 20.
        toys: Shares found in them by the same recipe, shape (n,).
        level: Of confidence.

    Returns:
        The lower and the upper edges, between 0 and 1, shaped like ``found``.

    Raises:
        ValueError: There are too few toys, arguments do not fit or are not finite, or what the toys find does not
            grow with what they hold.

    References:
        | Outline of a theory of statistical estimation based on the classical theory of probability (Neyman, 1937)
        | https://doi.org/10.1098/rsta.1937.0005

    Example:
        >>> rng = np.random.default_rng(1)
        >>> true = rng.uniform(0, 0.1, 500)
        >>> low, high = interval(0.05, true, true + rng.normal(0, 0.01, 500))
        >>> bool(0.036 < low < 0.044 < 0.056 < high < 0.064)
        True
    """
    from sklearn.linear_model import QuantileRegressor

    _check.share(level, "level", zero=False, one=False)
    named = (found, "found"), (true, "true"), (toys, "toys")
    found, true, toys = (_check.finite(_check.numbers(v, name), name) for v, name in named)
    if true.shape != toys.shape or true.ndim != 1 or len(true) < 20:
        raise ValueError(f"true and toys: expected two series of at least 20, got shapes {true.shape} and {toys.shape}")
    # In units of the largest share: the solver's tolerance is absolute.
    unit, edges = max(true.max(), 1e-300), []
    for quantile in ((1 + level) / 2, (1 - level) / 2):
        line = QuantileRegressor(quantile=quantile, alpha=0).fit(true[:, None] / unit, toys / unit)
        if line.coef_[0] <= 0:
            raise ValueError("what the toys find does not grow with what they hold: the recipe cannot measure a share")
        edges.append(np.clip((found - unit * line.intercept_) / line.coef_[0], 0, 1))
    return np.minimum(*edges), np.maximum(*edges)
