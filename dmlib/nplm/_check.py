"""What the machines of this package ask of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dmlib._check import finite

ARCHITECTURE = "the first number of architecture"
CENTRES = "as the centres have"


def events(x: ArrayLike, name: str, features: int | None = None, why: str = ARCHITECTURE) -> np.ndarray:
    """Returns events as floats, shape (n, d), or says what is wrong with them."""
    array = np.asarray(x, dtype=float)
    if array.ndim != 2:
        hint = "; write x[:, None] for one feature" if array.ndim == 1 else ""
        raise ValueError(f"{name}: expected events of shape (n, d), not {array.shape}{hint}")
    if not len(array):
        raise ValueError(f"{name} is empty: expected at least one event; leave out toys without any")
    if features is not None and array.shape[1] != features:
        raise ValueError(f"{name} has {array.shape[1]} features: expected {features}, {why}")
    return finite(array, name)


def samples(toys: Sequence[ArrayLike], features: int | None = None, why: str = ARCHITECTURE) -> list[np.ndarray]:
    """Returns the data samples of all toys."""
    if isinstance(toys, np.ndarray) and toys.ndim < 3:
        raise ValueError(f"toys: expected a sequence of arrays (n, d), not one of shape {toys.shape}; write [data]")
    if not len(toys):
        raise ValueError("toys: expected at least one data sample, not an empty sequence")
    return [events(x, f"toys[{i}]", features, why) for i, x in enumerate(toys)]


def positive(value: float, name: str) -> float:
    """Returns a finite number above zero."""
    if not (np.ndim(value) == 0 and np.isfinite(value) and value > 0):
        raise ValueError(f"{name}={value!r}: expected a finite number above 0")
    return float(value)


class References:
    """The reference of every toy: one for all, or one for each.

    Arguments:
        reference: Array (N_R, d) for all toys; a sequence of such arrays, one a toy; or a function that returns that of
            toy i, alone or with its weights.
        weights: Array (N_R,), or a sequence of these; None weighs all events alike. They are scaled to add up to
            `expected`.
        expected: Expected number of events.
        toys, features: How many toys there are, and how many features each event has.
        why: Why so many, for the message where it is otherwise.
    """

    def __init__(
        self,
        reference: ArrayLike | Sequence[ArrayLike] | Callable[[int], ArrayLike],
        weights: ArrayLike | Sequence[ArrayLike] | None,
        expected: float,
        toys: int,
        features: int | None,
        why: str = ARCHITECTURE,
    ):
        self.expected, self.features, self.why = positive(expected, "expected"), features, why
        self._function = reference if callable(reference) else None
        several = isinstance(reference, Sequence) and len(reference) > 0 and np.ndim(reference[0]) == 2
        self.shared = not several and self._function is None
        if self._function and weights is not None:
            raise ValueError("reference_weights: a function as reference returns (events, weights) itself")
        if several and len(reference) != toys:
            raise ValueError(f"reference: expected one array for all toys or {toys}, one a toy, not {len(reference)}")
        if several and weights is not None and len(weights) != toys:
            raise ValueError(f"reference_weights: expected {toys}, one array a toy, not {len(weights)}")
        self._samples = reference if several else [reference]
        self._weights = [None] * toys if weights is None else (weights if several else [weights])
        self._kept = self._one("reference", self._samples[0], self._weights[0]) if self.shared else None

    def of(self, numbers: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns events and weights for toys of these numbers; a single pair if all share it."""
        if self.shared:
            return [self._kept]
        return [self._of_one(i) for i in numbers]

    def _of_one(self, i):
        if not self._function:
            return self._one(f"reference[{i}]", self._samples[i], self._weights[i])
        made = self._function(i)
        return self._one(f"reference({i})", *(made if isinstance(made, tuple) else (made, None)))

    def _one(self, name, x, weights):
        x = events(x, name, self.features, self.why)
        if weights is None:
            return x, np.full(len(x), self.expected / len(x))
        a = np.asarray(weights, dtype=float)
        if a.shape != (len(x),) or not np.isfinite(a).all() or (a < 0).any() or not a.sum() > 0:
            raise ValueError(f"weights of {name}: expected {len(x)} finite numbers, none negative and not all zero")
        return x, a * (self.expected / a.sum())
