"""The reference of every toy, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from dmlib import _check

from .toys import PoolToys


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

    Attributes:
        shared: Whether all toys have the same.
    """

    def __init__(
        self,
        reference: ArrayLike | Sequence[ArrayLike] | PoolToys | Callable[[int], ArrayLike],
        weights: ArrayLike | Sequence[ArrayLike] | None,
        expected: float,
        toys: int,
        features: int | None,
        why: str,
    ):
        self.expected, self.features, self.why = _check.positive(expected, "expected"), features, why
        self._given = cast(Any, reference.toys if isinstance(reference, PoolToys) else reference)
        self._weights = cast(Any, weights)
        several = isinstance(self._given, Sequence) and len(self._given) > 0 and np.ndim(self._given[0]) == 2
        self.shared = not several and not callable(reference)
        if callable(reference) and weights is not None:
            raise ValueError("reference_weights: a function as reference returns (events, weights) itself")
        for name, values in (("reference", self._given), ("reference_weights", self._weights)):
            if several and values is not None and len(values) != toys:
                raise ValueError(f"{name}: expected one array for all toys or {toys}, one a toy, not {len(values)}")
        self._for_all = self._one("reference", self._given, weights) if self.shared else None

    def of(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns events and weights for the toy of this number."""
        if self._for_all:
            return self._for_all
        if callable(self._given):
            made = self._given(number)
            return self._one(f"reference({number})", *(made if isinstance(made, tuple) else (made, None)))
        weights = None if self._weights is None else self._weights[number]
        return self._one(f"reference[{number}]", self._given[number], weights)

    def _one(self, name, x, weights):
        x = _check.feature_array(x, self.features, name, self.why)
        a = _check.weights(weights, len(x), f"weights of {name}")
        return x, a * (self.expected / a.sum())
