"""Device, budget, and the map: order, faults, the store, one thread a worker, and the same on Dask."""

import functools
import json
import math
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlib import compute


def square(x):
    return x * x


def scaled(x, factor):
    return factor * x


def rich(seed):
    """All that a store can hold."""
    a = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
    return {
        "array": a,
        "number": np.float64(seed) / 3,
        "list": [1, None, True, "text"],
        "nested": {"n": np.arange(3)},
    }


def log_and_square(item):
    """Leaves a trace of every call, so that a test can count them."""
    folder, x = item
    (Path(folder) / f"{x}-{time.time_ns()}").touch()
    if (Path(folder) / f"stop-at-{x}").exists():
        raise OSError("the disk is full")
    return x * x


def die_the_first_time(item):
    folder, x = item
    if x == 3:
        try:
            (Path(folder) / "died").touch(exist_ok=False)
        except FileExistsError:
            return x
        os._exit(1)
    return x


def die_always(x):
    os._exit(1)


def late_for_zero(x):
    time.sleep(0.3 if x == 0 else 0)
    return x


def threads(_):
    import torch
    from threadpoolctl import threadpool_info

    return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]


def processes(_):
    return compute.map(whoami, range(3)), os.getpid()


def whoami(_):
    return os.getpid()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("DMLIB_SCHEDULER", "DMLIB_BUDGET", "DMLIB_DEVICE"):
        monkeypatch.delenv(name, raising=False)


def test_budget(monkeypatch):
    assert compute.budget() == "auto"
    monkeypatch.setenv("DMLIB_BUDGET", "full")
    assert compute.budget() == "full"
    assert compute.budget("quick") == "quick"
    with pytest.raises(ValueError, match="budget='huge'.*'quick'.*'full'"):
        compute.budget("huge")
    monkeypatch.setenv("DMLIB_BUDGET", "Full")
    with pytest.raises(ValueError, match="DMLIB_BUDGET='Full'.*'quick'.*'full'"):
        compute.budget()


def test_device(monkeypatch):
    import torch

    assert torch.zeros(2, device=compute.device()).sum().item() == 0
    monkeypatch.setenv("DMLIB_DEVICE", "cpu")
    assert compute.device() == "cpu"
    for wrong in ("gpu", "cpu:3", "cuda:99"):
        monkeypatch.setenv("DMLIB_DEVICE", wrong)
        with pytest.raises(ValueError, match=f"DMLIB_DEVICE='{wrong}'.*expected one of .*cpu"):
            compute.device()


def test_device_takes_the_gpu(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert compute.device() == "cuda"
    monkeypatch.setenv("DMLIB_DEVICE", "cuda:1")
    assert compute.device() == "cuda:1"


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_the_order_of_the_items(workers):
    assert compute.map(late_for_zero, range(20), workers=workers) == list(range(20))


def test_no_items():
    assert compute.map(square, []) == []
    assert compute.map(square, iter([3])) == [9]


def test_functions_of_a_notebook():
    offset = 5
    assert compute.map(lambda x: x + offset, range(4), workers=2) == [5, 6, 7, 8]


@pytest.mark.parametrize("workers", [0, -1])
def test_bad_number_of_workers(workers):
    with pytest.raises(ValueError, match=f"workers={workers}"):
        compute.map(square, [1], workers=workers)


def test_workers_have_one_thread():
    assert set(sum(compute.map(threads, range(2), workers=2), [])) == {1}


def test_a_map_inside_a_worker_stays_there():
    for inner, outer in compute.map(processes, range(2), workers=2):
        assert set(inner) == {outer}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_names_the_item(workers):
    with pytest.raises(ZeroDivisionError) as caught:
        compute.map(functools.partial(divmod, 1), [4, 0, 2], workers=workers)
    assert caught.value.__notes__ == ["in item 1 of compute.map: 0"]


class Unsendable(Exception):
    """Cannot be unpacked: its arguments are not what its constructor wants."""

    def __init__(self, what, where):
        super().__init__(f"no {what} in {where}")


class Holding(ValueError):
    """Cannot be packed."""

    def __init__(self, lock):
        super().__init__("the lock", lock)
        self.lock = lock

    def __str__(self):
        return "the lock is held"


def fail(item):
    if item == "unsendable":
        raise Unsendable("luck", "the box")
    if item == "holding":
        raise Holding(threading.Lock())
    if item == "local":

        class OfNobody(ArithmeticError):
            def __init__(self, lock, more):
                super().__init__("local trouble")

        raise OfNobody(1, 2)
    return threading.Lock() if item == "a lock" else item


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("item", "kind", "name", "message"),
    [
        ("unsendable", Unsendable, "Unsendable", "no luck in the box"),
        ("holding", ValueError, "Holding", "the lock is held"),
        ("local", ArithmeticError, "OfNobody", "local trouble"),
    ],
)
def test_an_exception_that_cannot_travel_is_reported_as_what_it_is(workers, item, kind, name, message):
    with pytest.raises(kind, match=message) as caught:
        compute.map(fail, ["fine", item, "too"], workers=workers)
    assert caught.type.__name__.rpartition(".")[2] == name
    assert caught.value.__notes__[-1] == f"in item 1 of compute.map: {item!r}"
    assert workers == 1 or "raise " in caught.value.__notes__[0]  # where in the worker


def test_a_result_that_cannot_travel_is_an_error_of_its_item():
    with pytest.raises(TypeError, match="pickle.*lock") as caught:
        compute.map(fail, [1, "a lock", 2], workers=2)
    assert caught.value.__notes__[-1] == "in item 1 of compute.map: 'a lock'"


def test_a_dead_worker_is_replaced(tmp_path):
    with pytest.warns(RuntimeWarning, match="a worker died"):
        result = compute.map(die_the_first_time, [(str(tmp_path), x) for x in range(30)], workers=2)
    assert result == list(range(30))


@pytest.mark.filterwarnings("ignore:a worker died")
def test_a_function_that_always_kills_its_worker_is_given_up():
    with pytest.raises(RuntimeError, match="workers died 4 times.*fewer workers"):
        compute.map(die_always, [7, 8], workers=2)


def test_progress_is_shown_on_demand(capsys):
    compute.map(square, range(3), workers=1)
    assert capsys.readouterr() == ("", "")
    compute.map(square, range(3), workers=1, progress=True)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopped_scan_goes_on(tmp_path, workers):
    calls, store = tmp_path / "calls", tmp_path / "store"
    calls.mkdir()
    items = [(str(calls), x) for x in range(6)]
    (calls / "stop-at-4").touch()
    with pytest.raises(OSError, match="the disk is full"):
        compute.map(log_and_square, items, store=store, workers=workers)
    done = len(list(store.iterdir()))
    assert 1 <= done <= 5
    (calls / "stop-at-4").unlink()
    for file in calls.iterdir():
        file.unlink()
    assert compute.map(log_and_square, items, store=store, workers=workers) == [0, 1, 4, 9, 16, 25]
    assert len(list(calls.iterdir())) == 6 - done  # only what was missing
    assert len(list(store.iterdir())) == 6


def test_the_store_returns_what_was_put_in(tmp_path):
    first = compute.map(rich, range(2), store=tmp_path, workers=2)
    again = compute.map(rich, range(2), store=tmp_path, workers=1)
    for x, y, z in zip(map(rich, range(2)), first, again, strict=True):
        for result in (y, z):
            assert result["array"].dtype == np.float32
            np.testing.assert_array_equal(result["array"], x["array"])
            np.testing.assert_array_equal(result["nested"]["n"], x["nested"]["n"])
            assert (result["number"], result["list"]) == (x["number"], x["list"])


def test_the_store_tells_functions_arguments_and_items_apart(tmp_path):
    def run(function, *items):
        return compute.map(function, items, store=tmp_path, workers=1)

    assert run(square, 2, 3) == [4, 9]
    assert run(math.sqrt, 4) == [2]
    assert run(functools.partial(scaled, factor=2), 2) == [4]
    assert run(functools.partial(scaled, factor=3), 2) == [6]
    assert run(functools.partial(scaled, factor=2), {"a": 1}["a"]) == [2]
    assert len(list(tmp_path.iterdir())) == 6
    run(np.sum, {"a": np.arange(3)}["a"], np.arange(4))
    run(np.sum, np.arange(3))  # known already
    assert len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize(
    "function", [lambda x: x, functools.partial(lambda x: x), [].append, str.upper, Path().joinpath]
)
def test_a_store_needs_a_function_with_a_name(tmp_path, function):
    with pytest.raises(ValueError, match="store: .* has none of its own"):
        compute.map(function, ["a"], store=tmp_path, workers=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("result", [{1: 2}, {"x": {3}}, 1j, np.array([None]), b"bytes"])
def test_a_result_that_cannot_be_stored_is_refused(tmp_path, result):
    with pytest.raises(TypeError, match="store: a result holds .* of type"):
        compute.map(functools.partial(give, result=result), [0], store=tmp_path, workers=1)
    assert not list(tmp_path.iterdir())


def give(_, result):
    return result


def give_masked(wrap):
    masked = np.ma.masked_array([1.0, 2.0], [False, True])
    return {"array": masked, "nested": {"x": [masked]}, "element": np.ma.masked}[wrap]


def test_masks_are_refused_in_results_and_items(tmp_path):
    masked = np.ma.masked_array([1.0, 2.0], [False, True])
    for wrap in ("array", "nested", "element"):
        with pytest.raises(TypeError, match="store: a result holds a masked array.*filled"):
            compute.map(give_masked, [wrap], store=tmp_path, workers=1)
    with pytest.raises(TypeError, match="store: an item holds a masked array.*filled"):
        compute.map(np.sum, [masked], store=tmp_path, workers=1)
    with pytest.raises(TypeError, match="store: an item holds a masked array"):
        compute.map(functools.partial(scaled, factor=masked), [1], store=tmp_path, workers=1)
    assert not list(tmp_path.iterdir())


def test_a_tilde_in_the_store_is_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert compute.map(square, [3], store="~/kept", workers=1) == [9]
    assert len(list((tmp_path / "kept").iterdir())) == 1 and not (tmp_path / "~").exists()


def test_numbers_come_back_exactly(tmp_path):
    values = [0.1, 1e-320, math.inf, -0.0, 2**80, True]
    for _ in range(2):
        (stored,) = compute.map(
            functools.partial(give, result=[*values, math.nan, np.float32(0.5), np.bool_(True)]), [0], tmp_path
        )
        assert stored[:6] == values and math.isnan(stored[6]) and stored[7:] == [0.5, True]
        assert [type(v) for v in stored[5:]] == [bool, float, float, bool]


def test_a_damaged_file_is_named(tmp_path):
    compute.map(square, [2], store=tmp_path, workers=1)
    (file,) = tmp_path.iterdir()
    for text in ('{"item": "2", "res', "[]", json.dumps({"result": {"__array__": "bm90IG51bXB5"}})):
        file.write_text(text)
        with pytest.raises(ValueError, match=f"{file.name} holds no result.*delete it"):
            compute.map(square, [2], store=tmp_path, workers=1)


PARTS = st.one_of(st.text(max_size=5), st.integers(-(2**70), 2**70))
PATHS = st.lists(PARTS, max_size=4).map(tuple)
SEEDS = st.integers(0, 2**70)


def first(seed, *path):
    return compute.stream(seed, *path).bit_generator.random_raw(4).tolist()


@given(st.tuples(SEEDS, PATHS), st.tuples(SEEDS, PATHS))
def test_streams_are_the_same_exactly_if_seed_and_path_are(one, other):
    (seed, path), (seed_2, path_2) = one, other
    assert first(seed, *path) == first(seed, *path)
    assert (first(seed, *path) == first(seed_2, *path_2)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, "a", 1), (1, "a1")),
        ((1, "a", "1"), (1, "a", 1)),
        ((1, "a", "b"), (1, "ab")),
        ((1, "a", "b"), (1, "a/str:1:b")),  # as the hash would join them
        ((1, "b", "a"), (1, "a", "b")),
        ((1,), (1, 0)),  # numpy pads seeds with zeros
        ((1, 0), (1, 0, 0)),
        ((1,), (1, "")),
        ((1, ""), (1, "", "")),
        ((12, 3), (1, 23)),
        ((1, -1), (1, 1)),
        ((2**32,), (0, 1)),
        ((2**32,), (0,)),
    ],
)
def test_streams_that_could_be_mistaken_for_one_another_differ(one, other):
    assert not set(first(*one)) & set(first(*other))
    assert compute.seed(*one) != compute.seed(*other)


@given(st.integers(0, 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_numpy_integers_and_strings_are_numbers_and_names(seed, number):
    for kind in (np.int32, np.int64):
        assert first(kind(seed), np.str_("toys"), kind(number)) == first(seed, "toys", number)


def test_streams_are_those_of_every_platform_and_version():
    assert compute.stream(1).integers(1000, size=3).tolist() == np.random.default_rng(1).integers(1000, size=3).tolist()
    assert first(1, "toys", 17)[0] == 2914068253107795701
    assert first(2**40, "a", -3)[0] == 11559253491892217863
    assert compute.seed(1, "trees", 0) == 448666478
    assert compute.seed(1) == 2032329983


def test_seeds_are_32_bits_and_spread_over_them():
    seeds = [compute.seed(7, "spread", i) for i in range(2_000)]
    assert min(seeds) >= 0 and max(seeds) < 2**32 and len(set(seeds)) == len(seeds)
    # The 2,000 values are uniform: mean 1/2 within five standard errors, and each eighth of the range is met.
    assert abs(np.mean(seeds) / 2**32 - 0.5) < 5 / np.sqrt(12 * len(seeds))
    assert np.bincount(np.array(seeds) >> 29, minlength=8).min() > 250 - 5 * np.sqrt(250)


def test_neighbouring_streams_are_uncorrelated():
    draws = np.array([compute.stream(3, "toy", i).standard_normal(1_000) for i in range(40)])
    correlation = np.corrcoef(draws)[np.triu_indices(40, 1)]
    assert abs(correlation).max() < 5.5 / np.sqrt(1_000)


def test_a_generator_is_passed_on_and_no_seed_is_fresh():
    rng = np.random.default_rng(1)
    assert compute.stream(rng, "any", 1) is rng
    assert first(None) != first(None)
    assert first(None, "a") != first(None, "a")
    old = np.random.RandomState(4), np.random.RandomState(4)
    assert first(old[0], "a") == first(old[1], "a") != first(old[0], "a")


@pytest.mark.parametrize("bad", [-1, 1.0, 1.5, "1", True, np.bool_(True), np.float64(1), [1], np.array([1, 2])])
def test_bad_seeds_are_refused(bad):
    with pytest.raises(ValueError, match="seed=.*expected a whole number of 0 or more"):
        compute.stream(bad)
    with pytest.raises(ValueError, match="seed="):
        compute.seed(bad, "path")


@pytest.mark.parametrize("bad", [1.0, True, None, np.bool_(False), ("a",), b"a", np.float32(2)])
def test_bad_parts_of_a_path_are_refused(bad):
    with pytest.raises(ValueError, match="a number of the path=.*expected a whole number"):
        compute.stream(1, "toys", bad)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("dask.distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", protocol="tcp", host="127.0.0.1"
    ) as cluster:
        yield cluster.scheduler_address


def test_dask(monkeypatch, cluster, tmp_path):
    monkeypatch.setenv("DMLIB_SCHEDULER", cluster)
    offset = 1
    assert compute.map(lambda x: x + offset, range(20)) == list(range(1, 21))
    assert compute.map(square, [3, 3, 2]) == [9, 9, 4]
    for _ in range(2):
        assert compute.map(square, [3, 2], store=tmp_path) == [9, 4]
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ZeroDivisionError) as caught:
        compute.map(functools.partial(divmod, 1), [4, 0, 2])
    assert caught.value.__notes__ == ["in item 1 of compute.map: 0"]


def test_a_dask_worker_that_dies_is_replaced(monkeypatch, tmp_path):
    distributed = pytest.importorskip("dask.distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        monkeypatch.setenv("DMLIB_SCHEDULER", cluster.scheduler_address)
        assert compute.map(die_the_first_time, [(str(tmp_path), x) for x in range(5)]) == list(range(5))
