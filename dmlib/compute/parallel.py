"""The map over many independent things, on the cores of this machine or on a Dask cluster."""

import concurrent.futures
import contextlib
import functools
import os
import reprlib
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from tqdm import tqdm

from dmlib import _check, _files, _store

_ROUNDS = 4  # a pool of processes is started afresh at most three times
# What keeps a worker to one thread: the libraries under numpy, torch, LightGBM and numba, and joblib within a worker.
_ONE_THREAD = dict.fromkeys(
    "OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS VECLIB_MAXIMUM_THREADS NUMBA_NUM_THREADS NUMEXPR_NUM_THREADS "
    "LOKY_MAX_CPU_COUNT".split(),
    "1",
)


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
        ValueError: ``workers`` is no whole number of 1 or more, or a store is wanted for a nameless function.
        TypeError: A result does not fit into the store.
        RuntimeError: Workers died again and again.
        Exception: Whatever the function raises, with a note that names the item.

    Example:
        >>> import math
        >>> map(math.factorial, [3, 4, 5], workers=1)
        [6, 24, 120]
    """
    if workers is not None:
        _check.count(workers, "workers")
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
                _files.write_text(files[i], result)
                result = _store.decoded(result)  # so that a first run and a resumed one return the same
            results[i] = result
            bar.update()
    return [results[i] for i in range(len(items))]


# Each takes {number: item} and yields (number, result) as soon as an item is done.


def _on_cores(task: Callable, todo: dict[int, Any], workers: int | None) -> Generator[tuple[int, Any], None, None]:
    import loky

    workers = workers or loky.cpu_count()
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
                    futures[executor.submit(_parcel, task, item)] = i
            for future in concurrent.futures.as_completed(futures):
                i = futures[future]
                if isinstance(future.exception(), BrokenProcessPool):
                    continue
                with _naming(i, todo[i]):
                    result = _opened(future.result())
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


def _on_dask(task: Callable, todo: dict[int, Any]) -> Generator[tuple[int, Any], None, None]:
    try:
        from dask import distributed
    except ImportError as error:
        raise ImportError("DMLIB_SCHEDULER is set but Dask is not installed: pip install 'dmlib[dask]'") from error

    if not todo:
        return
    with distributed.Client(os.environ["DMLIB_SCHEDULER"], set_as_default=False) as client:
        # Dask itself gives the items of a dead worker to another one, three times.
        futures = client.map(functools.partial(_parcel, task), list(todo.values()), pure=False)
        number = dict(zip((future.key for future in futures), todo, strict=True))
        for future in distributed.as_completed(futures, loop=client.loop):
            i = number[future.key]
            with _naming(i, todo[i]):
                result = _opened(future.result())
            yield i, result


@contextlib.contextmanager
def _naming(i: int, item: Any) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"in item {i} of compute.map: {reprlib.repr(item)}")
        raise


# What a worker sends home is packed by the worker and unpacked here, not by the pool: something that cannot be packed
# or unpacked is then an error of its item. Inside the pool it would take the workers with it, for no reason given.


def _parcel(task: Callable, item: Any) -> bytes:
    """Computes an item in a worker and packs the result, or what an exception that cannot travel says of itself."""
    import cloudpickle

    try:
        return cloudpickle.dumps((task(item), None))
    except Exception as error:
        try:
            cloudpickle.loads(cloudpickle.dumps(error))
        except Exception:
            trace = "".join(traceback.format_exception(error))
            return cloudpickle.dumps((None, (type(error), str(error), trace)))
        raise


def _opened(parcel: bytes) -> Any:
    import cloudpickle

    result, failure = cloudpickle.loads(parcel)
    if failure is None:
        return result
    kind, text, trace = failure
    # A stand-in of the same type and text, made without the arguments that could not travel.
    stand_in: Any = type(kind.__name__, (kind,), {"__module__": kind.__module__, "__str__": lambda _: text})
    error = stand_in.__new__(stand_in)
    error.add_note(f"in a worker:\n{trace}")
    raise error
