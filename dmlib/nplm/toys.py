"""Toy experiments: data samples of Poisson size from a generator or a pool, and what an ideal test makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check, compute


class PoolToys(NamedTuple):
    """Toys drawn from a pool of events.

    Arguments:
        toys: Samples, each (n_i, d).
        reuse: How often an event of the pool is used on average. Up to 1 no two toys share an event; above, they
            overlap, and the spread of t over toys comes out too small.
    """

    toys: list[np.ndarray]
    reuse: float


def data_samples(
    toys: Sequence[Any] | PoolToys, features: int | None = None, why: str = "", also: type | tuple = ()
) -> list:
    """Returns the events of every toy, each (n, d), or says what is wrong with them.

    Arguments:
        toys: A sequence of samples.
        features: Their number of features d; None takes any.
        why: Why so many, for the message where it is otherwise.
        also: Types that are passed on as they are.
    """
    samples = _listed(toys)
    if not samples:
        raise ValueError("toys: expected at least one data sample, not an empty sequence")
    return [
        x if isinstance(x, also) else _check.feature_array(x, features, f"toys[{i}]", why)
        for i, x in enumerate(samples)
    ]


def _listed(toys):
    if getattr(toys, "ndim", 3) < 3:  # an array or a table
        raise ValueError(f"toys: expected a sequence of arrays (n, d), not one of shape {toys.shape}; write [data]")
    if isinstance(toys, str | bytes | dict) or not isinstance(toys, Iterable):
        raise ValueError(f"toys: expected a sequence of arrays (n, d), not {type(toys).__name__}; write [data]")
    return list(toys.toys if isinstance(toys, PoolToys) else toys)


def draw(
    generator: Callable[[np.random.Generator, int], ArrayLike], expected: float, n: int, seed: compute.Seed
) -> list[np.ndarray]:
    r"""Draws toys, their sizes from the Poisson law: :math:`N_\mathcal{D} \sim \mathrm{Poisson}(N)`.

    Arguments:
        generator: ``generator(rng, size)`` returns that many events, shape (size, d).
        expected: Expected number of events N.
        n: Number of toys.
        seed: Toy i draws from the stream of (seed, "toys", i), which does not depend on how many there are; of a
            Generator, toys draw in turn. Two samples of toys need two seeds: `dmlib.compute.seed` makes them of names.

    Returns:
        n arrays of shape (n_i, d).

    Raises:
        ValueError: N is not above 0, or the generator returns another number of events than it was asked for.

    Example:
        >>> background = draw(lambda rng, size: rng.normal(size=(size, 2)), expected=1000, n=3, seed=1)
        >>> signal = draw(lambda rng, size: rng.normal(1.5, 0.3, size=(size, 2)), expected=50, n=3, seed=2)
        >>> [len(x) for x in mix(background, signal)]
        [1062, 1021, 1092]
    """
    _check.positive(expected, "expected")
    toys = []
    for i in range(_check.count(n, "n", 0)):
        rng = compute.stream(seed, "toys", i)
        size = int(rng.poisson(expected))
        x = _check.numbers(generator(rng, size), "generator")
        if x.ndim != 2 or len(x) != size:
            raise ValueError(f"generator: expected {size} events, shape ({size}, d), not {x.shape}")
        toys.append(x)
    return toys


def draw_from(pool: ArrayLike, expected: float, n: int, seed: compute.Seed) -> PoolToys:
    """Draws toys of Poisson size from a pool of events, without replacement.

    The pool is shuffled and dealt out; when it is used up it is shuffled anew. No toy holds an event twice.

    Arguments:
        pool: Events of equal weight, shape (m, d).
        expected: Expected number of events in a toy.
        n: Number of toys.
        seed: Of sizes and order.

    Returns:
        The ``toys``, and the ``reuse`` of the pool, which belongs beside every result.

    Raises:
        ValueError: A toy is larger than the pool.

    Example:
        >>> pool = np.random.default_rng(1).normal(size=(5000, 2))
        >>> toys, reuse = draw_from(pool, expected=1000, n=10, seed=1)
        >>> len(toys), round(reuse, 1)
        (10, 2.0)
    """
    pool, rng = _check.feature_array(pool, name="pool"), compute.stream(seed, "toys from a pool")
    sizes = rng.poisson(_check.positive(expected, "expected"), _check.count(n, "n", 0))
    if sizes.max(initial=0) > len(pool):
        raise ValueError(f"pool has {len(pool)} events: expected at least {sizes.max()}, the size of the largest toy")
    toys, left = [], rng.permutation(len(pool))
    for size in sizes:
        chosen, left = left[:size], left[size:]
        if len(chosen) < size:  # the rest from a fresh shuffle, whose events in this toy already go last
            fresh = rng.permutation(len(pool))
            fresh = fresh[np.argsort(np.isin(fresh, chosen), kind="stable")]
            missing = size - len(chosen)
            chosen, left = np.concatenate([chosen, fresh[:missing]]), fresh[missing:]
        toys.append(pool[chosen])
    return PoolToys(toys, float(sizes.sum() / len(pool)))


def mix(*samples: Sequence[np.ndarray] | PoolToys) -> list[np.ndarray]:
    """Joins toys of several processes, toy by toy: background and signal, say.

    Raises:
        ValueError: There are not equally many toys of each.

    Example:
        >>> [len(x) for x in mix([np.zeros((3, 1)), np.zeros((4, 1))], [np.ones((1, 1)), np.ones((2, 1))])]
        [4, 6]
    """
    lists = [_listed(toys) for toys in samples]
    if len({len(toys) for toys in lists}) > 1:
        raise ValueError(f"samples: expected equally many toys of each, not {[len(toys) for toys in lists]}")
    return [np.concatenate(parts) for parts in zip(*lists, strict=True)]


def normalise(reference: ArrayLike, *samples: ArrayLike) -> list[np.ndarray]:
    r"""Scales features by the reference, as the paper does before training.

    Features that take negative values become :math:`(x - \bar x)/\sigma`, the others :math:`x/\bar x`.

    Arguments:
        reference: Events that give mean and standard deviation, shape (n, d).
        samples: What to scale, each (n, d); often the reference itself, and the toys.

    Returns:
        The scaled samples.

    Raises:
        ValueError: A feature is constant, or not finite.

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), section 2
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> reference = np.array([[1.0, -1.0], [3.0, 1.0]])
        >>> normalise(reference, reference, [[4.0, 2.0]])
        [array([[ 0.5, -1. ],
               [ 1.5,  1. ]]), array([[2., 2.]])]
    """
    x = _check.feature_array(reference, name="reference")
    mean, spread = x.mean(axis=0), x.std(axis=0)
    if not (spread > 0).all():
        raise ValueError(f"reference: feature {spread.argmin()} is constant; expected features that vary")
    signed = x.min(axis=0) < 0
    shift, scale = np.where(signed, mean, 0.0), np.where(signed, spread, mean)
    return [
        (_check.feature_array(s, x.shape[1], f"samples[{i}]", "as the reference has") - shift) / scale
        for i, s in enumerate(samples)
    ]


def neyman_pearson(
    toys: Sequence[ArrayLike], log_ratio: Callable[[np.ndarray], ArrayLike], expected_sm: float, expected_np: float
) -> np.ndarray:
    r"""Returns the ideal test statistic, which knows the new physics that is there.

    .. math:: t_\mathrm{id} = 2 \left[N(\mathrm{R}) - N(\mathrm{NP})
              + \sum_{x \in \mathcal{D}} \log\frac{n(x|\mathrm{NP})}{n(x|\mathrm{R})}\right]

    By the Neyman-Pearson lemma no test is more sensitive to this signal. Unlike t of a fit it can be negative, and its
    law under the reference is found by toys.

    Arguments:
        toys: Data samples, each (n_i, d).
        log_ratio: Takes events (n, d) and returns :math:`\log n(x|\mathrm{NP})/n(x|\mathrm{R})`, shape (n,): densities
            of events, with their integrals N(NP) and N(R).
        expected_sm: N(R).
        expected_np: N(NP), signal and background.

    Returns:
        Array of shape (toys,).

    Raises:
        ValueError: A log ratio is NaN or plus infinity, or has another shape. (Minus infinity is right where the new
            physics has no events.)

    References:
        | Learning Multivariate New Physics (D'Agnolo et al., 2019), equation 8
        | https://arxiv.org/abs/1912.12155

    Example:
        >>> toys = draw(lambda rng, size: rng.normal(size=(size, 1)), expected=100, n=2, seed=1)
        >>> neyman_pearson(toys, lambda x: np.full(len(x), np.log(1.1)), expected_sm=100, expected_np=110).round(2)
        array([-0.75, -2.65])
    """
    _check.positive(expected_sm, "expected_sm"), _check.positive(expected_np, "expected_np")
    values = []
    for i, x in enumerate(data_samples(toys)):
        logs = _check.numbers(log_ratio(x), "log_ratio")
        if logs.shape != (len(x),) or np.isnan(logs).any() or (logs == np.inf).any():
            raise ValueError(f"log_ratio: expected one number below infinity for each of {len(x)} events of toy {i}")
        values.append(2 * (expected_sm - expected_np + logs.sum()))
    return np.array(values)
