r"""From a cut to a claim: p-values and significances of a counting experiment.

A cut leaves ``observed`` events where ``background`` were expected. How surprising is that, if the expectation is
itself uncertain, and if many cuts were tried?
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from dmlib import _check

__all__ = ["asimov_significance", "global_p_value", "log_p_value", "p_value", "s_over_sqrt_b", "z_score"]

_DEEP = 1e-250  # below this p-value the library functions come close to underflow: the tail is integrated in logarithms
_MANY = 1e5  # from this count on scipy's incomplete gamma function is cut short beyond 4.5 standard deviations
_LEAST, _MOST = 1e-280, 1e15  # of expectations and counts: within them neither functions nor ratios overflow
_NODES, _NODE_WEIGHTS = np.polynomial.laguerre.laggauss(32)


def p_value(observed: ArrayLike, background: ArrayLike, background_error: ArrayLike = 0.0) -> np.ndarray | float:
    r"""Returns the probability of at least the observed number of events from background alone.

    For a known background b this is the Poisson tail :math:`P(n \ge n_\mathrm{on} \mid b)`. An uncertain background is
    treated as if it had been counted: a control region :math:`\tau = b/\sigma^2` times as large in which
    :math:`n_\mathrm{off} = \tau b` events were seen. Given the total of both, the number in the signal region is
    binomial whatever the true rate is, and its tail, a regularised incomplete beta function,

    .. math:: p = I_{1/(1+\tau)}(n_\mathrm{on},\, n_\mathrm{off} + 1)

    is exact for the on/off problem. The Poisson tail averaged over the gamma posterior of b (flat prior) is the same.

    Arguments:
        observed: Events seen past the cut, whole numbers.
        background: Background events expected there, above zero.
        background_error: Its standard deviation; 0 for a background that is known.

    Returns:
        The one-sided p-value, in the common shape of the arguments.

    Raises:
        ValueError: A count is negative, not whole or above 1e15, the background is not above zero (an empty control
            region does not mean that there is no background), an error is negative, or a value is masked or NaN.

    References:
        | Evaluation of three methods for calculating statistical significance (Cousins, Linnemann, Tucker, 2008)
        | https://arxiv.org/abs/physics/0702156

    Example:
        >>> float(round(p_value(10, 4.0), 4)), float(round(p_value(10, 4.0, 1.0), 4))
        (0.0081, 0.0232)
    """
    n, b, sigma = _checked("observed", observed, background, background_error)
    return _p_value(n, b, sigma)[()]


def log_p_value(observed: ArrayLike, background: ArrayLike, background_error: ArrayLike = 0.0) -> np.ndarray | float:
    r"""Returns the natural logarithm of `p_value`, also where the p-value itself is too small for a float.

    Arguments:
        observed: Events seen past the cut, whole numbers.
        background: Background events expected there, above zero.
        background_error: Its standard deviation; 0 for a background that is known.

    Example:
        >>> p_value(1000, 100.0)
        np.float64(0.0)
        >>> float(z_score(log_p=log_p_value(1000, 100.0)).round(2))
        52.95
    """
    n, b, sigma = _checked("observed", observed, background, background_error)
    p = _p_value(n, b, sigma)
    deep = p < _DEEP
    log_p = np.array(np.log(np.where(deep, 1.0, p)))
    log_p[deep] = _log_far_tail(n[deep], b[deep], sigma[deep])
    return log_p[()]


def z_score(p: ArrayLike | None = None, *, log_p: ArrayLike | None = None) -> np.ndarray | float:
    r"""Returns the number of Gaussian standard deviations with the same one-sided tail, :math:`Z = \Phi^{-1}(1 - p)`.

    Arguments:
        p: p-value. Floats end near 1e-308, which is Z = 37.5.
        log_p: Its natural logarithm instead, for p-values of any size.

    Example:
        >>> float(z_score(2.866515719235352e-07).round(6)), float(z_score(log_p=-5000.0).round(3))
        (5.0, 99.945)
    """
    if p is not None and log_p is None:
        return stats.norm.isf(_check.shares(p, "p"))[()]
    if log_p is None or p is not None:
        raise ValueError("give either p or log_p")
    logarithm = _check.numbers(log_p, "log_p")
    if not np.all(logarithm <= 0):
        raise ValueError("log_p: expected logarithms of p-values, which lie between 0 and 1: none above 0, no NaN")
    return (-special.ndtri_exp(logarithm))[()]


def global_p_value(p: ArrayLike, trials: ArrayLike) -> np.ndarray | float:
    r"""Returns the chance that the smallest of several independent p-values is at most p, :math:`1 - (1-p)^N`.

    Arguments:
        p: The smallest (local) p-value.
        trials: Number N of independent looks, at least 1. Overlapping cuts count as fewer than their number, so that
            counting each as a trial is conservative.

    References:
        | Trial factors for the look elsewhere effect in high energy physics (Gross & Vitells, 2010)
        | https://arxiv.org/abs/1005.1891

    Example:
        >>> print(f"{global_p_value(1e-20, 100):.3g} {global_p_value(0.01, 100):.3g}")
        1e-18 0.634
    """
    p, trials = _check.shares(p, "p"), _check.numbers(trials, "trials")
    if not np.all((trials >= 1) & (trials < np.inf)):
        raise ValueError("trials: expected finite numbers of at least 1")
    with np.errstate(divide="ignore"):  # log1p(-1) = -inf is right: p = 1 stays 1
        return -np.expm1(trials * np.log1p(-p))


def s_over_sqrt_b(signal: ArrayLike, background: ArrayLike, background_error: ArrayLike = 0.0) -> np.ndarray | float:
    r"""Returns the rule of thumb :math:`s/\sqrt{b + \sigma_b^2}`, fair only for :math:`s \ll b` and many events.

    Arguments:
        signal: Signal events expected past the cut.
        background: Background events expected there, above zero.
        background_error: Standard deviation of the background.

    Example:
        >>> float(s_over_sqrt_b(10, 4.0)), float(asimov_significance(10, 4.0).round(2))
        (5.0, 3.88)
    """
    s, b, sigma = _checked("signal", signal, background, background_error)
    return (s / np.hypot(np.sqrt(b), sigma))[()]


def asimov_significance(
    signal: ArrayLike, background: ArrayLike, background_error: ArrayLike = 0.0
) -> np.ndarray | float:
    r"""Returns the median significance to expect with the signal there: the likelihood ratio at the mean outcome.

    .. math:: Z = \sqrt{2\left[(s+b)\ln\frac{(s+b)(b+\sigma^2)}{b^2+(s+b)\sigma^2}
              - \frac{b^2}{\sigma^2}\ln\left(1+\frac{\sigma^2 s}{b(b+\sigma^2)}\right)\right]}
              \;\xrightarrow{\sigma\to 0}\; \sqrt{2\left[(s+b)\ln(1+s/b) - s\right]}

    Arguments:
        signal: Signal events expected past the cut.
        background: Background events expected there, above zero.
        background_error: Standard deviation of the background.

    References:
        | Asymptotic formulae for likelihood-based tests of new physics (Cowan et al., 2010), equation 97
        | https://arxiv.org/abs/1007.1727
        | Discovery sensitivity for a counting experiment with background uncertainty (Cowan, 2012)
        | https://www.pp.rhul.ac.uk/~cowan/stat/medsig/medsigNote.pdf

    Example:
        >>> float(asimov_significance(10, 4.0).round(2)), float(asimov_significance(10, 4.0, 2.0).round(2))
        (3.88, 2.43)
    """
    s, b, sigma = _checked("signal", signal, background, background_error)
    # The same as above with ratios written as 1 + small: accurate for a weak signal on a large background.
    with np.errstate(over="ignore"):  # an infinite relative error leaves no significance, which is right
        first = (s + b) * np.log1p(s / b / (1 + (s + b) * (sigma / b) ** 2))
    second = _per_variance(s / b / (1 + _tau(b, sigma)), b, sigma, limit=s)
    return np.sqrt(2 * np.maximum(first - second, 0))[()]


def _checked(name: str, counts: ArrayLike, background: ArrayLike, error: ArrayLike) -> tuple[np.ndarray, ...]:
    arguments = {name: counts, "background": background, "background_error": error}
    arrays = [_check.numbers(values, key) for key, values in arguments.items()]
    try:
        counts, b, sigma = np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(f"{key} {array.shape}" for key, array in zip(arguments, arrays, strict=True))
        raise ValueError(f"expected arrays of one shape, or numbers; these are {shapes}") from None
    _check.refuse(~((counts >= 0) & (counts <= _MOST)), name, "are not between 0 and 1e15")
    if name == "observed":
        _check.refuse(counts != np.floor(counts), name, "are no whole numbers: a sum of weights is no Poisson count")
    why = "are not between 1e-280 and 1e15; an empty control region does not make the background zero"
    _check.refuse(~((b >= _LEAST) & (b <= _MOST)), "background", why)
    _check.refuse(~((sigma >= 0) & (sigma <= _MOST)), "background_error", "are not between 0 and 1e15")
    # A relative error below 1e-10 cannot be told from none, and its square might not be held by a float.
    return counts, b, np.where(sigma < 1e-10 * b, 0.0, sigma)


def _tau(b: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """How many times larger the control region is that has the error, or any number where there is none."""
    return b / np.where(sigma == 0, 1.0, sigma) / np.where(sigma == 0, 1.0, sigma)


def _p_value(n: np.ndarray, b: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    known = sigma == 0
    tail = np.asarray(special.gammainc(np.maximum(n, 1), b))
    far = known & (n > _MANY) & (n > b + 4 * np.sqrt(b))
    tail[far] = np.exp(_log_far_tail(n[far], b[far], sigma[far]))
    n_off = (b / np.where(known, 1.0, sigma)) ** 2
    uncertain = special.betainc(np.maximum(n, 1), n_off + 1, 1 / (1 + _tau(b, sigma)))
    return np.where(n == 0, 1.0, np.where(known, tail, uncertain))


def _log_far_tail(n: np.ndarray, b: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    r"""Logarithm of the p-value for n far above b, as prefactor times a smooth integral.

    With t = x exp(-u), x = 1/(1+tau), the incomplete beta integral is x^n (1-x)^n_off / B(n, n_off+1) times the
    integral of exp(-n u + n_off log(1 + (1-exp(-u))/tau)) over u > 0. That falls like exp(-(n-b) u), and in this
    regime Gauss-Laguerre nodes integrate it to rounding error. For tau to infinity it is the Poisson tail.
    """
    known = sigma == 0
    slope = n - b
    u = _NODES / slope[:, None]
    y = -np.expm1(-u)
    tau = _tau(b, sigma)
    exponent = -n[:, None] * u + _per_variance(y / tau[:, None], b[:, None], sigma[:, None], limit=b[:, None] * y)
    log_integral = np.log(np.sum(_NODE_WEIGHTS * np.exp(exponent + _NODES), axis=1)) - np.log(slope)
    uncertain = -n * np.log1p(tau) - tau * b * np.log1p(1 / tau) - special.betaln(n, tau * b + 1)
    return np.where(known, _log_poisson(n, b), uncertain) + log_integral


def _log_poisson(n: np.ndarray, b: np.ndarray) -> np.ndarray:
    """log(b^n exp(-b) / gamma(n)); of many events by Stirling's series, where the terms would cancel."""
    v = (n - b) / (n + b)
    odd = sum(2 * v ** (2 * j + 1) / (2 * j + 1) for j in range(1, 7))  # log(n/b) without its first term, 2 v
    deviance = np.where(np.abs(v) < 0.05, (n - b) * v + n * odd, n * np.log(n / b) - (n - b))
    stirling = np.log(n / (2 * np.pi)) / 2 - 1 / (12 * n) - deviance
    return np.where(n > _MANY, stirling, n * np.log(b) - b - special.gammaln(n))


def _per_variance(x: np.ndarray, b: np.ndarray, sigma: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """(b/sigma)^2 log(1 + x), or its limit where sigma is zero."""
    known = sigma == 0
    return np.where(known, limit, (b / np.where(known, 1.0, sigma)) ** 2 * np.log1p(x))
