"""torch's random numbers from the course's streams, for one thread alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmlib import compute

if TYPE_CHECKING:
    import torch


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
    import torch

    return torch.Generator(device).manual_seed(compute.seed(seed, *path))


@contextlib.contextmanager
def seeded(seed: compute.Seed, *path: str | int) -> Iterator[None]:
    """Lets torch draw from a stream of its own, in this thread alone: initial weights above all.

    torch's global generator is neither used nor changed, so that trainings in several threads do not disturb each
    other. Every operation passes through Python: build modules here, do not train them.

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
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    start, generators = compute.seed(seed, *path), {}

    class OwnGenerator(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            packet = function.overloadpacket
            if function._overloadname == "default" and "generator" in packet.overloads():
                function = packet.generator  # rand, randn: the same with a generator
            takes_one = any(argument.name == "generator" for argument in function._schema.arguments)
            if takes_one and kwargs.get("generator") is None:
                device = str(kwargs.get("device") or next((a.device for a in args if hasattr(a, "device")), "cpu"))
                if device not in generators:
                    generators[device] = torch.Generator(device).manual_seed(start)
                kwargs["generator"] = generators[device]
            return function(*args, **kwargs)

    with OwnGenerator():
        yield
