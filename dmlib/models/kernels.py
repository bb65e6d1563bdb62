"""Gaussian kernel densities: summed exactly or read off a grid, and how wide the kernels shall be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from KDEpy import FFTKDE
from numpy.typing import ArrayLike

from dmlib import _check, compute

BLOCK = 64  # events at a time: their distances to all centres shall stay in the processor's cache
FACTORS = np.geomspace(0.3, 3.0, 9)  # of Silverman's width, tried in cross-validation


def log_density(x: ArrayLike, centres: ArrayLike, width: float, weight: ArrayLike | None = None) -> np.ndarray:
    r"""Returns the logarithm of a sum of Gaussian kernels, exact also where it is tiny.

    .. math:: \log p(x) = \log \sum_i \frac{w_i}{\sum_j w_j}\, \frac{e^{-|x - t_i|^2 / 2 h^2}}{(2 \pi h^2)^{D/2}}

    The exponents, :math:`x \cdot t_i / h^2 - |t_i|^2 / 2 h^2 + \log w_i`, are one matrix product for a block of events;
    the part that depends on x alone is taken off after the sum.

    Arguments:
        x: Events, shape (n, D).
        centres: Where the kernels stand, shape (m, D).
        width: Standard deviation h of a kernel, the same in all directions.
        weight: Of each kernel, shape (m,); None weighs all alike.

    Returns:
        Shape (n,).

    References:
        | Remarks on Some Nonparametric Estimates of a Density Function (Rosenblatt, 1956)
        | https://doi.org/10.1214/aoms/1177728190

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> bool(np.isclose(log_density([[0.0, 0.0]], x, 0.3)[0], -np.log(2 * np.pi * 1.09), atol=0.1))
        True
    """
    t = _check.feature_array(centres, name="centres") / _check.positive(width, "width")
    q = _check.feature_array(x, t.shape[1], why="as the centres have") / width
    w = _check.weights(weight, len(t), "weight")
    device = compute.device() if compute.device().startswith("cuda") else "cpu"  # in doubles, which not all have
    with np.errstate(divide="ignore"):
        bias = torch.as_tensor(np.log(w / w.sum()) - 0.5 * (t**2).sum(axis=1), device=device)
    columns = torch.as_tensor(t, device=device).T.contiguous()
    blocks = torch.as_tensor(q, device=device).split(BLOCK if device == "cpu" else 100 * BLOCK)
    total = torch.cat([torch.addmm(bias, block, columns).logsumexp(dim=1) for block in blocks]).cpu().numpy()
    return total - 0.5 * (q**2).sum(axis=1) - t.shape[1] * np.log(width * np.sqrt(2 * np.pi))


def silverman(x: ArrayLike, weight: ArrayLike | None = None) -> float:
    r"""Returns the width of the kernels by Silverman's rule, right for a normal law.

    .. math:: h = \sigma \left(\frac{4}{(D + 2)\, n}\right)^{1 / (D + 4)}

    with :math:`\sigma^2` the mean of the D variances, and n the effective number of events,
    :math:`(\sum w)^2 / \sum w^2`.

    Arguments:
        x: Events, shape (n, D).
        weight: Of each event, shape (n,); None weighs all alike.

    References:
        | Density Estimation for Statistics and Data Analysis (Silverman, 1986), equation 4.14
        | https://doi.org/10.1201/9781315140919

    Example:
        >>> round(silverman(np.random.default_rng(1).normal(size=(1000, 2))), 2)
        0.32
    """
    x = _check.feature_array(x)
    w = _check.weights(weight, len(x), "weight")
    n, d = w.sum() ** 2 / (w**2).sum(), x.shape[1]
    if n < 1 + 1e-9:
        raise ValueError("x: expected two events or more, to see how far apart they lie")
    variance = np.diag(np.atleast_2d(np.cov(x.T, aweights=w))).mean()
    return float(np.sqrt(variance) * (4 / ((d + 2) * n)) ** (1 / (d + 4)))


def cross_validated(
    x: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    folds: int = 5,
    factors: Sequence[float] | np.ndarray = FACTORS,
    seed: compute.Seed = 0,
) -> float:
    """Returns the width under which events left out are most likely.

    Arguments:
        x: Events, shape (n, D).
        weight: Of each event, shape (n,); None weighs all alike.
        folds: Number of parts, each left out once.
        factors: The widths to try, in units of `silverman`'s.
        seed: Of the parts.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.7
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> two = np.random.default_rng(1).normal(size=(500, 1)) + 8 * (np.arange(500) % 2)[:, None]
        >>> cross_validated(two) < 0.5 * silverman(two)  # whose rule takes both peaks for one
        True
    """
    x = _check.feature_array(x)
    w = _check.weights(weight, len(x), "weight")
    if _check.count(folds, "folds", 2) > len(x):
        raise ValueError(f"folds={folds} of {len(x)} events: expected at least one event in each")
    part = compute.stream(seed, "folds").permutation(len(x)) % folds
    widths = [float(h) for h in silverman(x, w) * np.asarray(factors)]

    def likelihood(width: float) -> float:
        left_out = np.empty(len(x))
        for k in range(folds):
            left_out[part == k] = log_density(x[part == k], x[part != k], width, w[part != k])
        return float(w @ left_out)

    return max(widths, key=likelihood)


class Grid:
    r"""The same density, computed on a grid by a fast Fourier transform and read off between its points.

    The grid covers the bulk of the centres, D times their 1st to 99th percentile, and as far around it as kernels
    reach. Between grid points the logarithm of the density is the mean over the corners of the cell, weighted inversely
    to their distances. Where the grid says nothing, outside of the bulk and where the density is below what was cut off
    of the kernels, the sum is taken exactly: the far tail holds the strangest events of all.

    Arguments:
        centres, width, weight: As for `log_density`.
        most: Grid points at most.

    Raises:
        ValueError: So many points would stand further apart than the kernels are wide: from four or five dimensions on.

    References:
        | KDEpy: Kernel Density Estimation in Python (Odland, 2018): https://doi.org/10.5281/zenodo.2392268
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.7
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> x = np.random.default_rng(1).normal(size=(5000, 2))
        >>> fast, exact = Grid(x, 0.2).log_density(x[:1000]), log_density(x[:1000], x, 0.2)
        >>> bool(abs(fast - exact).max() < 0.2)
        True
    """

    _REACH = 5.5  # in widths; further out a kernel is below 3e-7 of its height
    _FINEST = 0.25  # distance of grid points, in widths; finer ones change nothing
    _USUAL = 2**18  # points, if they stand no further apart than the kernels are wide

    def __init__(self, centres: ArrayLike, width: float, weight: ArrayLike | None = None, most: int = 2**20):
        self.centres = _check.feature_array(centres, name="centres")
        self.width, self.weight = _check.positive(width, "width"), _check.weights(weight, len(self.centres), "weight")
        d = self.centres.shape[1]
        self.low, self.high = np.quantile(self.centres, (0.01, 0.99), axis=0)
        start, size = self.low - self._REACH * width, self.high - self.low + 2 * self._REACH * width
        step = min(max(self._FINEST * width, (np.prod(size) / self._USUAL) ** (1 / d)), width)
        needed = int(np.prod(np.ceil(size / step)))
        if needed > _check.count(most, "most"):
            raise ValueError(
                f"a grid in {d} dimensions with points no further apart than the kernels are wide, {width:.3g}, has"
                f" {needed:,}, above {most:,}: take fewer dimensions, wider kernels, or the exact sum"
            )
        axes = [a + step * np.arange(np.ceil(s / step) + 1) for a, s in zip(start, size, strict=True)]
        self.shape, self.start, self.step = [len(a) for a in axes], start, step
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, d)
        inside = ((self.centres > start) & (self.centres < points[-1])).all(axis=1)
        # KDEpy cuts a Gaussian off at a fixed height, 1e-4: in units in which it is narrow, that is 5.5 widths or more.
        unit = 1e-3 / width
        kernels = FFTKDE(kernel="gaussian", bw=1e-3).fit(unit * self.centres[inside], self.weight[inside])
        share = self.weight[inside].sum() / self.weight.sum()
        density = share * kernels.evaluate(unit * points).reshape(self.shape) * unit**d
        # All that was cut off, were every centre just out of reach, is a twentieth of this.
        self.least = 20 * np.exp(-0.5 * self._REACH**2) / (2 * np.pi * width**2) ** (d / 2)
        self.log = np.log(np.maximum(density, np.finfo(float).tiny))

    def log_density(self, x: ArrayLike) -> np.ndarray:
        """Returns log p of each event, shape (n,)."""
        x = _check.feature_array(x, len(self.shape), why="as the centres have")
        place = np.clip((x - self.start) / self.step, 0, np.array(self.shape) - 1.001)
        corner = place.astype(int)
        total, sum_of_weights, lowest = np.zeros(len(x)), np.zeros(len(x)), np.full(len(x), np.inf)
        for offset in product((0, 1), repeat=len(self.shape)):
            value = self.log[tuple((corner + offset).T)]
            weight = 1 / np.maximum(np.linalg.norm(place - corner - offset, axis=1), 1e-9)
            total, sum_of_weights = total + weight * value, sum_of_weights + weight
            lowest = np.minimum(lowest, value)
        result = total / sum_of_weights
        beyond = ((x < self.low) | (x > self.high)).any(axis=1) | (lowest < np.log(self.least))
        if beyond.any():
            result[beyond] = log_density(x[beyond], self.centres, self.width, self.weight)
        return result
