"""torch's random numbers from the course's streams."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

from dmlib import compute

_GLOBAL = threading.RLock()  # torch's generators are the process's own


def generator(seed: compute.Seed, *path: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """Returns torch's kind of random stream, for an order of events or for a loss that draws.

    Arguments:
        seed, path: As for `dmlib.compute.seed`.
        device: Where it draws.

    Example:
        >>> import torch
        >>> one, two = (torch.rand(1, generator=generator(1, "noise")) for _ in range(2))
        >>> torch.equal(one, two)
        True
    """
    return torch.Generator(device).manual_seed(compute.seed(seed, *path))


@contextlib.contextmanager
def seeded(seed: compute.Seed, *path: str | int) -> Iterator[None]:
    """Lets torch's global generators draw from a stream of this training alone, and leaves them as they were.

    Initial weights and layers like dropout know no other generators. One thread at a time has them, so that trainings
    in several threads do not disturb each other.

    Arguments:
        seed, path: As for `dmlib.compute.seed`.

    Example:
        >>> import torch
        >>> with seeded(1, "weights"):
        ...     one = torch.nn.Linear(2, 1)
        >>> with seeded(1, "weights"):
        ...     two = torch.nn.Linear(2, 1)
        >>> torch.equal(one.weight, two.weight)
        True
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with _GLOBAL, torch.random.fork_rng(devices):
        torch.manual_seed(compute.seed(seed, *path))
        yield
