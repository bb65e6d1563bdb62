"""Where, how much and from which random streams the course computes, with one map over cores or a cluster.

Every random number of the course comes from `stream`, which turns a seed and a path of names and numbers into a
generator of its own: two paths never share a stream, and no stream depends on how many others there are.

``compute.map`` is the one way in which the course does many independent things: toys, scans, grids of detectors. It
runs on the cores of this machine (joblib), or, with ``DMLIB_SCHEDULER=tcp://host:8786``, on a Dask cluster: any that
``dask scheduler``, dask-jobqueue (Slurm, HTCondor) or a cloud provides, its workers started with one thread each.
"""

import concurrent.futures
import contextlib
import functools
import hashlib
import operator
import os
import reprlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
from tqdm import tqdm

from dmlib import _store

Seed = int | np.integer | np.random.Generator | np.random.RandomState | None

BUDGETS = ("auto", "quick", "full")
_ROUNDS = 4  # a pool of processes is started afresh at most three times
# What keeps a worker to one thread: the libraries under numpy, torch, LightGBM and numba, and joblib within a worker.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "LOKY_MAX_CPU_COUNT",
    ),
    "1",
)


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


def stream(seed: Seed, *path: str | int) -> np.random.Generator:
    r"""Returns the random stream of a seed and a path, the only way in which the course makes generators.

    numpy pads seeds with zeros: ``default_rng(s)`` and ``default_rng([s, 0])`` are the same stream, and a study that
    uses both draws its first toy from the numbers of its reference. Here the path is hashed into the ``spawn_key`` of a
    :class:`numpy.random.SeedSequence`, which numpy keeps apart from the seed, so that paths that differ in a name, a
    number or their length have streams of their own.

    Arguments:
        seed: A whole number, 0 or more. None takes fresh entropy, another stream in every call. A generator is returned
            as it is, whatever the path: what it gives is never given twice.
        path: What the stream is for: names and whole numbers, as in ``stream(seed, "toys", 17)``.

    Returns:
        A generator at the start of its stream. Without a path: that of ``default_rng(seed)``.

    Raises:
        ValueError: The seed or a part of the path is none of these.

    References:
        | Parallel random number generation (NumPy documentation)
        | https://numpy.org/doc/stable/reference/random/parallel.html

    Example:
        >>> stream(1, "toys", 0).integers(100, size=3).tolist() == stream(1, "toys", 0).integers(100, size=3).tolist()
        True
        >>> stream(1, "toys", 0).integers(1000) == stream(1, "toys", 1).integers(1000)
        np.False_
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, np.random.RandomState):
        seed = seed.randint(2**32, dtype=np.uint32)
    words = []
    for part in path:
        # A name and a number that look alike are not the same path: the kind is hashed with them, and lengths too.
        text = part if isinstance(part, str) else _whole(part, "a number of the path", least=None)
        words.append(f"{type(text).__name__}:{len(str(text))}:{text}")
    digest = hashlib.sha256("/".join(words).encode()).digest() if words else b""
    key = np.frombuffer(digest, "<u4").tolist()
    entropy = None if seed is None else _whole(seed, "seed")
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))


def seed(seed: Seed, *path: str | int) -> int:
    """Returns a seed of its own for a library that takes whole numbers (scikit-learn, torch), from a path.

    Arguments:
        seed, path: As for `stream`.

    Returns:
        A whole number from 0 to 2**32 - 1.

    Example:
        >>> seed(1, "trees", 0) == seed(1, "trees", 0), seed(1, "trees", 0) == seed(1, "trees", 1)
        (True, False)
    """
    return int(stream(seed, *path).integers(2**32))


def _whole(value: Any, name: str, least: int | None = 0) -> int:
    try:
        number = operator.index(value)
        if isinstance(value, bool | np.bool_) or (least is not None and number < least):
            raise TypeError
    except TypeError:
        at_least = "" if least is None else f" of {least} or more"
        raise ValueError(f"{name}={value!r}: expected a whole number{at_least}") from None
    return number


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

    found = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    wanted = os.environ.get("DMLIB_DEVICE") or next(name for name, there in found.items() if there)
    name, _, number = wanted.partition(":")
    numbers = [str(i) for i in range(torch.cuda.device_count())] if name == "cuda" else []
    if not found.get(name) or (":" in wanted and number not in numbers):
        there = ", ".join(name for name in found if found[name])
        raise ValueError(f"DMLIB_DEVICE={wanted!r}: torch finds no such device here; expected one of {there}")
    return wanted


def map(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    store: str | os.PathLike | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> list[Any]:
    r"""Computes ``[function(item) for item in items]`` in parallel, one thread a worker.

    A worker that dies (out of memory, say) is replaced, and what it left open is computed again. With a ``store`` every
    result is a JSON file in a folder, written as soon as the item is done, so that a stopped scan goes on where it was.
    Files are keyed by the function's name and the item: after a change of the function take another folder.

    Arguments:
        function: Takes one item. With a store: a function with a name of its own (or ``functools.partial`` of one).
        items: What to compute; each item holds all that its result depends on, its seed included.
        store: Folder for the results, made if missing. Results are then numbers, strings, None, numpy arrays, and lists
            and dicts (with string keys) of these; tuples come back as lists, numpy scalars as Python numbers.
        workers: Number of processes; None takes one for each core, 1 computes here. With Dask the cluster decides.
        progress: Show a bar.

    Returns:
        The results, in the order of the items.

    Raises:
        ValueError: ``workers`` is less than 1, or a store is wanted for a nameless function.
        TypeError: A result does not fit into the store.
        RuntimeError: Workers died again and again.
        Exception: Whatever the function raises, with a note that names the item.

    Example:
        >>> import math
        >>> map(math.factorial, [3, 4, 5], workers=1)
        [6, 24, 120]
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers!r}: expected a number of processes of 1 or more, or None for all cores")
    items, task, results = list(items), function, {}
    if store is not None:
        files = _store.files(store, function, items)
        task = functools.partial(_store.encoded, function)
        results = {i: _store.read(file) for i, file in enumerate(files) if file.exists()}

    todo = {i: item for i, item in enumerate(items) if i not in results}
    done = _on_dask(task, todo) if os.environ.get("DMLIB_SCHEDULER") else _on_cores(task, todo, workers)
    with contextlib.closing(done), tqdm(total=len(items), initial=len(results), disable=not progress) as bar:
        for i, result in done:
            if store is not None:
                _store.write(files[i], result)
                result = _store.decoded(result)  # so that a first run and a resumed one return the same
            results[i] = result
            bar.update()
    return [results[i] for i in range(len(items))]


# Each takes {number: item} and yields (number, result) as soon as an item is done.


def _on_cores(task: Callable, todo: dict[int, Any], workers: int | None) -> Iterator[tuple[int, Any]]:
    import joblib
    from joblib.externals import loky

    workers = workers or joblib.cpu_count()
    if workers == 1 or not todo:
        for i, item in todo.items():
            with _naming(i, item):
                result = task(item)
            yield i, result
        return
    for _ in range(_ROUNDS):
        executor = loky.get_reusable_executor(max_workers=min(workers, len(todo)), env=_ONE_THREAD)
        futures = {}
        try:
            with contextlib.suppress(BrokenProcessPool):  # a worker may die before everything is handed out
                for i, item in todo.items():
                    futures[executor.submit(task, item)] = i
            for future in concurrent.futures.as_completed(futures):
                i = futures[future]
                if isinstance(future.exception(), BrokenProcessPool):
                    continue
                with _naming(i, todo[i]):
                    result = future.result()
                del todo[i]
                yield i, result
        except BaseException:  # an error, an interrupt, a full disk: nobody waits for the rest
            executor.shutdown(kill_workers=True)
            raise
        if not todo:
            return
        warnings.warn(f"a worker died; {len(todo)} items are computed again", RuntimeWarning, stacklevel=3)
    first = reprlib.repr(next(iter(todo.values())))
    raise RuntimeError(
        f"workers died {_ROUNDS} times and left {len(todo)} items open, the first of them {first};"
        " if memory ran out, try fewer workers; with a store, what is done is kept"
    )


def _on_dask(task: Callable, todo: dict[int, Any]) -> Iterator[tuple[int, Any]]:
    try:
        from dask import distributed
    except ImportError as error:
        raise ImportError("DMLIB_SCHEDULER is set but Dask is not installed: pip install 'dmlib[dask]'") from error

    if not todo:
        return
    with distributed.Client(os.environ["DMLIB_SCHEDULER"], set_as_default=False) as client:
        # Dask itself gives the items of a dead worker to another one, three times.
        futures = client.map(task, list(todo.values()), pure=False)
        number = dict(zip((future.key for future in futures), todo, strict=True))
        for future in distributed.as_completed(futures, loop=client.loop):
            i = number[future.key]
            with _naming(i, todo[i]):
                result = future.result()
            yield i, result


@contextlib.contextmanager
def _naming(i: int, item: Any) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"in item {i} of compute.map: {reprlib.repr(item)}")
        raise
