"""What dmlib asks of its arguments: one place for checks and their messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def finite(array: np.ndarray, name: str) -> np.ndarray:
    """Returns features, shape (n, d).

    Raises:
        ValueError: One is not finite; the message names it.
    """
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name}: feature {column} of event {row} is {array[row, column]}; expected a finite number")
    return array


def features(x: ArrayLike, columns: int | None = None, name: str = "x") -> np.ndarray:
    """Returns features as floats, shape (n, d), or says what is wrong with them."""
    array = np.asarray(x, dtype=float)
    if array.ndim != 2 or not len(array):
        raise ValueError(f"{name}: expected features of at least one event, shape (n, d), not {array.shape}")
    if columns is not None and array.shape[1] != columns:
        raise ValueError(f"{name} has {array.shape[1]} features: expected {columns}, as in training")
    return finite(array, name)


def masses(m: ArrayLike, n: int) -> np.ndarray:
    """Returns the resonant mass of n events, shape (n,)."""
    array = np.asarray(m, dtype=float)
    if array.shape != (n,):
        raise ValueError(f"m: expected one mass for each of the {n} events, not an array of shape {array.shape}")
    if not np.isfinite(array).all():
        row = np.flatnonzero(~np.isfinite(array))[0]
        raise ValueError(f"m: the mass of event {row} is {array[row]}; expected a finite number")
    return array


def region(value: tuple[float, float] | None) -> tuple[float, float]:
    """Returns the edges of the signal region; None is all masses."""
    if value is None:
        return -np.inf, np.inf
    low, high = map(float, value)
    if not low < high:
        raise ValueError(f"region={value!r}: expected (lower edge, upper edge) of the resonant mass")
    return low, high
