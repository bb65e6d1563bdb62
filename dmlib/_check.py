"""What dmlib asks of its arguments: one place for checks and their messages.

Each function takes an argument with the name that the caller knows it by, and returns it in the form that the code
below wants, or raises a ValueError that names the argument and says what was expected.
"""

from __future__ import annotations

import difflib
import operator
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def numbers(values: ArrayLike, name: str) -> np.ndarray:
    """Returns values as an array of floats, of any shape; masked values are refused, since numpy drops masks."""
    parts = values if isinstance(values, list | tuple) else [values]
    if any(np.ma.is_masked(part) for part in parts if isinstance(part, np.ma.MaskedArray)):
        hint = "leave them out with .compressed() (in every array), or put numbers in their place with .filled(value)"
        raise ValueError(f"{name} holds masked values: {hint}")
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"{array.dtype} is no type of number")
        return array.astype(float, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: expected numbers, not {reprlib.repr(values)}") from error


def refuse(bad: np.ndarray, name: str, why: str) -> None:
    """Raises if any value is bad, with the number of bad values and the place of the first."""
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        where = f" (the first at index {', '.join(map(str, place))})" if place else ""
        raise ValueError(f"{name}: {bad.sum()} of {bad.size} values{where} {why}")


def finite(array: np.ndarray, name: str) -> np.ndarray:
    """Returns the array; of features, shape (n, d), the message names feature and event."""
    bad = ~np.isfinite(array)
    if array.ndim == 2 and bad.any():
        event, feature = np.argwhere(bad)[0]
        value = array[event, feature]
        raise ValueError(f"{name}: feature {feature} of event {event} is {value}; expected a finite number")
    refuse(bad, name, "are not finite (NaN or infinite)")
    return array


def feature_array(x: ArrayLike, columns: int | None = None, name: str = "x", why: str = "as in training") -> np.ndarray:
    """Returns the features of at least one event, finite, shape (n, d)."""
    array = numbers(x, name)
    if array.ndim != 2 or not array.size:
        hint = "; write x[:, None] for one feature" if array.ndim == 1 else ""
        raise ValueError(f"{name}: expected features of at least one event, shape (n, d), not {array.shape}{hint}")
    if columns is not None and array.shape[1] != columns:
        raise ValueError(f"{name} has {array.shape[1]} features: expected {columns}, {why}")
    return finite(array, name)


def column(values: ArrayLike, name: str, n: int | None = None, one: str = "number") -> np.ndarray:
    """Returns one finite number an event, shape (n,); without n, of at least one event."""
    array = numbers(values, name)
    if array.ndim != 1 or n not in (None, len(array)) or (n is None and not len(array)):
        events = "event, and at least one event" if n is None else f"of the {n} events"
        raise ValueError(f"{name}: expected one {one} for each {events}, not an array of shape {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        others = f" ({len(bad)} of {len(array)} are not)" if len(bad) > 1 else ""
        raise ValueError(f"{name}: the {one} of event {bad[0]} is {array[bad[0]]}; expected a finite number{others}")
    return array


def masses(m: ArrayLike, n: int) -> np.ndarray:
    """Returns the resonant mass of n events, shape (n,)."""
    return column(m, "m", n, "mass")


def weights(values: ArrayLike | None, n: int, name: str) -> np.ndarray:
    """Returns the weights of n events, none negative and not all zero, shape (n,); None is one each."""
    if values is None:
        return np.ones(n)
    array = column(values, name, n, "weight")
    refuse(array < 0, name, "are negative")
    if not array.any():
        raise ValueError(f"{name} are all zero")
    return array


def region(value: tuple[float, float] | None, bounded: bool = False) -> tuple[float, float]:
    """Returns the edges of the signal region; None is all masses, and an edge may be infinite unless it is bounded."""
    if value is None and not bounded:
        return -np.inf, np.inf
    try:
        low, high = map(float, () if value is None else value)
    except (TypeError, ValueError):
        low = high = np.nan
    if not low < high or (bounded and not np.isfinite([low, high]).all()):
        of = "finite numbers, " if bounded else ""
        raise ValueError(f"region={value!r}: expected {of}(lower edge, upper edge) of the resonant mass")
    return low, high


def positive(value: Any, name: str) -> float:
    """Returns a finite number above zero."""
    if not 0 < (number := _float(value)) < np.inf:
        raise ValueError(f"{name}={reprlib.repr(value)}: expected a finite number above 0")
    return number


def at_least(value: Any, name: str, least: float = 0) -> float:
    """Returns a finite number that is not below the least."""
    if not least <= (number := _float(value)) < np.inf:
        raise ValueError(f"{name}={reprlib.repr(value)}: expected a finite number of {least:g} or more")
    return number


def _float(value: Any) -> float:
    """A single number as a float; NaN, which no comparison passes, for anything else."""
    try:
        return float("nan") if isinstance(value, str) or np.ndim(value) or np.ma.is_masked(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def shares(values: ArrayLike, name: str, zero: bool = True, one: bool = True) -> np.ndarray:
    """Returns numbers between 0 and 1, of any shape, the ends included as asked for."""
    array = numbers(values, name)
    above, below = (array >= 0 if zero else array > 0), (array <= 1 if one else array < 1)
    if not np.all(above & below):
        ends = f"{'at least' if zero else 'above'} 0 and {'at most' if one else 'below'} 1"
        ends = "between 0 and 1" if zero and one else ends
        raise ValueError(f"{name}: expected numbers {ends}, not {reprlib.repr(values)}")
    return array


def share(value: Any, name: str, zero: bool = True, one: bool = True) -> float:
    """Returns a single number between 0 and 1."""
    if np.ndim(value):
        raise ValueError(f"{name}={reprlib.repr(value)}: expected a single number")
    return float(shares(value, name, zero, one))


def count(value: Any, name: str, least: int | None = 1) -> int:
    """Returns a whole number that is not below the least, if there is one."""
    try:
        number = operator.index(value)
        if isinstance(value, bool | np.bool_) or (least is not None and number < least):
            raise TypeError
    except TypeError:
        more = "" if least is None else f" of {least} or more"
        raise ValueError(f"{name}={reprlib.repr(value)}: expected a whole number{more}") from None
    return number


def choice(value: Any, name: str, options: Iterable[str]) -> Any:
    """Returns one of the options."""
    names = list(options)
    if value not in names:
        expected = " or ".join(map(repr, names)) if len(names) < 3 else f"one of {', '.join(names)}"
        raise ValueError(f"{name}={reprlib.repr(value)}: expected {expected}")
    return value


def near(name: object, names: Iterable[str]) -> str:
    """Returns a hint for an unknown name, " Did you mean 'a' or 'b'?", or nothing if none is like it."""
    found = difflib.get_close_matches(str(name), list(names), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ""
