"""Many events as few: cells of a k-d tree, each with the mean of its events and their number."""

from __future__ import annotations

import numpy as np

Sample = tuple[np.ndarray, np.ndarray]  # events (n, d) and weights (n,)


def squeeze(reference: Sample, data: Sample, cells: int) -> tuple[Sample, Sample]:
    r"""Returns reference and data with the events of each cell drawn together into their weighted mean.

    A sum over events changes in second order of the cells' size only,

    .. math:: \sum_{x \in c} w_x\, g(x) = w_c\, g(\bar x_c) + O(\text{size}^2), \qquad w_c = \sum_{x \in c} w_x,

    while the fluctuations, of how many events there are in a cell, are kept. (A random part of the events would have
    fluctuations of its own.) The cells are those of both samples together: each is cut in two at the median of its
    widest feature, again and again. Reference and data keep means of their own.

    Arguments:
        reference, data: Events (n, d) and weights (n,).
        cells: Most cells; their number is a power of two.

    Returns:
        Both samples again, with at most so many events each. They are returned as they are where a cell would hold
        fewer than two events on average.

    References:
        | Multidimensional binary search trees used for associative searching (Bentley, 1975)
        | https://doi.org/10.1145/361002.361007

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> (centres, weights), _ = squeeze((x, np.full(1000, 0.1)), (x[:100], np.ones(100)), cells=64)
        >>> centres.shape, bool(np.allclose(weights @ centres, 0.1 * x.sum(axis=0)))
        ((64, 2), True)
    """
    both = np.concatenate([reference[0], data[0]])
    if 2 * cells > len(both):
        return reference, data
    cell = _cells(both, int(np.log2(cells)))
    split = len(reference[0])
    return _means(*reference, cell[:split]), _means(*data, cell[split:])


def _cells(x, cuts):
    """The number of each event's cell."""
    cell = np.zeros(len(x), int)
    for _ in range(cuts):
        size = np.bincount(cell)
        mean, square = (np.stack([np.bincount(cell, v) for v in (x**k).T]) / size for k in (1, 2))
        widest = np.argmax(square - mean**2, axis=0)
        order = np.lexsort((x[np.arange(len(x)), widest[cell]], cell))
        place = np.empty_like(cell)
        place[order] = np.arange(len(x))  # among all; the events of a cell lie side by side
        first = np.cumsum(size) - size
        cell = 2 * cell + (place - first[cell] >= size[cell] / 2)
    return cell


def _means(x, weights, cell):
    total = np.bincount(cell, weights)
    filled = total > 0
    sums = np.stack([np.bincount(cell, weights * column)[filled] for column in x.T], axis=1)
    return sums / total[filled, None], total[filled]
