"""The check that all methods make of what they are given."""

import numpy as np


def finite(array: np.ndarray, name: str) -> np.ndarray:
    """Returns features, shape (n, d).

    Raises:
        ValueError: One is not finite; the message names it.
    """
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name}: feature {column} of event {row} is {array[row, column]}; expected a finite number")
    return array
