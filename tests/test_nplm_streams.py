"""No two random streams of the studies behind chapters 17 and 18 coincide, but for those that are to be the same."""

import numpy as np
import pandas as pd
import pytest

from dmlib import compute, nplm
from tools.studies import nplm_benchmarks, nplm_dimuon


@pytest.fixture
def streams(monkeypatch):
    """Collects (seed, path) of every stream that is opened, and where seeds come from."""
    opened, given, open_stream, make_seed = [], {}, compute.stream, compute.seed

    def stream(seed, *path):
        if not isinstance(seed, np.random.Generator):
            opened.append((seed, path))
        return open_stream(seed, *path)

    def seed(seed, *path):
        made = make_seed(seed, *path)
        assert given.setdefault(made, (seed, path)) == (seed, path), "two paths came to the same seed"
        return made

    monkeypatch.setattr(compute, "stream", stream)
    monkeypatch.setattr(compute, "seed", seed)
    # Nothing is trained: a fit only asks for the weights that it would start from.
    monkeypatch.setattr(
        nplm, "fit", lambda reference, toys, expected, layers, clip, recipe="newton", seed=0: _t(toys, seed)
    )
    monkeypatch.setattr(nplm, "fit_models", lambda r, toys, n, layers, clip, recipe, seed: _Fits(_t(toys, seed)))
    monkeypatch.setattr(nplm, "neyman_pearson", lambda toys, *_: np.zeros(len(toys)))
    return opened, given


class _Fits:
    def __init__(self, t):
        self.t = t

    def log_ratio(self, x):
        return np.zeros((len(self.t), len(x)))


def _t(toys, seed):
    nplm.initial_weights((1, 1), 1, seed)
    return np.zeros(len(toys))


def coinciding(streams, shared, items):
    """Names of streams that more than one item has opened, or one item twice."""
    opened, given = streams
    seen, wrong = {}, set()
    for run in items:
        opened.clear()
        run()
        assert opened, "an item without random numbers"
        for stream in opened:
            seed, path = stream
            origin = given.get(seed, (None, path))[1]
            if origin[0] not in shared and stream in seen:
                wrong.add((seed, path))
            seen[stream] = True
    assert len(seen) > 20
    return wrong


def small_problem(monkeypatch):
    cheap = {
        name: problem._replace(reference=_one, signal=_one, expected=20, added=problem.added and 5)
        for name, problem in nplm_benchmarks.PROBLEMS.items()
    }
    monkeypatch.setattr(nplm_benchmarks, "PROBLEMS", cheap)
    monkeypatch.setattr(nplm_benchmarks, "SMALL", 1)


def _one(rng, size):
    return np.zeros((size, 2)) + np.arange(size)[:, None]


def test_streams_of_the_benchmarks_are_apart(streams, monkeypatch):
    small_problem(monkeypatch)
    study = nplm_benchmarks
    items = [lambda item=item: study.benchmark(item) for item in study.items() if item["block"] < 4]
    for name in ("peak", "NP1"):
        for recipe in ("newton", "adam"):
            items += [lambda i={"problem": name, "recipe": recipe, "seed": s}: study.recipes(i) for s in range(2)]
        items += [lambda i={"problem": name, "cells": cells}: study.cells(i) for cells in (4096, 0)]
    assert not coinciding(streams, study.SHARED, items)


def test_streams_of_the_dimuons_are_apart(streams, monkeypatch):
    study, rng = nplm_dimuon, np.random.default_rng(0)
    columns = ["pt1", "pt2", "eta1", "eta2", "delta_phi", "m_ll"]
    events = pd.DataFrame(rng.normal(200, 30, (6_000, 6)), columns=columns)
    monkeypatch.setattr(study, "_sample", lambda name: {c: events[c].to_numpy() for c in columns} | CHANGE)
    monkeypatch.setattr(study, "EXPECTED", 100)
    monkeypatch.setattr(study, "SMALL", 1)
    monkeypatch.setattr(study, "CENTRES", 5)
    monkeypatch.setattr(
        study, "CONFIGURATIONS", {k: c._replace(expected=100, ratio=2) for k, c in study.CONFIGURATIONS.items()}
    )
    work = {"nplm-dimuon": study.deep, "nplm-dimuon-scans": study.scan, "nplm-dimuon-recipes": study.recipes}
    items = [
        lambda f=work[name], item=item: f(item)
        for name, what in study.items().items()
        for item in what
        if item.get("block", 0) < 2
    ]
    assert not coinciding(streams, study.SHARED, items)


CHANGE = {"linear": np.full(6_000, 1e-6), "quadratic": np.full(6_000, 1e-6)}


def test_a_study_that_shares_a_stream_is_found(streams, monkeypatch):
    """The check sees what it looks for: the reference, once it may not be shared."""
    small_problem(monkeypatch)
    item = {"problem": "NP1", "hypothesis": "null"}
    items = [lambda b=b: nplm_benchmarks.benchmark(item | {"block": b}) for b in range(3)]
    assert coinciding(streams, (), items) == {(nplm_benchmarks.SEED, ("reference", "NP1"))}
