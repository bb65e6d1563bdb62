"""Events as tensors: to train on, to set aside, to evaluate some at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike

from dmlib import _check, compute

CHUNK = 10_000  # events evaluated at a time: more leave the processor's cache


def tensors(*arrays: ArrayLike, device: str | torch.device | None = None) -> tuple[torch.Tensor, ...]:
    """Returns arrays as float32 tensors.

    Arguments:
        arrays: Anything that numpy reads. Tensors keep their type.
        device: Where to; None asks `dmlib.compute.device`.

    Example:
        >>> tensors([1, 2])[0].dtype
        torch.float32
    """
    floats = (a if isinstance(a, torch.Tensor) else np.ascontiguousarray(a, dtype=np.float32) for a in arrays)
    return tuple(torch.as_tensor(a, device=device or compute.device()) for a in floats)


def split(n: int, validation: float, seed: compute.Seed) -> tuple[np.ndarray, np.ndarray]:
    """Splits n events at random: the numbers of those to train on, and of those set aside.

    Arguments:
        n: Number of events.
        validation: Share to set aside.
        seed: Of the split.

    Raises:
        ValueError: The share is not between 0 and 1, or leaves no event to train on or to set aside.

    Example:
        >>> train, aside = split(10, 0.2, seed=1)
        >>> len(train), len(aside), sorted([*train, *aside]) == list(range(10))
        (8, 2, True)
    """
    _check.share(validation, "validation", zero=False, one=False)
    first = round(n * (1 - validation))
    if not 0 < first < n:
        raise ValueError(f"validation={validation:g} of {n} events: expected some to train on and some to set aside")
    train, aside = np.split(compute.stream(seed, "split").permutation(n), [first])
    return train, aside


def evaluate(function: Callable[..., torch.Tensor], *arrays: ArrayLike, batch_size: int = CHUNK) -> np.ndarray:
    """Returns what a function of tensors gives for all events, some at a time and without gradients.

    Arguments:
        function: Takes as many tensors as there are arrays, with n rows, and gives n rows.
        arrays: Of equal length, one row an event.
        batch_size: Events at a time.

    Returns:
        An array of doubles, one row an event.

    Example:
        >>> evaluate(lambda x: x.sum(dim=1), np.ones((5, 2)), batch_size=2)
        array([2., 2., 2., 2., 2.])
    """
    with torch.no_grad():
        parts = [t.split(batch_size) for t in tensors(*arrays)]
        return torch.cat([function(*part) for part in zip(*parts, strict=True)]).double().cpu().numpy()
