"""What dmlib asks of its arguments: one place for checks and their messages."""

from __future__ import annotations

import operator
import reprlib
from typing import Any

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


def numbers(values: ArrayLike, name: str) -> np.ndarray:
    """Returns values as an array of floats, of any shape; masked values are refused, since numpy drops masks."""
    parts = values if isinstance(values, list | tuple) else [values]
    if any(np.ma.is_masked(part) for part in parts if isinstance(part, np.ma.MaskedArray)):
        raise ValueError(
            f"{name} holds masked values: leave them out with .compressed() (in every array that goes with it),"
            " or put numbers in their place with .filled(value)"
        )
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"{array.dtype} is no type of number")
        return array.astype(float, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: expected numbers, not {reprlib.repr(values)}") from error


def feature_array(x: ArrayLike, columns: int | None = None, name: str = "x", why: str = "as in training") -> np.ndarray:
    """Returns the features of at least one event, finite, shape (n, d)."""
    array = numbers(x, name)
    if array.ndim != 2 or not array.size:
        hint = "; write x[:, None] for one feature" if array.ndim == 1 else ""
        raise ValueError(f"{name}: expected features of at least one event, shape (n, d), not {array.shape}{hint}")
    if columns is not None and array.shape[1] != columns:
        raise ValueError(f"{name} has {array.shape[1]} features: expected {columns}, {why}")
    return finite(array, name)


def positive(value: Any, name: str) -> float:
    """Returns a finite number above zero."""
    if not 0 < (number := _float(value)) < np.inf:
        raise ValueError(f"{name}={value!r}: expected a finite number above 0")
    return number


def _float(value: Any) -> float:
    """A single number as a float; NaN, which no comparison passes, for anything else."""
    try:
        return float("nan") if isinstance(value, str) or np.ndim(value) or np.ma.is_masked(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def count(value: Any, name: str, least: int | None = 1) -> int:
    """Returns a whole number that is not below the least, if there is one."""
    try:
        number = operator.index(value)
        if isinstance(value, bool | np.bool_) or (least is not None and number < least):
            raise TypeError
    except TypeError:
        more = "" if least is None else f" of {least} or more"
        raise ValueError(f"{name}={value!r}: expected a whole number{more}") from None
    return number
