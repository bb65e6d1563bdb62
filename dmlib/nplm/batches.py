"""The events of several toys in the form that `networks` works on: padded, in chunks, with a row of ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Points:
    """Places at which f is summed: events of the reference or of the data, or cells, which hold some of both.

    Arguments:
        x: Places, shape (n, d).
        in_reference: What each counts in the reference, shape (n,); None if nothing.
        in_data: What each counts in the data.
    """

    x: np.ndarray
    in_reference: np.ndarray | None = None
    in_data: np.ndarray | None = None


class Batch:
    """Reference and data of a batch of toys.

    Arguments:
        samples: Reference and data, or cells; each with the `Points` of every toy, or those of all in one.
        toys: Number of toys.
        chunk: Points in a chunk.
        device, dtype: Where the tensors are, and their precision.

    Attributes:
        chunks: Points (toys or 1, d + 1, n), and their weights (toys or 1, 1, n) in the reference and in the data, or
            None. A weight is 0 where a toy has no more points.
    """

    def __init__(self, samples: Sequence[Sequence[Points]], toys: int, chunk: int, device: str, dtype: torch.dtype):
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


def _chunks(sample, chunk, device, dtype):
    n = max(len(points.x) for points in sample)

    def padded(rows):  # one array a toy, shape (rows, points)
        out = np.zeros((len(sample), len(rows[0]), n))
        for i, array in enumerate(rows):
            out[i, :, : array.shape[1]] = array
        return torch.as_tensor(out, dtype=dtype, device=device)

    def weights(rows):
        return None if rows[0] is None else padded([w[None] for w in rows])

    tensors = [
        padded([np.vstack([points.x.T, np.ones(len(points.x))]) for points in sample]),
        weights([points.in_reference for points in sample]),
        weights([points.in_data for points in sample]),
    ]
    pieces = -(-n // chunk)  # of nearly equal length
    cuts = [n * i // pieces for i in range(1, pieces)]
    parts = [[None] * pieces if t is None else [p.contiguous() for p in t.tensor_split(cuts, dim=2)] for t in tensors]
    return list(zip(*parts, strict=True))
