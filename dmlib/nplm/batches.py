"""The events of several toys in the form that `networks` works on: padded, in chunks, with a row of ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .cells import Sample

if TYPE_CHECKING:
    import torch


class Batch:
    """Reference and data of a batch of toys.

    Arguments:
        reference: Reference samples, each events (N_R, d) and weights (N_R,): one for each toy, or one for all.
        toys: Data samples, in the same form.
        chunk: Events in a chunk.
        device, dtype: Where the tensors are, and their precision.

    Attributes:
        reference: Chunks (events, weights), shapes (toys or 1, d + 1, n) and (toys or 1, 1, n).
        data: Chunks of the same form; a weight is 0 where a toy has no more events.
    """

    def __init__(
        self,
        reference: Sequence[Sample],
        toys: Sequence[Sample],
        chunk: int,
        device: str,
        dtype: torch.dtype,
    ):
        self.toys = len(toys)
        self.reference, self.data = (_chunks(samples, chunk, device, dtype) for samples in (reference, toys))

    def chunks(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, bool]]:
        """Yields the events of a chunk, their weights, and whether they are the reference's."""
        for x, a in self.reference:
            yield x, a, True
        for x, a in self.data:
            yield x, a, False

    def select(self, kept: torch.Tensor) -> Batch:
        """Returns the batch of some of the toys, given by their numbers."""
        chosen = object.__new__(Batch)
        chosen.toys = len(kept)
        chosen.reference = [(x, a) if len(x) == 1 < self.toys else (x[kept], a[kept]) for x, a in self.reference]
        chosen.data = [(x[kept], a[kept]) for x, a in self.data]
        return chosen

    def to(self, dtype: torch.dtype) -> Batch:
        """Returns the batch in another precision."""
        changed = object.__new__(Batch)
        changed.toys = self.toys
        changed.reference, changed.data = (
            [(x.to(dtype), a.to(dtype)) for x, a in chunks] for chunks in (self.reference, self.data)
        )
        return changed


def _chunks(samples, chunk, device, dtype):
    import torch

    longest = max(len(events) for events, _ in samples)
    x = np.zeros((len(samples), samples[0][0].shape[1] + 1, longest))
    a = np.zeros((len(samples), 1, longest))
    for i, (events, w) in enumerate(samples):
        x[i, :-1, : len(events)] = events.T
        x[i, -1, : len(events)] = 1
        a[i, 0, : len(events)] = w
    pieces = -(-longest // chunk)  # of nearly equal length
    edges = [longest * i // pieces for i in range(pieces + 1)]
    parts = [slice(low, high) for low, high in zip(edges, edges[1:], strict=False)]
    tensors = [torch.as_tensor(array, dtype=dtype, device=device) for array in (x, a)]
    return [tuple(t[:, :, part].contiguous() for t in tensors) for part in parts]
