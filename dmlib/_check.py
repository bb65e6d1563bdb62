"""What dmlib asks of its arguments: one place for checks and their messages."""

from __future__ import annotations

import numbers

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


def whole(value, name: str, least: int = 1) -> int:
    """Returns a whole number, at least so large."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{name}={value!r}: expected a whole number of {least} or more")
    return int(value)


def number(value, name: str, low: float = -np.inf, high: float = np.inf, closed: bool = False) -> float:
    """Returns a finite number between two bounds, which are allowed themselves if ``closed``."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) and np.isfinite(value)
    if not real or not (low < value < high or closed and low <= value <= high):
        least = f"of {low:g} or more" if closed else f"above {low:g}"
        wanted = f"between {low:g} and {high:g}" if high < np.inf else "" if low == -np.inf else least
        raise ValueError(f"{name}={value!r}: expected a number {wanted}".rstrip())
    return float(value)
