r"""From t to a significance: by the chi-squared law, by toys, and beyond the toys.

The chi-squared law is an asymptotic statement about maximum likelihood fits without bounds. Weights are clipped,
neurons may be idle, and the reference is finite: whether the law holds is to be looked at (`compatibility`), and toys
decide (`empirical_significance`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from dmlib import _check, compute, counting

_DEEP = 1e-250  # below, the incomplete gamma function comes close to underflow
_NODES, _NODE_WEIGHTS = np.polynomial.laguerre.laggauss(32)


class Significance(NamedTuple):
    """Significances by counting toys.

    Arguments:
        z: Number of standard deviations.
        error: Its binomial standard deviation; NaN for a limit.
        is_limit: True where all null toys lie on one side, so that z is only bounded: from below where none reaches t,
            from above where all do.
    """

    z: np.ndarray | float
    error: np.ndarray | float
    is_limit: np.ndarray | bool


class Extrapolation(NamedTuple):
    """Significances by a gamma distribution fitted to null toys.

    Arguments:
        z: Number of standard deviations.
        error: Its standard deviation from the finite number of toys, if t does follow a gamma distribution.
        beyond: True where t exceeds every null toy: there z is an extrapolation.
        shape, scale: Of the distribution; the chi-squared law has half the degrees of freedom, and 2.
    """

    z: np.ndarray | float
    error: np.ndarray | float
    beyond: np.ndarray | bool
    shape: float
    scale: float


class Compatibility(NamedTuple):
    """How well null toys follow the chi-squared law.

    Arguments:
        reduced: Pearson's statistic by its degrees of freedom, the figure on the axis of the paper's Figure 2.
        p_value: Of Pearson's test.
        ks_p_value: Of the Kolmogorov-Smirnov test, which needs no bins.
    """

    reduced: float
    p_value: float
    ks_p_value: float


def significance(t: ArrayLike, dof: float) -> np.ndarray | float:
    r"""Returns the significance of t if it follows the chi-squared law.

    .. math:: Z = \Phi^{-1}(1 - p), \qquad p = \int_t^\infty \chi^2_\nu(t')\,dt'

    computed from the logarithm of p, so that it stays right where p is too small for a float (Z = 37).

    Arguments:
        t: Test statistic, any shape.
        dof: Degrees of freedom :math:`\nu`; those of a network are given by `degrees_of_freedom`.

    Returns:
        Z, in the shape of t; minus infinity for t of zero or below.

    Raises:
        ValueError: t is NaN, or the degrees of freedom are not above 0.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equations 4 and 6
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> significance([50.0, 100.0, 5000.0], dof=21).round(2)
        array([ 3.38,  6.89, 69.78])
    """
    return counting.z_score(log_p=_log_tail(_check.positive(dof, "dof") / 2, _numbers(t, "t") / 2))


def empirical_significance(t: ArrayLike, null: ArrayLike) -> Significance:
    r"""Returns the significance of t by counting null toys.

    .. math:: p = \frac{k}{n}, \qquad \sigma_Z = \frac{1}{\varphi(Z)} \sqrt{\frac{p(1 - p)}{n}}

    for k of n toys at t or above. If none is, toys say no more than that p is below about 1/n: then z is that of
    p = 1/n, and marked as a limit. (At p = 1/n one would still see none in 37 % of all cases.)

    Arguments:
        t: Test statistic, any shape.
        null: t of toys drawn from the reference model, fitted by the same recipe, shape (n,).

    Returns:
        ``z``, ``error`` and ``is_limit``, each in the shape of t.

    Raises:
        ValueError: There are fewer than two null toys, or a number is NaN.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equations 3 and 4
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> z, error, is_limit = empirical_significance([95.0, 200.0], null=np.arange(1, 101))
        >>> z.round(2), error.round(2), is_limit
        (array([1.55, 2.33]), array([0.2, nan]), array([False,  True]))
    """
    t, null = _numbers(t, "t"), _null(null)
    n = len(null)
    k = n - np.searchsorted(np.sort(null), t, side="left")
    is_limit = (k == 0) | (k == n)
    p = np.clip(k, 1, n - 1) / n
    z = stats.norm.isf(p)
    error = np.where(is_limit, np.nan, np.sqrt(p * (1 - p) / n) / stats.norm.pdf(z))
    return Significance(z[()], error[()], is_limit[()])


def extrapolated_significance(t: ArrayLike, null: ArrayLike, seed: compute.Seed = 0) -> Extrapolation:
    r"""Returns the significance of t by a gamma distribution fitted to null toys: beyond them, an extrapolation.

    The gamma distribution with shape :math:`\nu/2` and scale 2 is the chi-squared law; both are fitted by maximum
    likelihood. The fit is made where the toys are, and nothing tests its tail: quote it as an extrapolation.

    Arguments:
        t: Test statistic, any shape.
        null: t of toys drawn from the reference model, all above 0, shape (n,).
        seed: Of the 200 bootstrap samples behind the error.

    Returns:
        ``z``, ``error``, ``beyond`` (where t exceeds every toy), and the fitted ``shape`` and ``scale``.

    Raises:
        ValueError: There are fewer than two null toys, one is not above 0, all are equal, or a number is NaN.

    Example:
        >>> null = np.random.default_rng(1).chisquare(21, size=1000)
        >>> fit = extrapolated_significance(100.0, null)
        >>> bool(fit.beyond), bool(abs(fit.z - significance(100.0, dof=21)) < 3 * fit.error)
        (True, True)
    """
    t, null = _numbers(t, "t"), _null(null)
    if not (null > 0).all() or null.min() == null.max():
        raise ValueError("null: expected test statistics above 0 that are not all equal; a gamma law has no others")
    rng = compute.stream(seed, "bootstrap of the null")
    samples = np.concatenate([null[None], rng.choice(null, (200, len(null)))])
    shape = _gamma_shape(np.log(samples.mean(axis=1)) - np.log(samples).mean(axis=1))
    scale = samples.mean(axis=1) / shape
    z = np.stack([counting.z_score(log_p=_log_tail(k, t / s)) for k, s in zip(shape, scale, strict=True)])
    return Extrapolation(z[0][()], z[1:].std(axis=0)[()], (t > null.max())[()], float(shape[0]), float(scale[0]))


def compatibility(null: ArrayLike, dof: float, bins: int | None = None) -> Compatibility:
    r"""Compares null toys with the chi-squared law.

    .. math:: \frac{\chi^2}{b - 1} = \frac{1}{b - 1} \sum_{i=1}^{b} \frac{(n_i - n/b)^2}{n/b}

    over b bins that each hold the same share of the chi-squared law. By it the paper selects the weight clipping: the
    largest for which t still looks like :math:`\chi^2_\nu`, :math:`\nu` the number of weights and biases. That is a
    heuristic. Clipping bounds the weights, idle neurons have fewer degrees of freedom than they have weights, and a
    finite reference inflates t (see `fit_models`): agreement may be where such effects cancel. Significances that
    matter come from toys.

    Arguments:
        null: t of toys drawn from the reference model, shape (n,).
        dof: Degrees of freedom :math:`\nu`.
        bins: Their number b; None takes one for every 10 toys, at least 2 and at most 20.

    Returns:
        The ``reduced`` statistic, near 1 for compatible toys, its ``p_value``, and that of the Kolmogorov-Smirnov test.

    Raises:
        ValueError: There are fewer than 20 toys, a number is NaN, or there are fewer than 2 bins.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), section 2.1, Figures 2 and 3
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> null = np.random.default_rng(1).chisquare(10, size=500)
        >>> good, bad = compatibility(null, dof=10), compatibility(null, dof=13)
        >>> good.p_value > 0.01 > 1e-6 > bad.p_value
        True
    """
    null = _null(null)
    if len(null) < 20:
        raise ValueError(f"null: expected at least 20 toys to compare with a distribution, not {len(null)}")
    bins = min(max(len(null) // 10, 2), 20) if bins is None else _check.count(bins, "bins", 2)
    p = special.gammaincc(_check.positive(dof, "dof") / 2, np.maximum(null, 0) / 2)
    counts = np.histogram(p, bins, (0, 1))[0]
    pearson, ks = stats.chisquare(counts), stats.kstest(p, "uniform")
    return Compatibility(float(pearson.statistic / (bins - 1)), float(pearson.pvalue), float(ks.pvalue))


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
    array = _check.numbers(values, name)
    if np.isnan(array).any():
        raise ValueError(f"{name}: expected numbers, but {np.isnan(array).sum()} of {array.size} are NaN")
    return array


def _null(null: ArrayLike) -> np.ndarray:
    array = _numbers(null, "null")
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise ValueError(f"null: expected finite test statistics of at least two toys, shape (n,), not {array.shape}")
    return array


def _log_tail(a: float, x: np.ndarray) -> np.ndarray:
    r"""Logarithm of the upper tail Q(a, x) of the gamma distribution.

    Far out, with x = exp of a large number, it is x^(a-1) exp(-x) / Gamma(a) times the integral of
    (1 + u/x)^(a-1) exp(-u) over u > 0, which Gauss-Laguerre nodes give to rounding error.
    """
    x = np.maximum(x, 0.0)
    p = special.gammaincc(a, x)
    deep = p < _DEEP
    log_p = np.array(np.log(np.where(deep, 1.0, p)))
    far = x[deep]
    integral = (_NODE_WEIGHTS * np.exp((a - 1) * np.log1p(_NODES / far[:, None]))).sum(axis=1)
    log_p[deep] = (a - 1) * np.log(far) - far - special.gammaln(a) + np.log(integral)
    return log_p


def _gamma_shape(s: np.ndarray) -> np.ndarray:
    """Solves log k - digamma(k) = s for the maximum-likelihood shape k by Newton's method."""
    k = (3 - s + np.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
    for _ in range(5):
        k -= (np.log(k) - special.digamma(k) - s) / (1 / k - special.polygamma(1, k))
    return k
