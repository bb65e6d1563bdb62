"""The folder in which ``compute.map`` keeps results: a JSON file an item, arrays in it as base64 of numpy's format.

There are no pickles, so that a folder from somebody else is safe to read.
"""

import base64
import functools
import io
import json
import operator
import os
import reprlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dmlib import _files

_ARRAY = "__array__"


def files(folder: str | os.PathLike, function: Callable, items: Sequence[Any]) -> list[Path]:
    """Names the file of each item by a hash of the function's name, what partial binds to it, and the item.

    Raises:
        ValueError: The function has no name of its own, so that results of different ones could be mixed up.
        TypeError: An item holds a masked array, whose mask the hash would not see.
    """
    import joblib

    bound = []
    while isinstance(function, functools.partial):
        bound.append((function.args, function.keywords))
        function = function.func
    if not _has_a_name(function):
        raise ValueError(
            f"store: results are kept under the name of the function, and {reprlib.repr(function)} has none of its own;"
            " expected a function defined at the top level of a module or notebook, or a functools.partial of one"
        )
    for item in (*items, bound):
        _refuse_masks(item, "an item")
    folder = _files.expanded(folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = (function.__module__, function.__qualname__, bound)
    return [folder / f"{joblib.hash((name, item))}.json" for item in items]


def encoded(function: Callable, item: Any) -> str:
    """Computes an item and returns its result as JSON.

    Raises:
        TypeError: The result holds something that the store cannot keep.
    """
    return json.dumps({"item": reprlib.repr(item), "result": _plain(function(item))})


def decoded(text: str) -> Any:
    """Returns the result in a JSON text made by :func:`encoded`."""

    def restore(value: dict) -> Any:
        return np.load(io.BytesIO(base64.b64decode(value[_ARRAY])), allow_pickle=False) if _ARRAY in value else value

    return json.loads(text, object_hook=restore)["result"]


def read(file: Path) -> Any:
    """Returns the result in a file.

    Raises:
        ValueError: The file is damaged.
    """
    try:
        return decoded(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} holds no result of compute.map; delete it to compute the item again") from error


def _has_a_name(function: Callable) -> bool:
    try:
        return operator.attrgetter(function.__qualname__)(sys.modules[function.__module__]) == function
    except (AttributeError, KeyError):  # a lambda, a function inside a function, an object that can be called
        return False


def _refuse_masks(value: Any, where: str) -> None:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"store: {where} holds a masked array, whose mask would be lost; expected a plain one: give"
            " array.filled(...), or the values and the mask as two arrays"
        )
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_masks(part, where)


def _plain(value: Any) -> Any:
    _refuse_masks(value, "a result")
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {_ARRAY: base64.b64encode(file.getvalue()).decode()}
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = float(value) if isinstance(value, np.floating) else value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict) and _ARRAY not in value and all(isinstance(key, str) for key in value):
        return {key: _plain(v) for key, v in value.items()}
    raise TypeError(
        f"store: a result holds {reprlib.repr(value)} of type {type(value).__name__}; expected numbers, strings, None,"
        " numpy arrays, and lists and dicts (with string keys) of these; of a table give table.to_dict('list')"
    )
