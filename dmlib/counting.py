r"""From a cut to a claim: p-values and significances of a counting experiment.

A cut leaves ``observed`` events where ``background`` were expected. How surprising is that, if the expectation is
itself uncertain, and if many cuts were tried?
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

__all__ = ["asimov_significance", "global_p_value", "log_p_value", "p_value", "s_over_sqrt_b", "z_score"]

_DEEP = 1e-250  # below this p-value the library functions come close to underflow: the tail is integrated in logarithms
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
        ValueError: If a count is negative or not whole, if the background is not above zero (an empty control region
            does not mean that there is no background), or if an error is negative.

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
    log_p[deep] = _log_deep_tail(n[deep], b[deep], sigma[deep])
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
    if (p is None) == (log_p is None):
        raise ValueError("give either p or log_p")
    p_or_log = np.asarray(p if log_p is None else log_p, dtype=float)
    if not np.all((p_or_log >= 0) & (p_or_log <= 1) if log_p is None else p_or_log <= 0):
        raise ValueError("a p-value lies between 0 and 1, its logarithm below 0")
    return (stats.norm.isf(p_or_log) if log_p is None else -special.ndtri_exp(p_or_log))[()]


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
    p, trials = np.asarray(p, dtype=float), np.asarray(trials, dtype=float)
    if not (np.all((p >= 0) & (p <= 1)) and np.all(trials >= 1)):
        raise ValueError("a p-value lies between 0 and 1, and trials are at least 1")
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
    return (s / np.sqrt(b + sigma**2))[()]


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
    variance = sigma**2
    # The same as above with ratios written as 1 + small: accurate for a weak signal on a large background.
    first = (s + b) * np.log1p(s * b / (b**2 + (s + b) * variance))
    second = _per_variance(variance * s / (b * (b + variance)), b, sigma, limit=s)
    return np.sqrt(2 * np.maximum(first - second, 0))[()]


def _checked(name: str, counts: ArrayLike, background: ArrayLike, background_error: ArrayLike) -> list[np.ndarray]:
    arrays = (np.asarray(a, dtype=float) for a in (counts, background, background_error))
    counts, b, sigma = np.broadcast_arrays(*arrays)
    if not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError(f"{name} must be finite and not negative")
    if name == "observed" and np.any(counts != np.floor(counts)):
        raise ValueError("observed counts must be whole numbers: a sum of weights does not follow the Poisson law")
    if not np.all(np.isfinite(b) & (b > 0)):
        raise ValueError("background must be finite and above zero; an empty control region does not make it zero")
    if not np.all(np.isfinite(sigma) & (sigma >= 0)):
        raise ValueError("background_error must be finite and not negative")
    # A relative error below 1e-10 cannot be told from none, and its square might not be held by a float.
    return [counts, b, np.where(sigma < 1e-10 * b, 0.0, sigma)]


def _p_value(n: np.ndarray, b: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    known = sigma == 0
    n_off = (b / np.where(known, 1.0, sigma)) ** 2
    uncertain = special.betainc(np.maximum(n, 1), n_off + 1, sigma**2 / (sigma**2 + b))
    return np.where(n == 0, 1.0, np.where(known, special.gammainc(np.maximum(n, 1), b), uncertain))


def _log_deep_tail(n: np.ndarray, b: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    r"""Logarithm of the p-value for n far above b, as prefactor times a smooth integral.

    With t = x exp(-u), x = 1/(1+tau), the incomplete beta integral is x^n (1-x)^n_off / B(n, n_off+1) times the
    integral of exp(-n u + n_off log(1 + (1-exp(-u))/tau)) over u > 0. That falls like exp(-(n-b) u), and in this
    regime Gauss-Laguerre nodes integrate it to rounding error. For tau to infinity it is the Poisson tail.
    """
    known = sigma == 0
    slope = n - b
    u = _NODES / slope[:, None]
    y = -np.expm1(-u)
    column = [a[:, None] for a in (b, sigma)]
    exponent = -n[:, None] * u + _per_variance(y * column[1] ** 2 / column[0], *column, limit=column[0] * y)
    log_integral = np.log(np.sum(_NODE_WEIGHTS * np.exp(exponent + _NODES), axis=1)) - np.log(slope)
    tau = b / np.where(known, 1.0, sigma) ** 2
    uncertain = -n * np.log1p(tau) - tau * b * np.log1p(1 / tau) - special.betaln(n, tau * b + 1)
    return np.where(known, n * np.log(b) - b - special.gammaln(n), uncertain) + log_integral


def _per_variance(x: np.ndarray, b: np.ndarray, sigma: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """(b/sigma)^2 log(1 + x), or its limit where sigma is zero."""
    known = sigma == 0
    return np.where(known, limit, (b / np.where(known, 1.0, sigma)) ** 2 * np.log1p(x))
