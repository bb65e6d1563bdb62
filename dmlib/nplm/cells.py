"""Many events as few: cells of a k-d tree, each with the mean of its events and their numbers."""

from __future__ import annotations

import numpy as np

from .batches import Points


def squeeze(reference: np.ndarray, weights: np.ndarray, data: np.ndarray, cells: int) -> Points | None:
    r"""Returns reference and data as cells: the mean of the events of both in each cell, and their two weights.

    .. math:: \sum_{x \in c} w_x\, g(x) \approx w_c\, g(\bar x_c), \qquad w_c = \sum_{x \in c} w_x

    What differs between reference and data in a cell is how many events they have there, never where: with means of
    their own, a network of many layers separates the two by the places alone where cells are large. The fluctuations
    of the numbers are kept; a random part of the events would have others. Cells are cut in two at the mean of their
    widest feature, first those with the largest sum of squares, so that they are small also where events are few: in
    the tails, a few events count.

    Arguments:
        reference, data: Events, shape (n, d).
        weights: Of the reference events, shape (n,).
        cells: Number of cells.

    Returns:
        The k means, and what each counts in reference and data; None where a cell would hold fewer than two events on
        average.

    References:
        | Multidimensional binary search trees used for associative searching (Bentley, 1975)
        | https://doi.org/10.1145/361002.361007

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> points = squeeze(x, np.full(1000, 0.1), x[:100], cells=64)
        >>> points.x.shape, float(points.in_reference.sum().round(6)), float(points.in_data.sum())
        ((64, 2), 100.0, 100.0)
    """
    x = np.concatenate([reference, data])
    if 2 * cells > len(x):
        return None
    cell, split = _cells(x, cells), len(reference)
    size = np.bincount(cell)
    means = _sums(x, cell) / size[:, None]
    in_reference = np.bincount(cell[:split], weights, len(size))
    in_data = np.bincount(cell[split:], minlength=len(size)).astype(float)
    return Points(means, in_reference, in_data)


def _cells(x, cells):
    """The number of each event's cell. The half of the cells that spread most are cut, until there are enough."""
    cell, number = np.zeros(len(x), int), 1
    least = 1e-20 * np.max(x**2, initial=0)  # a variance that is nothing but rounding
    while number < cells:
        size = np.bincount(cell)
        away = x - (_sums(x, cell) / size[:, None])[cell]
        squares = _sums(away**2, cell)
        widest, spread = squares.argmax(axis=1), squares.max(axis=1)
        wide = np.flatnonzero(spread > least * size)
        if not len(wide):
            break
        chosen = min(-(-len(wide) // 2), cells - number)
        cut = wide[np.argsort(-spread[wide], kind="stable")[:chosen]]
        other_half = np.full(number, -1)
        other_half[cut] = number + np.arange(chosen)
        moves = (other_half[cell] >= 0) & (away[np.arange(len(x)), widest[cell]] > 0)
        cell[moves] = other_half[cell[moves]]
        number += chosen
    return cell


def _sums(x, cell):
    return np.stack([np.bincount(cell, column) for column in x.T], axis=1)
