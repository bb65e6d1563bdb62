"""Device, budget, and the map: order, faults, the store, one thread a worker, and the same on Dask."""

import functools
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import pytest

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
    assert compute.budget() == "quick"
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
