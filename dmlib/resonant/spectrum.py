"""The smooth spectrum of the resonant mass: fitted beside the signal region, and read inside."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dmlib import _check, counting

BAD_FIT = 1e-6  # probability of a chi2 below which a fit is warned about


class Bump(NamedTuple):
    """Events in a signal region beside what the smooth spectrum expects there."""

    observed: int
    expected: float
    error: float
    p_value: float
    z: float


class Spectrum(BaseEstimator):
    r"""Smooth fit of a falling mass spectrum, the dijet function of many searches.

    .. math:: \frac{dN}{dm} = e^{p_0} (1 - y)^{p_1}\, y^{-p_2 - p_3 \ln y}, \qquad y = m / \sqrt s

    It maximises the Poisson likelihood of the bins outside the signal region (iminuit). The error of what it expects
    inside comes from the covariance of the fit.

    Arguments:
        parameters: How many of p0 ... p3 are fitted, 2 to 4; the others are zero.
        sqrt_s: Energy of the collisions, in the unit of m.
        bin_width: Of the histogram, in the unit of m.

    Attributes:
        values_, covariance_: Fitted parameters, shape (parameters,), and their covariance.
        edges_, counts_, outside_: The histogram, and which of its bins were fitted.
        chi2_, ndof_: Poisson deviance of the fitted bins and its degrees of freedom.

    References:
        | Extending the search for new resonances with machine learning (Collins et al., 2019)
        | https://arxiv.org/abs/1902.02634

    Example:
        >>> m = 3 + np.random.default_rng(1).exponential(0.4, 20_000)
        >>> spectrum = Spectrum(parameters=3).fit(m[m < 4.5], region=(3.3, 3.7))
        >>> abs(spectrum.bump(m).z) < 4
        True
    """

    def __init__(self, parameters: int = 3, sqrt_s: float = 13.0, bin_width: float = 0.05):
        self.parameters = parameters
        self.sqrt_s = sqrt_s
        self.bin_width = bin_width

    def fit(self, m: ArrayLike, region: tuple[float, float]) -> Spectrum:
        """Fits the masses m, shape (n,), outside the region, whose edges are edges of the histogram too.

        Raises:
            ValueError: There are fewer filled bins outside the region than parameters; the region lies beyond
                the masses; masses are not finite, or not between 0 and `sqrt_s`.
            RuntimeError: The fit does not converge.
        """
        from iminuit import Minuit

        m = _check.column(m, "m", one="mass")
        low, high = _check.region(region, bounded=True)
        _check.positive(self.bin_width, "bin_width")
        if _check.count(self.parameters, "parameters", 2) > 4:
            raise ValueError(f"parameters={self.parameters}: expected 2 to 4 parameters")
        first, last = m.min(), m.max()
        if first <= 0 or last >= self.sqrt_s:
            raise ValueError(f"m: expected masses between 0 and {self.sqrt_s:g} (sqrt_s), not {first:g} to {last:g}")
        if high <= first or low >= last:
            raise ValueError(f"region={region!r}: expected it among the masses, which go from {first:g} to {last:g}")
        self.region_ = low, high
        self.edges_ = self._edges(first, last, low, high)
        self.counts_ = np.histogram(m, self.edges_)[0]
        self.outside_ = (self.edges_[1:] <= low + 1e-9) | (self.edges_[:-1] >= high - 1e-9)
        n = self.counts_[self.outside_]
        if (n > 0).sum() <= self.parameters:
            raise ValueError(f"{(n > 0).sum()} filled bins outside {region}: expected more than {self.parameters}")
        # Orthogonal coordinates of the parameters make the fit well conditioned.
        middles = 0.5 * (self.edges_[1:] + self.edges_[:-1])
        self._centre = np.log(np.average(middles, weights=self.counts_) / self.sqrt_s)
        design = self._design(middles)[self.outside_]
        _, self._basis = np.linalg.qr(design * np.sqrt(n + 1.0)[:, None])

        def deviance(values):
            mu = self._integrals(values)[self.outside_]
            with np.errstate(divide="ignore", invalid="ignore"):
                return 2 * (mu - n + np.where(n > 0, n * np.log(n / mu), 0.0)).sum()

        start = np.zeros(self.parameters)
        start[0] = np.log(max(n.mean(), 1) / self.bin_width)
        fit = Minuit(deviance, self._basis @ start)
        fit.errordef, fit.strategy = Minuit.LEAST_SQUARES, 1
        fit.migrad(ncall=20_000)
        if not fit.valid or not fit.accurate:
            fit.migrad(ncall=50_000).hesse()
        if not fit.valid:
            raise RuntimeError("the fit of the mass spectrum did not converge; try fewer parameters or wider bins")
        self.values_, self.covariance_ = np.array(fit.values), np.array(fit.covariance)
        self.chi2_, self.ndof_ = float(fit.fval), int((n > 0).sum() - self.parameters)
        if stats.chi2.sf(self.chi2_, self.ndof_) < BAD_FIT:
            fitted = f"chi2 {self.chi2_:.4g} for {self.ndof_} degrees of freedom"
            hint = "leave out masses where it turns over, or try more parameters"
            warnings.warn(f"the spectrum does not describe the side bands ({fitted}): {hint}", stacklevel=2)
        return self

    def density(self, m: ArrayLike) -> np.ndarray:
        """Returns dN/dm at masses m, shape (n,)."""
        check_is_fitted(self)
        return np.exp(self._log_density(np.asarray(m, float), self.values_))

    def expected(self) -> tuple[float, float]:
        """Returns the number of events expected inside the region, and its error from the fit."""
        check_is_fitted(self)

        def inside(values):
            return self._integrals(values)[~self.outside_].sum()

        value, steps = self.values_, np.sqrt(np.diag(self.covariance_))
        gradient = [(inside(value + d) - inside(value - d)) / (2 * d.sum()) for d in np.diag(steps) / 2]
        return float(inside(value)), float(np.sqrt(gradient @ self.covariance_ @ gradient))

    def bump(self, m: ArrayLike) -> Bump:
        """Compares the events of m inside the region with the number expected there (`dmlib.counting.p_value`)."""
        check_is_fitted(self)
        low, high = self.region_
        m = _check.column(m, "m", one="mass") if np.size(m) else np.empty(0)
        observed = int(((m >= low) & (m <= high)).sum())
        expected, error = self.expected()
        log_p = counting.log_p_value(observed, expected, error)
        return Bump(observed, expected, error, float(np.exp(log_p)), float(counting.z_score(log_p=log_p)))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws n masses inside the region from the fitted spectrum."""
        check_is_fitted(self)
        grid = np.linspace(*self.region_, 1001)
        cumulative = np.concatenate([[0], np.cumsum(0.5 * (self.density(grid[1:]) + self.density(grid[:-1])))])
        return np.interp(rng.random(_check.count(n, "n", 0)) * cumulative[-1], cumulative, grid)

    def _edges(self, first, last, low, high):
        """Bins of about the wished width that end at the region's edges; what is left over at the ends is cut off."""
        count = max(round((high - low) / self.bin_width), 1)
        width = (high - low) / count
        below, above = (max(int(length / width + 1e-9), 0) for length in (low - first, last - high))
        return low + width * np.arange(-below, count + above + 1)

    def _design(self, m):
        y = m / self.sqrt_s
        log, log_rest = np.log(y) - self._centre, np.log1p(-y) - np.log1p(-np.exp(self._centre))
        return np.column_stack([np.ones_like(y), log, log_rest, log**2][: self.parameters])

    def _log_density(self, m, values):
        return self._design(m) @ np.linalg.solve(self._basis, values)

    def _integrals(self, values):
        """Events in each bin, by Simpson's rule."""
        left, right = self.edges_[:-1], self.edges_[1:]
        f = [np.exp(np.clip(self._log_density(m, values), -500, 500)) for m in (left, 0.5 * (left + right), right)]
        return (right - left) / 6 * (f[0] + 4 * f[1] + f[2])
