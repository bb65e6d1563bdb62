"""From samples to fitted kernel machines in one call, hyper-parameters included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check, compute

from .kernels import KernelFits, KernelMachine
from .references import References
from .toys import PoolToys, data_samples, draw_from

_TOYS = 100  # that a penalty is tested on


class Suggestion(NamedTuple):
    """Hyper-parameters of a kernel machine: number of centres, width, penalty."""

    centres: int
    sigma: float
    penalty: float


def suggest(reference: ArrayLike, expected: float, seed: compute.Seed = 0) -> Suggestion:
    r"""Returns hyper-parameters in the spirit of the paper, from the reference alone.

    The width is the 90th percentile of the distance between two events; the number of centres
    :math:`M = \sqrt{N_\mathcal{R} + N(R)}`, the least that suffices by theory (more cost little here). The penalty is
    to be as small as training remains stable. The paper calls a training unstable that does not converge or ends in
    NaN. One step always ends, so our criterion is t below 0, the sign of an f that has run away where there is hardly a
    reference event. Half of the reference is the reference of this test, the other half is the pool that a hundred
    toys are drawn from: going down from 1e-5 to the published 1e-10 in powers of ten, the penalty is the last one
    before a t is below 0. They do not see what happens to one toy in a thousand: look at the lowest of your null toys.

    Arguments:
        reference: Shape (N_R, d), scaled: distances add up all features.
        expected: Expected number of events N(R). Where half the reference has fewer than twice as many, toys are
            smaller.
        seed: Of the events that are looked at.

    Returns:
        ``centres``, ``sigma`` and ``penalty``.

    Raises:
        ValueError: The reference has fewer than 20 events, hardly varies, or is not finite; `expected` is not above 0.

    References:
        | Learning new physics efficiently with nonparametric methods (Letizia et al., 2022), section 3.3
        | https://arxiv.org/abs/2204.02317

    Example:
        >>> suggest(np.random.default_rng(1).normal(size=(5000, 2)), expected=500)
        Suggestion(centres=75, sigma=3.0, penalty=1e-10)
    """
    from scipy.spatial.distance import pdist

    x, base = _check.feature_array(reference, name="reference"), compute.seed(seed, "hyper-parameters")
    if len(x) < 20:
        raise ValueError(f"reference has {len(x)} events: expected at least 20")
    few = compute.stream(base, "distances").choice(x, min(len(x), 2000), replace=False)
    sigma = float(np.percentile(pdist(few), 90))
    if not sigma > 0:
        raise ValueError("reference: nine in ten pairs of events coincide; expected features that vary")
    centres = min(len(x), int(np.ceil(np.sqrt(len(x) + _check.positive(expected, "expected")))))
    seen, pool = np.array_split(compute.stream(base, "halves").permutation(x), 2)
    size = min(expected, len(pool) / 2)
    toys = draw_from(pool, size, _TOYS, compute.seed(base, "toys")).toys
    machine = KernelMachine(seen[:centres], sigma, 1.0)
    sums, penalty = [machine.sums(toy) for toy in toys if len(toy)], 1e-5
    for power in range(-6, -11, -1):
        machine.penalty = 10.0**power
        if machine.fit(seen, sums, size).t.min() < 0:
            break
        penalty = machine.penalty
    return Suggestion(centres, float(f"{sigma:.2g}"), penalty)


def fit_kernels(
    reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
    toys: Sequence[ArrayLike] | PoolToys,
    expected: float,
    centres: int | None = None,
    sigma: float | None = None,
    penalty: float | None = None,
    seed: compute.Seed = 0,
    reference_weights: ArrayLike | Sequence[ArrayLike] | None = None,
) -> KernelFits:
    r"""Fits a kernel machine to every toy, with centres drawn at random from the reference.

    Arguments:
        reference: Events (N_R, d) for all toys; or one such array a toy, or a function of the toy's number: then all
            toys take their centres from the first.
        toys: Data samples, each (n_i, d).
        expected: Expected number of events N(R).
        centres: Their number M.
        sigma: Width of the kernels.
        penalty: Penalty on the norm. What is None of these three is taken from `suggest`.
        seed: Of the draw, and of `suggest`.
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
    samples, base = data_samples(toys), compute.seed(seed, "kernels")
    first, _ = References(reference, reference_weights, expected, len(samples), None, "").of(0)
    if centres is None or sigma is None or penalty is None:
        found = suggest(first, expected, base)
        centres = found.centres if centres is None else centres
        sigma = found.sigma if sigma is None else sigma
        penalty = found.penalty if penalty is None else penalty
    if _check.count(centres, "centres") > len(first):
        raise ValueError(f"centres={centres!r}: expected a number from 1 to {len(first)}, that of reference events")
    places = compute.stream(base, "centres").choice(first, centres, replace=False)
    return KernelMachine(places, sigma, penalty).fit(reference, samples, expected, reference_weights)
