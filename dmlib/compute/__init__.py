"""Where, how much and from which random streams the course computes, with one map over cores or a cluster.

Every random number of the course comes from `stream`, which turns a seed and a path of names and numbers into a
generator of its own: two paths never share a stream, and no stream depends on how many others there are.

``compute.map`` is the one way in which the course does many independent things: toys, scans, grids of detectors. It
runs on the cores of this machine (loky), or, with ``DMLIB_SCHEDULER=tcp://host:8786``, on a Dask cluster: any that
``dask scheduler``, dask-jobqueue (Slurm, HTCondor) or a cloud provides, its workers started with one thread each.
"""

import os

from .parallel import map
from .streams import Seed, seed, stream

__all__ = ["BUDGETS", "Seed", "budget", "device", "map", "seed", "stream"]

BUDGETS = ("auto", "quick", "full")


def budget(value: str | None = None) -> str:
    """Says how large a run shall be.

    Arguments:
        value: ``"quick"`` (a minute on a laptop), ``"full"`` (the paper's study), or ``"auto"``: quick, but full where
            a cell is made for a GPU and torch finds one. None reads the environment variable ``DMLIB_BUDGET`` (auto if
            not set).

    Returns:
        One of the three.

    Raises:
        ValueError: It is none of them.

    Example:
        >>> budget("full")
        'full'
    """
    name, value = ("DMLIB_BUDGET", os.environ.get("DMLIB_BUDGET", "auto")) if value is None else ("budget", value)
    if value not in BUDGETS:
        raise ValueError(
            f"{name}={value!r}: expected 'quick' (a minute on a laptop), 'full' (the paper's study),"
            " or 'auto' (quick, but full on a GPU where a cell is made for one)"
        )
    return value


def device() -> str:
    """Says where torch computes: on a GPU if there is one, else on the CPU.

    The environment variable ``DMLIB_DEVICE`` decides otherwise (``cpu``, ``mps``, ``cuda`` or ``cuda:1``).

    Returns:
        A name for ``torch.device``.

    Raises:
        ValueError: ``DMLIB_DEVICE`` names no device, or one that is not there.

    Example:
        >>> device() in ("cpu", "cuda", "mps")
        True
    """
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    wanted = os.environ.get("DMLIB_DEVICE") or next(name for name, there in found.items() if there)
    name, _, number = wanted.partition(":")
    numbers = [str(i) for i in range(torch.cuda.device_count())] if name == "cuda" else []
    if not found.get(name) or (":" in wanted and number not in numbers):
        there = ", ".join(name for name in found if found[name])
        raise ValueError(f"DMLIB_DEVICE={wanted!r}: torch finds no such device here; expected one of {there}")
    return wanted
