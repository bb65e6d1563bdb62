"""Many events as few: cells of a k-d tree, each with the mean of its events and their numbers."""

from __future__ import annotations

import numpy as np

from .batches import Sample


def squeeze(reference: Sample, data: Sample, cells: int) -> Sample | None:
    r"""Returns reference and data as cells: the mean of the events of both in each cell, and their two weights.

    .. math:: \sum_{x \in c} w_x\, g(x) \approx w_c\, g(\bar x_c), \qquad w_c = \sum_{x \in c} w_x

    What differs between reference and data in a cell is how many events they have there, never where: with means of
    their own, a network of many layers separates the two by the places alone where cells are large. The fluctuations
    of the numbers are kept; a random part of the events would have others. Each cell is cut in two at the median of its
    widest feature, again and again.

    Arguments:
        reference, data: Events (n, d) and weights (n,).
        cells: Most cells; their number is a power of two.

    Returns:
        Means (k, d), weights in the reference (k,) and in the data (k,); None where a cell would hold fewer than two
        events on average.

    References:
        | Multidimensional binary search trees used for associative searching (Bentley, 1975)
        | https://doi.org/10.1145/361002.361007

    Example:
        >>> x = np.random.default_rng(1).normal(size=(1000, 2))
        >>> means, *weights = squeeze((x, np.full(1000, 0.1), None), (x[:100], None, np.ones(100)), cells=64)
        >>> means.shape, [float(w.sum().round(6)) for w in weights]
        ((64, 2), [100.0, 100.0])
    """
    x = np.concatenate([reference[0], data[0]])
    if 2 * cells > len(x):
        return None
    cell, split = _cells(x, int(np.log2(cells))), len(reference[0])
    size = np.bincount(cell)
    means = np.stack([np.bincount(cell, column) for column in x.T], axis=1) / size[:, None]
    in_reference, in_data = (
        np.bincount(c, w, len(size)) for c, w in ((cell[:split], reference[1]), (cell[split:], data[2]))
    )
    return means, in_reference, in_data


def _cells(x, cuts):
    """The number of each event's cell."""
    order, edges = np.arange(len(x)), np.array([0, len(x)])  # the events by cells, and where these begin
    for _ in range(cuts):
        first, size = edges[:-1], np.diff(edges)
        mean, square = (np.add.reduceat(x**k, first) / size[:, None] for k in (1, 2))
        widest = np.argmax(square - mean**2, axis=1)
        inside = np.arange(size.max()) < size[:, None]  # the cells as rows, their sizes differ by one at most
        values = np.full(inside.shape, np.inf)
        values[inside] = x[np.arange(len(x)), np.repeat(widest, size)]
        place = (np.argsort(values, axis=1) + first[:, None])[inside]
        x, order = x[place], order[place]
        edges = np.sort(np.concatenate([edges, first + (size + 1) // 2]))
    cell = np.empty(len(x), int)
    cell[order] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    return cell
