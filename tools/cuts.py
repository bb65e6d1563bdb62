"""What a rehearsal makes short: every cell of a full run is executed as it stands, but trainings end after a few steps.

A rehearsal looks for code that breaks: a name that is missing, arguments that do not fit, a shape. So nothing that a
chapter sees changes its shape: where many toys or items are asked for, a few are computed and stand for the others.
`cut` is called in the kernel, before the chapter's first cell.
"""

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

BATCHES = 3  # of an epoch
TOYS = 7  # an unlikely number of features or steps: arrays of this length are taken for one value a toy
SETTINGS = {"epochs": 1, "iterations": 2, "starts": 2, "warm_up": None}
TREES = 3  # and members of an ensemble


def cut() -> None:
    """Patches dmlib and the libraries under it; it lasts as long as the process."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from dmlib import compute, nplm, training

    _replace(training.fit, _one_epoch(training.fit))
    for draw in (nplm.draw, nplm.draw_from):
        _replace(draw, _few_draws(draw))
    _replace(nplm.fit_models, _few_toys(nplm.fit_models))
    _replace(nplm.KernelMachine.fit, _few_toys(nplm.KernelMachine.fit), nplm.KernelMachine)
    _replace(compute.map, _few_items(compute.map))
    _lower(HistGradientBoostingClassifier, "max_iter", TREES)


def _replace(old: Callable, new: Callable, *classes: type) -> None:
    """Puts a function in the place of another in every module of dmlib that has it by any name."""
    for place in [*(module for name, module in list(sys.modules.items()) if name.startswith("dmlib")), *classes]:
        for name, value in list(vars(place).items()):
            if value is old:
                setattr(place, name, new)


def _lower(estimator: type, parameter: str, most: int) -> None:
    """Bounds a parameter of a scikit-learn estimator while it is fitted."""
    fit = estimator.fit

    @functools.wraps(fit)
    def shorter(self, *args, **kwargs):
        asked = getattr(self, parameter)
        setattr(self, parameter, min(asked, most))
        try:
            return fit(self, *args, **kwargs)
        finally:
            setattr(self, parameter, asked)

    estimator.fit = shorter


def shortened(recipe: Any) -> Any:
    """Returns a recipe with few steps."""
    if isinstance(recipe, str):
        from dmlib import nplm

        recipe = {"adam": nplm.Adam, "newton": nplm.Newton}[recipe]()
    if not dataclasses.is_dataclass(recipe):
        return recipe
    few = {}
    for name, most in SETTINGS.items():
        value = getattr(recipe, name, None)
        if dataclasses.is_dataclass(value):
            few[name] = shortened(value)
        elif most is not None and hasattr(recipe, name):
            few[name] = most if value is None else min(value, most)
    return dataclasses.replace(recipe, **few)


def _one_epoch(fit: Callable) -> Callable:
    """Trains for an epoch of a few batches, spread over all events."""
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def shorter(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        values = given.arguments
        recipe = values.get("recipe")
        if recipe is None:
            values["epochs"] = 1
        else:
            recipe = values["recipe"] = shortened(recipe)
        size = values.get("batch_size") or recipe.batch_size
        step = max(len(values["data"][0]) // (BATCHES * size), 1)
        for name in ("data", "validation"):
            if values.get(name) is not None:
                values[name] = [array[::step] for array in values[name]]
        if values.get("weight") is not None:
            values["weight"] = values["weight"][::step]
        return fit(*given.args, **given.kwargs)

    return shorter


def _few_toys(fit: Callable) -> Callable:
    """Fits a few toys, whose results stand for all."""
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def shorter(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        values, n = given.arguments, len(given.arguments["toys"])
        if "recipe" in values:
            values["recipe"] = shortened(values["recipe"])
        for name in ("toys", "reference", "reference_weights", "initial") if n > TOYS else ():
            value = values.get(name)
            a_toy_each = isinstance(value, list | tuple) or getattr(value, "ndim", 0) > (1 if name == "initial" else 2)
            if name == "toys" or (a_toy_each and len(value) == n):
                values[name] = value[:TOYS]
        return repeated(fit(*given.args, **given.kwargs), n) if n > TOYS else fit(*given.args, **given.kwargs)

    return shorter


def _few_draws(draw: Callable) -> Callable:
    """Draws a few toys, which stand for all."""
    signature = inspect.signature(draw)

    @functools.wraps(draw)
    def shorter(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        n = given.arguments["n"]
        given.arguments["n"] = min(n, TOYS)
        return repeated(draw(*given.args, **given.kwargs), n) if n > TOYS else draw(*given.args, **given.kwargs)

    return shorter


def repeated(result: Any, n: int) -> Any:
    """Repeats what is there for each of a few toys so that there is as much as for n."""
    if isinstance(result, np.ndarray) and result.ndim and len(result) == TOYS:
        return np.resize(result, (n, *result.shape[1:]))
    if isinstance(result, list) and len(result) == TOYS:
        return [result[i % TOYS] for i in range(n)]
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return result._make(repeated(part, n) for part in result)
    if dataclasses.is_dataclass(result):
        fields = {field.name: repeated(getattr(result, field.name), n) for field in dataclasses.fields(result)}
        return dataclasses.replace(result, **fields)
    return result


def _few_items(compute_map: Callable) -> Callable:
    """Computes two items here, whose results stand for all; nothing is stored."""

    @functools.wraps(compute_map)
    def shorter(function, items, *args, **kwargs):
        items = list(items)
        few = [function(item) for item in items[:2]]
        return [few[i % 2] for i in range(len(items))]

    return shorter
