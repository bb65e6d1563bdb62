"""`make nplm-tables`: the benchmarks of chapter 17, and the two recipes on the same toys.

The four problems are those of section 3 of Learning Multivariate New Physics (D'Agnolo et al., 2019). Each has one
reference for all its toys, five times as large as the data, as an experiment would. The recipes are compared on the
one-dimensional example of its section 2 too.

Every sample has a stream of its own: no toy is made of the events of a reference or of another toy. `SHARED` names what
several items have in common on purpose.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import multivariate_normal

from dmlib import compute, nplm
from tools import studies

TOYS, BLOCK = {"null": 1000, "signal": 300}, 10  # the paper's signals have 300 too; toys computed together
RAW = 100  # of each kind for the box as it is, which is only there to compare
RATIO = 5  # reference events for each expected event
SMALL = 1 / 40  # of the samples on which the recipes are compared; too small for cells
SEEDS = 2  # of both, for each recipe also differs from itself
LINE = "peak"  # the problem in one dimension, for the recipes alone and at its own size
BOX = np.array([2.0, 0.5, 0.5])
SEED = 17
# One reference for all toys of a problem; the same samples for all recipes, or numbers of cells; and for the latter the
# same initial weights, too, so that nothing but the cells differs.


class Problem(NamedTuple):
    """A reference model and a deviation from it.

    Arguments:
        reference, signal: Generators, ``(rng, size)`` to events; the signal replaces the reference or is added to it.
        expected, added: Expected number of events of the reference model and of the added signal; None: it replaces.
        log_ratio: Of the densities of events, new physics to reference; None: not needed.
        architecture, weight_clipping: Of the network.
        standardise: Whether features are scaled to mean 0 and width 1 (those that are so already stay).
    """

    reference: Callable
    signal: Callable
    expected: int
    added: int | None
    log_ratio: Callable | None
    architecture: tuple[int, ...] = (2, 5, 1)
    weight_clipping: float = 1.2
    standardise: bool = True


def _normal(mean, covariance):
    law = multivariate_normal(mean, covariance)
    return lambda rng, size: law.rvs(size, random_state=rng).reshape(size, len(mean)), law.logpdf


def _shifted(mean, covariance):
    """The first two problems: all events follow another normal law."""
    (reference, log_r), (signal, log_s) = _normal([1, 1], np.eye(2)), _normal(mean, covariance)
    return Problem(reference, signal, 20_000, None, lambda x: log_s(x) - log_r(x))


def _bump():
    (reference, log_r), (signal, log_s) = _normal([0, 0], np.eye(2)), _normal([1.5, 1.5], 0.1 * np.eye(2))
    return Problem(
        reference, signal, 10_000, 500, lambda x: np.log1p(0.05 * np.exp(log_s(x) - log_r(x))), weight_clipping=1.35
    )


def _peak():
    def falling(rng, size):
        return rng.exponential(1 / 8, (size, 1))

    def narrow(rng, size):
        return rng.normal(0.8, 0.02, (size, 1))

    return Problem(falling, narrow, 2_000, 10, None, (1, 3, 1), 7.0)


def _boxes(standardise):
    inner = np.array([1.0, 0.1, 0.1])
    ratio = 0.03 * np.prod(BOX / inner)

    def uniform(edges):
        return lambda rng, size: rng.uniform(-edges, edges, (size, 3))

    return Problem(
        uniform(BOX), uniform(inner), 10_000, 300, lambda x: np.log1p(ratio * (np.abs(x) < inner).all(axis=1)),
        (3, 5, 1), 3.4, standardise,
    )  # fmt: skip


PROBLEMS = {
    "NP1": _shifted([1.12, 1.12], np.eye(2)),
    "NP2": _shifted([1, 1], [[0.95, 0.1], [0.1, 0.8]]),
    "bump": _bump(),
    "box": _boxes(True),
    "box, raw": _boxes(False),
    LINE: _peak(),
}


def draw(name: str, hypothesis: str, n: int, *path: str | int, scale: float = 1.0) -> list[np.ndarray]:
    """Toys of a problem, `scale` times as large as published; the path names their streams."""
    problem = PROBLEMS[name]

    def toys(generator, expected, part):
        return nplm.draw(generator, scale * expected, n, compute.seed(SEED, *path, name, hypothesis, part))

    if hypothesis == "null":
        return toys(problem.reference, problem.expected, "background")
    if problem.added is None:
        return toys(problem.signal, problem.expected, "signal")
    return nplm.mix(
        toys(problem.reference, problem.expected, "background"), toys(problem.signal, problem.added, "signal")
    )


def reference_of(name: str, *path: str | int, scale: float = 1.0) -> np.ndarray:
    """The reference of a problem, `RATIO` times as large as its toys."""
    size = int(RATIO * scale * PROBLEMS[name].expected)
    return PROBLEMS[name].reference(compute.stream(SEED, *path, name), size)


def fit(name: str, toys: list[np.ndarray], reference: np.ndarray, expected: float, **options) -> np.ndarray:
    """t of toys, features scaled as the problem says."""
    problem = PROBLEMS[name]
    if problem.standardise:
        mean, width = reference.mean(axis=0), reference.std(axis=0)
        reference, toys = (reference - mean) / width, [(x - mean) / width for x in toys]
    return nplm.fit(reference, toys, expected, problem.architecture, problem.weight_clipping, **options)


def blocks() -> list[dict]:
    """Blocks of toys of every problem and hypothesis; NP2 shares the null of NP1."""
    names = [name for name in PROBLEMS if name != LINE]
    cases = [(name, "null") for name in names if name != "NP2"] + [(name, "signal") for name in names]
    return [
        {"problem": name, "hypothesis": hypothesis, "block": block}
        for block in range(max(TOYS.values()) // BLOCK)
        for name, hypothesis in cases
        if block < (RAW if name == "box, raw" else TOYS[hypothesis]) // BLOCK
    ]


def benchmark(item: dict, toys: int = BLOCK) -> studies.Tables:
    """t of the first toys of a block, and of the ideal test."""
    name, hypothesis, block = item["problem"], item["hypothesis"], item["block"]
    problem = PROBLEMS[name]
    toys = draw(name, hypothesis, BLOCK, "toys", block)[:toys]
    seed = compute.seed(SEED, "weights", name, hypothesis, block)
    t = fit(name, toys, reference_of(name, "reference"), problem.expected, seed=seed)
    rows = [
        {
            "problem": name,
            "hypothesis": hypothesis,
            "toy": block * BLOCK + i,
            "events": len(x),
            "t": value,
            "ideal": np_t,
        }
        for i, (x, value, np_t) in enumerate(zip(toys, t, _ideal(name, toys), strict=True))
    ]
    return {"nplm-benchmarks": rows}


def _ideal(name, toys):
    problem = PROBLEMS[name]
    return nplm.neyman_pearson(toys, problem.log_ratio, problem.expected, problem.expected + (problem.added or 0))


def recipes(item: dict) -> studies.Tables:
    """t of the same toys by a recipe and a seed, which are small but in one dimension, and how long it takes."""
    name, problem = item["problem"], PROBLEMS[item["problem"]]
    scale = 1 if name == LINE else SMALL
    expected = problem.expected * scale
    reference = reference_of(name, "compared reference", "small", scale=scale)
    toys = [x for kind in TOYS for x in draw(name, kind, 6, "compared toys", "small", scale=scale)]
    seed = compute.seed(SEED, "weights", name, item["recipe"], item["seed"])
    start = time.process_time()
    t = fit(name, toys, reference, expected, recipe=item["recipe"], seed=seed)
    seconds = time.process_time() - start
    rows = [item | {"toy": i, "t": value, "seconds": seconds / len(toys)} for i, value in enumerate(t)]
    return {"nplm-recipes": rows}


def cells(item: dict) -> studies.Tables:
    """t of toys of full size with so many cells (0: none), and how long they take."""
    name, problem = item["problem"], PROBLEMS[item["problem"]]
    reference = reference_of(name, "compared reference", "whole")
    toys = [x for kind in TOYS for x in draw(name, kind, 6, "compared toys", "whole")]
    recipe, seed = nplm.Newton(cells=item["cells"] or None), compute.seed(SEED, "compared weights", name)
    start = time.process_time()
    t = fit(name, toys, reference, problem.expected, recipe=recipe, seed=seed)
    seconds = time.process_time() - start
    rows = [item | {"toy": i, "t": value, "seconds": seconds / len(toys)} for i, value in enumerate(t)]
    return {"nplm-cells": rows}


STUDY = studies.Study(
    "nplm-benchmarks",
    "make nplm-tables",
    {
        recipes: [
            {"problem": name, "recipe": recipe, "seed": seed}
            for recipe in ("newton", "adam") for seed in range(SEEDS) for name in (LINE, "NP1", "bump", "box")
        ],
        cells: [{"problem": name, "cells": number} for name in ("NP1", "bump", "box") for number in (4096, 0)],
        benchmark: blocks(),
    },
    {"toys": TOYS, "reference": RATIO},
    # One reference for all toys of a problem; the same samples for all recipes, or numbers of cells; and for the latter
    # the same initial weights, too, so that nothing but the cells differs.
    shared=("reference", "compared reference", "compared toys", "compared weights"),
)  # fmt: skip
