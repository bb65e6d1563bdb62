"""The events of several toys in the form that `networks` works on: padded, in chunks, with a row of ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Batch:
    """Reference and data of a batch of toys.

    Arguments:
        reference: Reference samples, each (N_R, d): one for each toy, or one for all.
        weights: Their weights, each (N_R,).
        toys: Data samples, each (n, d).
        chunk: Events in a chunk.
        device, dtype: Where the tensors are, and their precision.

    Attributes:
        reference: Chunks (events, weights), shapes (toys or 1, d + 1, n) and (toys or 1, 1, n).
        data: Chunks (events, mask), with a 1 in the mask for an event and a 0 where a toy has no more.
    """

    def __init__(
        self,
        reference: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
        toys: Sequence[np.ndarray],
        chunk: int,
        device: str,
        dtype: torch.dtype,
    ):
        self.toys = len(toys)
        self.reference = _chunks(reference, weights, chunk, device, dtype)
        self.data = _chunks(toys, [np.ones(len(x)) for x in toys], chunk, device, dtype)

    def chunks(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, bool]]:
        """Yields the events of a chunk, their weights, and whether they are the reference's."""
        for x, a in self.reference:
            yield x, a, True
        for x, mask in self.data:
            yield x, mask, False

    def select(self, kept: torch.Tensor) -> Batch:
        """Returns the batch of some of the toys, given by their numbers."""
        chosen = object.__new__(Batch)
        chosen.toys = len(kept)
        chosen.reference = [(x, a) if len(x) == 1 < self.toys else (x[kept], a[kept]) for x, a in self.reference]
        chosen.data = [(x[kept], mask[kept]) for x, mask in self.data]
        return chosen

    def to(self, dtype: torch.dtype) -> Batch:
        """Returns the batch in another precision."""
        changed = object.__new__(Batch)
        changed.toys = self.toys
        changed.reference, changed.data = (
            [(x.to(dtype), a.to(dtype)) for x, a in chunks] for chunks in (self.reference, self.data)
        )
        return changed


def _chunks(samples, weights, chunk, device, dtype):
    import torch

    longest = max(map(len, samples))
    x = np.zeros((len(samples), samples[0].shape[1] + 1, longest))
    a = np.zeros((len(samples), 1, longest))
    for i, (events, w) in enumerate(zip(samples, weights, strict=True)):
        x[i, :-1, : len(events)] = events.T
        x[i, -1, : len(events)] = 1
        a[i, 0, : len(events)] = w
    pieces = -(-longest // chunk)  # of nearly equal length
    edges = [longest * i // pieces for i in range(pieces + 1)]
    parts = [slice(low, high) for low, high in zip(edges, edges[1:], strict=False)]
    tensors = [torch.as_tensor(array, dtype=dtype, device=device) for array in (x, a)]
    return [tuple(t[:, :, part].contiguous() for t in tensors) for part in parts]
