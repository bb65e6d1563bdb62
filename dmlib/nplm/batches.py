"""The events of several toys in the form that `networks` works on: padded, in chunks, with a row of ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# Points (n, d), what each counts in the reference (n,), and in the data (n,). Events are in one of them, the other is
# None; the cells of `squeeze` are in both.
Sample = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]


class Batch:
    """Reference and data of a batch of toys.

    Arguments:
        samples: Reference, data, or both in one; each with a `Sample` for every toy, or a single one for all.
        toys: Number of toys.
        chunk: Points in a chunk.
        device, dtype: Where the tensors are, and their precision.

    Attributes:
        chunks: Points (toys or 1, d + 1, n), and their weights (toys or 1, 1, n) in the reference and in the data, or
            None. A weight is 0 where a toy has no more points.
    """

    def __init__(self, samples: Sequence[Sequence[Sample]], toys: int, chunk: int, device: str, dtype: torch.dtype):
        self.toys = toys
        self.chunks = [part for sample in samples for part in _chunks(sample, chunk, device, dtype)]

    def select(self, kept: torch.Tensor) -> Batch:
        """Returns the batch of some of the toys, given by their numbers."""
        return self._changed(len(kept), lambda part: part if len(part) == 1 < self.toys else part[kept])

    def to(self, dtype: torch.dtype) -> Batch:
        """Returns the batch in another precision."""
        return self._changed(self.toys, lambda part: part.to(dtype))

    def _changed(self, toys, change):
        changed = object.__new__(Batch)
        changed.toys = toys
        changed.chunks = [tuple(part if part is None else change(part) for part in parts) for parts in self.chunks]
        return changed


def _chunks(samples, chunk, device, dtype):
    import torch

    longest = max(len(points) for points, *_ in samples)
    x = np.zeros((len(samples), samples[0][0].shape[1] + 1, longest))
    weights = [None if w is None else np.zeros((len(samples), 1, longest)) for w in samples[0][1:]]
    for i, (points, *given) in enumerate(samples):
        x[i, :-1, : len(points)] = points.T
        x[i, -1, : len(points)] = 1
        for padded, w in zip(weights, given, strict=True):
            if w is not None:
                padded[i, 0, : len(points)] = w
    pieces = -(-longest // chunk)  # of nearly equal length
    edges = [longest * i // pieces for i in range(pieces + 1)]
    tensors = [None if array is None else torch.as_tensor(array, dtype=dtype, device=device) for array in (x, *weights)]
    return [
        tuple(None if t is None else t[:, :, low:high].contiguous() for t in tensors)
        for low, high in zip(edges, edges[1:], strict=False)
    ]
