r"""The kernel machine: the same test with a sum of Gaussians in place of the network, convex and fast.

The log ratio is a sum over M centres, :math:`f(x) = \sum_i \alpha_i\, e^{-|x - c_i|^2/2\sigma^2}`. Most centres say
what their neighbours say already: a pivoted Cholesky decomposition keeps those that add anything above rounding error,
and turns the rest of the work into a logistic regression on r features, r often far below M.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike

from dmlib import _check, compute

from .kernel_newton import further_steps
from .references import References
from .toys import PoolToys, data_samples

_CENTRES = "as the centres have"
_INDEPENDENT = 1e-13  # least squared distance of a centre from those kept, in the kernel's space
_CHUNK = 8192  # events whose features are in memory at a time
_TOYS = 256  # whose f at these events are


@dataclass(frozen=True)
class Sums:
    """What the events of a sample add to the linear system of the machine; those of parts of a sample add up.

    Arguments:
        n: Number of events.
        total: Sum of their features, with weights if they have any, shape (r,).
        gram: Sum of the products of their features, shape (r, r).
    """

    n: int
    total: np.ndarray = field(repr=False)
    gram: np.ndarray = field(repr=False)

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.n + other.n, self.total + other.total, self.gram + other.gram)


@dataclass
class KernelFits:
    """The fitted kernel machines of all toys.

    Arguments:
        machine: Centres and width.
        t: Test statistic of every toy, shape (toys,).
        coefficients: Of the features of `KernelMachine.features`, shape (toys, r).
        iterations: Newton steps of every toy, shape (toys,).
    """

    machine: KernelMachine = field(repr=False)
    t: np.ndarray
    coefficients: np.ndarray = field(repr=False)
    iterations: np.ndarray = field(repr=False)

    def log_ratio(self, x: ArrayLike) -> np.ndarray:
        """Returns f of every toy at x, shape (n, d), as (toys, n)."""
        return self.coefficients @ self.machine.features(x).T


class KernelMachine:
    r"""Logistic regression with Gaussian kernels, fitted to many toys with a Newton method.

    .. math::
        \frac{1}{N} \left[\sum_{x \in \mathcal{R}} a_x \log\left(1 + e^{f(x)}\right)
        + \sum_{x \in \mathcal{D}} \log\left(1 + e^{-f(x)}\right)\right] + \lambda\, |f|^2

    with weights :math:`a_x`, usually :math:`N(R)/N_\mathcal{R}`, N the number of events in both samples, and the norm
    of the kernel's space. The minimum is the log ratio of data to reference, and of the fitted f

    .. math:: t = 2 \left[\sum_{x \in \mathcal{D}} f(x) - \sum_{x \in \mathcal{R}} a_x \left(e^{f(x)} - 1\right)\right]

    is the test statistic. Its law under the reference is no chi-squared law with M degrees of freedom: it is found by
    toys. A finite reference inflates it (`fit_models`).

    As in its authors' public code, the fit is one Newton step from f = 0 (`solve`). Where data and reference are many
    this gives :math:`f = 2\,(n_D - n_R)/(n_D + n_R)` for their local densities, near the log ratio while that is small.
    More steps reach the minimum. But where f is too large the loss grows linearly, and t falls exponentially: a small
    penalty lets f run away at the rim of the reference, and a toy in a hundred ends at t of minus hundreds. One step
    does so far more rarely. With more steps take a larger penalty, and look for t below 0 in any case.

    Arguments:
        centres: Shape (M, d).
        sigma: Width of the kernels.
        penalty: Penalty :math:`\lambda` on the norm, above 0.
        iterations: Most Newton steps; convergence takes about five.
        tolerance: A toy is done when a step promises less than this change of t.

    Attributes:
        centres: Those of the given ones that were kept, shape (r, d).

    Raises:
        ValueError: A number is not finite, or not above 0.

    References:
        | Learning new physics efficiently with nonparametric methods (Letizia et al., 2022)
        | https://arxiv.org/abs/2204.02317

    Example:
        >>> rng = np.random.default_rng(1)
        >>> reference, data = rng.normal(size=(5000, 1)), rng.normal(0.2, 1.0, size=(1000, 1))
        >>> machine = KernelMachine(reference[:100], sigma=2.0, penalty=1e-8)
        >>> fits = machine.fit(reference, [data], expected=1000)
        >>> bool(fits.t[0] > 20), fits.log_ratio([[-1.0], [1.0]]).shape
        (True, (1, 2))
    """

    def __init__(self, centres: ArrayLike, sigma: float, penalty: float, iterations: int = 1, tolerance: float = 1e-3):
        self.sigma, self.penalty = _check.positive(sigma, "sigma"), _check.positive(penalty, "penalty")
        self.iterations = _check.count(iterations, "iterations")
        self.tolerance = _check.positive(tolerance, "tolerance")
        device = compute.device()
        self._device = "cpu" if device.startswith("mps") else device  # Apple's GPUs have no double precision
        self._centres, self._lower = self._independent(self.tensor(_check.feature_array(centres, name="centres")))
        self.centres = self._centres.cpu().numpy()

    def features(self, x: ArrayLike) -> np.ndarray:
        r"""Returns the features whose linear functions are the functions of this machine, shape (n, r).

        They are orthonormal in the kernel's space: :math:`|f|^2` is the sum of the squared coefficients.
        """
        x = _check.feature_array(x, self.centres.shape[1], "x", _CENTRES)
        return np.concatenate([phi.cpu().numpy() for (phi,) in self.chunks(x)])

    def sums(self, x: ArrayLike, weights: ArrayLike | None = None) -> Sums:
        r"""Returns what events add to the linear system: :math:`\sum w \phi` and :math:`\sum w \phi \phi^T`.

        Toys that share events, background with signals of different sizes say, need their sums only once.

        Arguments:
            x: Shape (n, d).
            weights: Shape (n,); None counts each event once.

        Example:
            >>> rng = np.random.default_rng(1)
            >>> reference, data = rng.normal(size=(2000, 1)), rng.normal(size=(500, 1))
            >>> machine = KernelMachine(reference[:50], sigma=2.0, penalty=1e-8)
            >>> parts = machine.sums(data[:200]) + machine.sums(data[200:])
            >>> t = machine.fit(reference, [parts, data], expected=500).t
            >>> bool(np.isclose(t[0], t[1]))
            True
        """
        x = _check.feature_array(x, self.centres.shape[1], "x", _CENTRES)
        w = np.ones(len(x)) if weights is None else _check.column(weights, "weights", len(x), "weight")
        r = len(self.centres)
        total, gram = self._centres.new_zeros(r), self._centres.new_zeros(r, r)
        for phi, part in self.chunks(x, w):
            total += part @ phi
            gram += (part[:, None] * phi).T @ phi
        return Sums(len(x), total.cpu().numpy(), gram.cpu().numpy())

    def solve(self, reference: Sums, data: Sums) -> np.ndarray:
        r"""Returns the coefficients b after one Newton step from f = 0, shape (r,): :math:`f = b \cdot \phi`.

        .. math::
            \left[\frac{1}{4}\left(\sum_{\mathcal{R}} a \phi \phi^T + \sum_{\mathcal{D}} \phi \phi^T\right)
            + 2 \lambda N\right] b = \frac{1}{2} \left(\sum_{\mathcal{D}} \phi - \sum_{\mathcal{R}} a \phi\right)

        Arguments:
            reference: `sums` of the reference with its weights.
            data: `sums` of the data.
        """
        matrix = (reference.gram + data.gram) / 4
        matrix[np.diag_indices(len(matrix))] += 2 * self.penalty * (reference.n + data.n)
        return np.linalg.solve(matrix, (data.total - reference.total) / 2)

    def fit(
        self,
        reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
        toys: Sequence[ArrayLike | Sums] | PoolToys,
        expected: float,
        reference_weights: ArrayLike | Sequence[ArrayLike] | None = None,
    ) -> KernelFits:
        """Fits every toy.

        Arguments:
            reference: Events (N_R, d) for all toys, or one such array a toy, or a function of the toy's number.
            toys: Data samples, each (n_i, d), or, for a machine of one step, their `sums`.
            expected: Expected number of events N(R).
            reference_weights: Of the reference events, scaled to add up to N(R); None weighs them alike.

        Raises:
            ValueError: A sample is empty, not finite, or has other features than the centres.
            FloatingPointError: A fit does not end in finite numbers.
        """
        d = self.centres.shape[1]
        samples = data_samples(toys, d, _CENTRES, also=Sums)
        if self.iterations > 1 and any(isinstance(x, Sums) for x in samples):
            raise ValueError(f"toys: sums are enough for one step; expected events for iterations={self.iterations}")
        references = References(reference, reference_weights, expected, len(samples), d, _CENTRES)
        n = len(samples)
        fits = KernelFits(self, np.empty(n), np.empty((n, len(self.centres))), np.ones(n, dtype=int))
        for group in [range(n)] if references.shared else [[i] for i in range(n)]:
            self._fit(*references.of(group[0]), group, samples, fits)
        if not np.isfinite(fits.t).all():
            hint = "look for features of very different size (`normalise` them), or try a larger penalty"
            raise FloatingPointError(f"t of toy {np.isfinite(fits.t).argmin()} is not finite: {hint}")
        return fits

    def chunks(self, x: np.ndarray, *columns: np.ndarray) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yields the features of some events after the others, shape (k, r), and their part of each column."""
        for low in range(0, len(x), _CHUNK):
            x_part, *parts = (self.tensor(array[low : low + _CHUNK]) for array in (x, *columns))
            yield self._features(x_part), *parts

    def _fit(self, reference, weights, group, samples, fits):
        """Fits the toys of a group, which share a reference."""
        of_reference = self.sums(reference, weights)
        for i in group:
            data = samples[i] if isinstance(samples[i], Sums) else self.sums(samples[i])
            b = self.solve(of_reference, data)
            if self.iterations > 1:
                b, fits.iterations[i] = further_steps(self, reference, weights, samples[i], b)
            fits.coefficients[i], fits.t[i] = b, 2 * b @ data.total
        for some in (group[low : low + _TOYS] for low in range(0, len(group), _TOYS)):
            coefficients = self.tensor(fits.coefficients[some].T)
            for phi, a in self.chunks(reference, weights):
                fits.t[some] -= 2 * (a @ (phi @ coefficients).expm1_()).cpu().numpy()

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """Returns an array in double precision on the device."""
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float64, device=self._device)

    def _kernel(self, x, centres):
        squares = (x**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * x @ centres.T
        return torch.exp(squares.clamp_min_(0).mul_(-0.5 / self.sigma**2))

    def _independent(self, candidates):
        """Pivoted Cholesky decomposition: the centres that matter, and the factor of their kernel matrix."""
        left = candidates.new_ones(len(candidates))  # squared distance from the span of those chosen
        columns = candidates.new_empty(len(candidates), min(64, len(candidates)))
        chosen: list[int] = []
        while len(chosen) < len(candidates) and left.max() > _INDEPENDENT:
            best, r = int(left.argmax()), len(chosen)
            if r == columns.shape[1]:
                columns = torch.cat([columns, torch.empty_like(columns)], dim=1)
            column = self._kernel(candidates, candidates[best : best + 1])[:, 0]
            column -= columns[:, :r] @ columns[best, :r]
            columns[:, r] = column / left[best].sqrt()
            left = (left - columns[:, r] ** 2).clamp_min_(0)
            left[best] = 0
            chosen.append(best)
        return candidates[chosen], columns[chosen, : len(chosen)].tril().contiguous()

    def _features(self, x):
        return torch.linalg.solve_triangular(self._lower, self._kernel(x, self._centres).T, upper=False).T.contiguous()
