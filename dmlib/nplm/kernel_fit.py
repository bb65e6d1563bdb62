"""From samples to fitted kernel machines in one call, hyper-parameters included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _check
from .kernels import KernelFits, KernelMachine


class Suggestion(NamedTuple):
    """Hyper-parameters of a kernel machine: number of centres, width, penalty."""

    centres: int
    sigma: float
    penalty: float


def suggest(reference: ArrayLike, expected: float, seed: int = 0) -> Suggestion:
    r"""Returns hyper-parameters by the recipe of the paper, from the reference alone.

    The width is the 90th percentile of the distance between two events; the number of centres
    :math:`M = \sqrt{N_\mathcal{R} + N(R)}`, the least that suffices by theory (more cost little here); the penalty the
    smallest power of ten, down to the published 1e-10, with which t of ten samples drawn from the reference is
    above 0. With less, f runs away where there is hardly a reference event.

    Arguments:
        reference: Shape (N_R, d), scaled: distances add up all features.
        expected: Expected number of events N(R).
        seed: Of the events that are looked at.

    Returns:
        ``centres``, ``sigma`` and ``penalty``.

    References:
        | Learning new physics efficiently with nonparametric methods (Letizia et al., 2022), section 3.3
        | https://arxiv.org/abs/2204.02317

    Example:
        >>> suggest(np.random.default_rng(1).normal(size=(5000, 2)), expected=500)
        Suggestion(centres=75, sigma=3.1, penalty=1e-10)
    """
    from scipy.spatial.distance import pdist

    x, rng = _check.events(reference, "reference"), np.random.default_rng(seed)
    sigma = float(np.percentile(pdist(rng.choice(x, min(len(x), 2000), replace=False)), 90))
    centres = int(np.ceil(np.sqrt(len(x) + _check.positive(expected, "expected"))))
    places = rng.choice(x, centres, replace=False)
    toys = [rng.choice(x, min(len(x), round(expected)), replace=False) for _ in range(10)]
    penalty = 1e-5
    for power in range(-6, -11, -1):
        fits = KernelMachine(places, sigma, 10.0**power).fit(x, toys, expected)
        if fits.t.min() < 0:
            break
        penalty = 10.0**power
    return Suggestion(centres, float(f"{sigma:.2g}"), penalty)


def fit_kernels(
    reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
    toys: Sequence[ArrayLike],
    expected: float,
    centres: int | None = None,
    sigma: float | None = None,
    penalty: float | None = None,
    seed: int = 0,
    reference_weights: ArrayLike | Sequence[ArrayLike] | None = None,
) -> KernelFits:
    r"""Fits a kernel machine to every toy, with centres drawn by lot from the reference.

    Arguments:
        reference: Events (N_R, d) for all toys; or one such array a toy, or a function of the toy's number: then all
            toys take their centres from the first.
        toys: Data samples, each (n_i, d).
        expected: Expected number of events N(R).
        centres: Their number M.
        sigma: Width of the kernels.
        penalty: Penalty on the norm. What is None of these three is taken from `suggest`.
        seed: Of the lot, and of `suggest`.
        reference_weights: Of the reference events; None weighs them alike.

    Returns:
        The fits, with ``t`` and ``log_ratio(x)``.

    Raises:
        ValueError: A sample is empty or not finite, there are fewer reference events than centres, or a
            hyper-parameter is not above 0.

    References:
        | Learning new physics efficiently with nonparametric methods (Letizia et al., 2022)
        | https://arxiv.org/abs/2204.02317

    Example:
        >>> rng = np.random.default_rng(1)
        >>> reference = rng.exponential(size=(20_000, 1))
        >>> toys = [rng.exponential(size=(rng.poisson(1000), 1)) for _ in range(20)]
        >>> fits = fit_kernels(reference, toys, expected=1000, centres=200, sigma=2.3, penalty=1e-9)
        >>> fits.t.shape, bool(2 < np.median(fits.t) < 20)
        ((20,), True)
    """
    first = _check.References(reference, reference_weights, expected, len(toys), None).of([0])[0][0]
    if None in (centres, sigma, penalty):
        found = suggest(first, expected, seed)
        centres, sigma, penalty = centres or found.centres, sigma or found.sigma, penalty or found.penalty
    if not 1 <= centres <= len(first):
        raise ValueError(f"centres={centres!r}: expected a number from 1 to {len(first)}, that of reference events")
    places = np.random.default_rng(seed).choice(first, centres, replace=False)
    return KernelMachine(places, sigma, penalty).fit(reference, toys, expected, reference_weights)
