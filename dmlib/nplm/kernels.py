r"""The kernel machine: the same test with a sum of Gaussians in place of the network, convex and fast.

The log ratio is a sum over M centres, :math:`f(x) = \sum_i \alpha_i\, e^{-|x - c_i|^2/2\sigma^2}`. Most centres say
what their neighbours say already: a pivoted Cholesky decomposition keeps those that add anything above rounding error,
and turns the rest of the work into a logistic regression on r features, r often far below M.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from dmlib import compute

from . import _check
from .kernel_solver import MEMORY, Data, Reference, conjugate_gradients

_ADDS = 1e-13  # a centre is kept if it is at least so far (squared) from those kept, in the kernel's space


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
    r"""Logistic regression with Gaussian kernels, fitted to many toys with a Newton method and conjugate gradients.

    .. math::
        \frac{1}{N} \left[\sum_{x \in \mathcal{R}} a_x \log\left(1 + e^{f(x)}\right)
        + \sum_{x \in \mathcal{D}} \log\left(1 + e^{-f(x)}\right)\right] + \lambda\, |f|^2

    with weights :math:`a_x`, usually :math:`N(R)/N_\mathcal{R}`, N the number of events in both samples, and the norm
    of the kernel's space. The minimum is the log ratio of data to reference, and of the fitted f

    .. math:: t = 2 \left[\sum_{x \in \mathcal{D}} f(x) - \sum_{x \in \mathcal{R}} a_x \left(e^{f(x)} - 1\right)\right]

    is the test statistic. Its law under the reference is no chi-squared law with M degrees of freedom: it is found by
    toys. A finite reference inflates it (`fit_models`).

    As in its authors' public code, the fit is one Newton step from f = 0. Where data and reference are many this gives
    :math:`f = 2\,(n_D - n_R)/(n_D + n_R)` for their local densities, near the log ratio while that is small. More steps
    reach the minimum. But where f is too large the loss grows linearly, and t falls exponentially: a small penalty
    lets f run away at the rim of the reference, and a toy in a hundred ends at t of minus hundreds. One step
    does so far more rarely. With more steps take a larger penalty, and look for t below 0 in any case.

    The step from f = 0 is one linear system a toy, to which the reference adds the same for all of them. Further steps,
    and all with more than 500 features, take conjugate gradients; their preconditioner is the second derivative
    at f = 0, from reference events alone.

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
        | Kernel methods through the roof: handling billions of points efficiently (Meanti et al., 2020)
        | https://arxiv.org/abs/2006.10350

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
        self.iterations, self.tolerance = iterations, tolerance
        device = compute.device()
        self._device = "cpu" if device.startswith("mps") else device  # Apple's GPUs have no double precision
        self._centres, self._lower = self._independent(self._tensor(_check.events(centres, "centres")))
        self.centres = self._centres.cpu().numpy()

    def features(self, x: ArrayLike) -> np.ndarray:
        r"""Returns the features whose linear functions are the functions of this machine, shape (n, r).

        They are orthonormal in the kernel's space: :math:`|f|^2` is the sum of the squared coefficients.
        """
        x = _check.events(x, "x", self.centres.shape[1], _check.CENTRES)
        return self._features(self._tensor(x)).cpu().numpy()

    def fit(
        self,
        reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
        toys: Sequence[ArrayLike],
        expected: float,
        reference_weights: ArrayLike | Sequence[ArrayLike] | None = None,
    ) -> KernelFits:
        """Fits every toy.

        Arguments:
            reference: Events (N_R, d) for all toys, or one such array a toy, or a function of the toy's number.
            toys: Data samples, each (n_i, d).
            expected: Expected number of events N(R).
            reference_weights: Of the reference events, scaled to add up to N(R); None weighs them alike.

        Raises:
            ValueError: A sample is empty, not finite, or has other features than the centres.
            FloatingPointError: A fit does not end in finite numbers: the penalty is too small.
        """
        d = self.centres.shape[1]
        samples = _check.samples(toys, d, _check.CENTRES)
        references = _check.References(reference, reference_weights, expected, len(samples), d, _check.CENTRES)
        largest = max(map(len, samples))
        batch = max(1, min(256, MEMORY // (largest * len(self.centres)))) if references.shared else 1
        results, events = [], None
        for low in range(0, len(samples), batch):
            numbers = range(low, min(low + batch, len(samples)))
            if events is None or not references.shared:
                ((x, a),) = references.of(numbers)
                events = Reference(self, self._tensor(x), self._tensor(a))
            results.append(self._newton(events, [samples[i] for i in numbers]))
        t, coefficients, iterations = (np.concatenate(part) for part in zip(*results, strict=True))
        if not np.isfinite(t).all():
            raise FloatingPointError(
                f"t of toy {np.flatnonzero(~np.isfinite(t))[0]} is not finite: try a larger penalty"
            )
        return KernelFits(self, t, coefficients, iterations)

    def _tensor(self, array):
        import torch

        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float64, device=self._device)

    def _kernel(self, x, centres):
        import torch

        squares = (x**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * x @ centres.T
        return torch.exp(squares.clamp_min_(0).mul_(-0.5 / self.sigma**2))

    def _independent(self, candidates):
        """Pivoted Cholesky decomposition: the centres that matter, and the factor of their kernel matrix."""
        import torch

        left = candidates.new_ones(len(candidates))  # squared distance from the span of those chosen
        columns = candidates.new_empty(len(candidates), min(64, len(candidates)))
        chosen: list[int] = []
        while len(chosen) < len(candidates) and left.max() > _ADDS:
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
        import torch

        return torch.linalg.solve_triangular(self._lower, self._kernel(x, self._centres).T, upper=False).T.contiguous()

    def _newton(self, reference, toys):
        """Fits toys that share a reference: t, coefficients, and the number of steps."""
        import torch

        data = Data(self, toys)
        b = reference.weights.new_zeros(len(toys), len(self.centres))
        n = reference.n + data.n[:, None]
        steps, open_ = (
            torch.zeros(len(toys), dtype=torch.long),
            torch.ones(len(toys), dtype=torch.bool, device=b.device),
        )

        def objective(b):
            softplus = torch.nn.functional.softplus
            total = sum((w[:, None] * softplus(phi @ b.T)).sum(0) for phi, w in reference.chunks())
            total += (data.mask * softplus(-data.of(b))).sum(1)
            return total + self.penalty * n[:, 0] * (b**2).sum(1)

        value = np.log(2) * (reference.weights.sum() + data.n)  # of the objective at f = 0
        for _ in range(self.iterations):
            if reference.direct and not steps.any():
                # At f = 0 all probabilities are 1/2, and what the reference adds is the same for all toys.
                sums, grams = data.sums()
                gradient, hessian = (reference.sums - sums) / 2, (reference.gram + grams) / 4
                hessian.diagonal(dim1=1, dim2=2).add_(2 * self.penalty * n)
                step = -torch.linalg.solve(hessian, gradient)
            else:
                gradient, curvature = self._derivatives(reference, data, b, n)
                step = -conjugate_gradients(curvature, gradient, reference.precondition)
            promised = -(gradient * step).sum(1)
            size, trial = torch.where(open_, 1.0, 0.0).to(b), None
            for _ in range(20):
                trial = b + size[:, None] * step
                new = objective(trial)
                worse = ~(new <= value + 1e-12 * value.abs()) & open_
                if not worse.any():
                    break
                size = torch.where(worse, size / 2, size)
            else:
                trial, new = torch.where(worse[:, None], b, trial), torch.where(worse, value, new)
            b, value = trial, new
            steps += open_.cpu()
            open_ = open_ & (promised > self.tolerance)
            if not open_.any():
                break
        t = 2 * (
            (data.mask * data.of(b)).sum(1)
            - sum((w[:, None] * torch.expm1(p @ b.T)).sum(0) for p, w in reference.chunks())
        )
        return t.cpu().numpy(), b.cpu().numpy(), steps.numpy()

    def _derivatives(self, reference, data, b, n):
        """Gradient of N times the objective, shape (toys, r), and the product of its Hessian with a vector."""
        import torch

        gradient = 2 * self.penalty * n * b
        p = torch.sigmoid(data.of(b))
        gradient -= data.back(data.mask * (1 - p))
        slopes, data_slope = [], data.mask * p * (1 - p)
        for phi, w in reference.chunks():
            p = torch.sigmoid(phi @ b.T)
            gradient += (w[:, None] * p).T @ phi
            slopes.append(w[:, None] * p * (1 - p))

        def curvature(v):
            out = 2 * self.penalty * n * v + data.back(data_slope * data.of(v))
            for (phi, _), slope in zip(reference.chunks(), slopes, strict=True):
                out += (slope * (phi @ v.T)).T @ phi
            return out

        return gradient, curvature
